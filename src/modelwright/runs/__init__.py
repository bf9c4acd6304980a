"""The run folder: layout, manifest, atomic commit, verified read, aliases, cache key."""
