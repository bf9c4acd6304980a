"""How well predictions match the truth."""
