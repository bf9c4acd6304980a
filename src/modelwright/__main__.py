"""`python -m modelwright` is the same as `modelwright`."""

from modelwright.cli.app import main

main()
