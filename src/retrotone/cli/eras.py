"""``retrotone eras``: the eras to choose from."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from retrotone.cli.console import print_table


def list_eras(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object an era.")] = False) -> None:
    """List the eras and what each does to a sound."""
    from retrotone.style.eras import ERAS

    if as_json:
        for era in ERAS.values():
            values = {"name": era.name, "year": era.year, "medium": era.carrier}
            typer.echo(json.dumps(values | {"description": era.description, "aliases": era.aliases}))
        return
    rows = [[era.name, str(era.year), era.carrier, era.description, ", ".join(era.aliases)] for era in ERAS.values()]
    print_table(["era", "year", "medium", "what one hears", "other names"], rows)
