"""Self-contained HTML and charts from results."""
