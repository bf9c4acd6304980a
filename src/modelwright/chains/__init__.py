"""Several stages in a row: run, retrain."""
