"""What a spec can name by kind: one folder per kind of part, one file per part."""
