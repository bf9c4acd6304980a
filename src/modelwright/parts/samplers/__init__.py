"""How tune picks the next trial."""
