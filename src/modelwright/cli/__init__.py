"""One thin file per command; the error boundary and what the terminal shows."""
