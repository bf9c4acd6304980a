"""Which rows are learnt from, validated on and tested on."""
