"""The console script: what a command needs is imported when the command is known.

`spec` is asked for at every start of a form, and needs the manifest alone. The CDK's import takes half of the time of
`check`; nearly half of that goes into notes on the protocol's fields that nobody reads.
"""

from __future__ import annotations

import sys


def run() -> None:
    """Runs the command of `sys.argv`."""
    if sys.argv[1:] == ["spec"]:
        _write_specification()
        return
    import_models_without_notes()
    from source_dialpad.command import run as run_command  # noqa: PLC0415  # see above

    run_command()


def _write_specification() -> None:
    import orjson  # noqa: PLC0415  # see above

    from source_dialpad.manifest import specification  # noqa: PLC0415

    sys.stdout.write(orjson.dumps({"type": "SPEC", "spec": specification()}).decode() + "\n")


def import_models_without_notes() -> None:
    """Imports the CDK's models; serpyco-rs would parse their sources for notes that its JSON schemas alone carry."""
    import attributes_doc  # noqa: PLC0415  # see above

    parsed = attributes_doc.get_attributes_doc
    attributes_doc.get_attributes_doc = lambda cls: {}  # noqa: ARG005  # as the original has it
    try:
        import airbyte_cdk.models  # noqa: F401, PLC0415
    finally:
        attributes_doc.get_attributes_doc = parsed


if __name__ == "__main__":
    run()
