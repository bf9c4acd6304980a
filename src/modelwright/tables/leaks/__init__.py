"""Guards that look for what makes scores too good, and warn with evidence."""
