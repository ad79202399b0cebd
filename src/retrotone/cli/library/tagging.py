"""``retrotone library tag``: what the library knows, in the tags of its files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from retrotone.cli.console import Bar, complain
from retrotone.cli.library.options import AsJson, File, open_library, with_filters
from retrotone.errors import LibraryError
from retrotone.utils.text import counted, printable

if TYPE_CHECKING:
    from retrotone.library.library import Filter


@with_filters
def tag_files(
    only: Filter,
    write: Annotated[
        str, typer.Option(metavar="NAMES", help="What to write: bpm,key,genre,mood or some of these.")
    ] = "",
    apply: Annotated[
        bool, typer.Option("--apply", help="Write; without it the command only says what it would write.")
    ] = False,
    undo: Annotated[
        str | None, typer.Option(metavar="FILE", help="Take back what an undo file lists, unless it has changed since.")
    ] = None,
    library: File = None,
    as_json: AsJson = False,
) -> None:
    """Write tempo, key, genre and mood into files whose tags lack them; --apply does it, --undo takes it back."""
    from dataclasses import asdict

    if bool(write) == bool(undo):
        raise LibraryError("library tag needs either --write bpm,key,genre,mood or --undo FILE")
    with Bar() as bar, open_library(library) as opened:
        if undo:
            report = opened.untag(undo, bar.item())
        else:
            report = opened.tag([name.strip() for name in write.split(",")], only, apply, bar.item())
    if as_json:
        typer.echo(json.dumps(asdict(report)))
        return
    for path, reason in report.skipped:
        complain(reason if path in reason else f"{path}: {reason}")
    for change in report.changes:
        texts = ", ".join(f"{name} {'; '.join(values)}" for name, values in change.added.items())
        typer.echo(f"{printable(change.path)}: {texts}")
    files = counted(len(report.changes), "file")
    if undo:
        typer.echo(f"taken back from {files}")
    elif report.undo:
        typer.echo(f"{files} written; --undo {printable(report.undo)} takes it back")
    else:
        typer.echo(f"{files} to be written: add --apply")
