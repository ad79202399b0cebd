"""``retrotone eras``: the eras to choose from."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from retrotone.cli.console import print_table


def list_eras(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object an era.")] = False) -> None:
    """List the eras and what each does to a sound, then your own presets."""
    from retrotone.style.choices import presets
    from retrotone.style.eras import ERAS

    # a preset is called by its file, whatever name stands in it
    named = [*ERAS.items(), *((path.stem, medium) for path, medium in presets())]
    if as_json:
        for name, era in named:
            values = {"name": name, "year": era.year, "medium": era.carrier}
            typer.echo(json.dumps(values | {"description": era.description, "aliases": era.aliases}))
        return
    rows = [[name, str(era.year or ""), era.carrier, era.description, ", ".join(era.aliases)] for name, era in named]
    print_table(["era", "year", "medium", "what one hears", "other names"], rows)
