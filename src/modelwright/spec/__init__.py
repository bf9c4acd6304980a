"""What YAML may say: loading, merging, locating errors, one file per section."""
