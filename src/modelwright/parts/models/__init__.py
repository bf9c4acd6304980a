"""Estimators: fitted on features, compiled into the graph."""
