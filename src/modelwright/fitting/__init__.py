"""Fits features and model on a split; folds, budget, the auto portfolio."""
