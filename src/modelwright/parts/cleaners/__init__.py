"""What is done to rows before anything is fitted."""
