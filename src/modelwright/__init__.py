"""modelwright: one YAML spec from raw data to a monitored model server."""

__version__ = "0.1.0"
