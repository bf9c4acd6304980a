"""`modelwright schema`: the spec's JSON Schema, for editors that complete and check YAML."""


def schema() -> None:
    """Print the JSON Schema of the spec."""
    from modelwright.cli.output import print_json
    from modelwright.spec.schema import json_schema

    print_json(json_schema())
