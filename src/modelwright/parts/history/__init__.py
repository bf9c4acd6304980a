"""Features of a row made of the rows before it, computed in SQL while data is prepared."""
