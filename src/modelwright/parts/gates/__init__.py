"""What an evaluated model must pass to be exported."""
