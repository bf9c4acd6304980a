"""The prediction log: written beside the server, read while it is written."""
