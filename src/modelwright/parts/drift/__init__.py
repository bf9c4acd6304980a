"""How far current data is from the reference."""
