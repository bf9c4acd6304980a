"""What must hold of the rows."""
