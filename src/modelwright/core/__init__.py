"""Errors, names, units, seeds; standard library only."""
