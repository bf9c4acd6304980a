"""What each kind of source needs to be read: from bytes, files, archives and connections to the table `raw`."""
