"""Feature steps: fitted on learn, compiled into the graph."""
