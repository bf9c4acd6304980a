"""`modelwright check`: is this spec valid, and does the data have the columns that it names."""

from modelwright.cli.options import Json, Overrides, Quiet, SpecFile


def check(spec: SpecFile, overrides: Overrides = None, json: Json = False, quiet: Quiet = False) -> None:
    """Validate a spec and compare the columns it names with the data's header."""
    from modelwright.cli.output import print_json
    from modelwright.cli.terminal import tell
    from modelwright.spec.header import checked_header
    from modelwright.spec.load import load

    loaded = load(spec, overrides or [])
    header = checked_header(loaded)
    contract = loaded.spec.prepare.contract
    if contract is not None and not (loaded.base / contract.file).is_file():
        hint = f"modelwright prepare {spec} --pin writes it"
        tell(f"there is no {contract.file} yet; {hint}", mark="warning: ", style="yellow")
    if json:
        files = [str(file) for file in loaded.spec.prepare.source.inputs(loaded.base)]
        environment = list(loaded.env_names)
        print_json({"spec": str(spec), "digest": loaded.digest, "columns": header, "files": files, "env": environment})
    elif not quiet:
        columns = "columns are known only after reading" if header is None else f"{len(header)} columns in the data"
        tell(f"{spec}: ok; {loaded.spec.task.said}, {columns}")
