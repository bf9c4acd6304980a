"""Tables at rest: engine (DuckDB), column types, profiles, digests."""
