"""``retrotone demo``: the main functions on the bundled song."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from retrotone.cli.console import Bar, Overwrite, print_table


def run_demo(
    out: Annotated[str, typer.Option("-o", "--out", metavar="DIR", help="Where everything goes.")] = "out/demo",
    overwrite: Overwrite = False,
) -> None:
    """Give the bundled song the sound of an era and of the bundled record, with pictures and a report."""
    began = time.perf_counter()
    with Bar() as bar:
        from retrotone.services.demo import make_demo

        made = make_demo(out, bar.item(), overwrite)
    print_table(["made", "what it is"], [[str(path), what] for path, what in made.items()])
    report = next(iter(made)).resolve()
    typer.echo(f"{time.perf_counter() - began:.0f} s. Open {report.as_uri()}")
