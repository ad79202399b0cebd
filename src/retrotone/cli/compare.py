"""``retrotone compare``: versions of a recording compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from retrotone.cli.console import Bar, Overwrite, print_table
from retrotone.errors import OutputError, StyleError
from retrotone.utils.files import check_outputs, new_folder, output_path
from retrotone.utils.text import printable

DEFAULT_PAGE = "report.html"


def compare_files(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Versions, the original first.")],
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="OUT", help="The page (.html), or only its picture (.png).")
    ] = DEFAULT_PAGE,
    style: Annotated[
        str | None, typer.Option(metavar="FILE", help="The recording they should sound like: adds how close they came.")
    ] = None,
    names: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="What to call them; by default the files' names.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Compare versions of a recording: a page with players, a picture and a table."""
    page, folder = output_path(out, DEFAULT_PAGE)
    if page.suffix.lower() not in (".html", ".png"):
        raise OutputError(f"{out}: a comparison is written as .html or .png, not '{page.suffix}'")
    outputs = list(dict.fromkeys((page, page.with_suffix(".png"))))
    check_outputs(outputs, [*files, *([style] if style else [])], overwrite=overwrite, folder=folder)
    titles = _titles(files) if names is None else [name.strip() for name in names.split(",")]
    if len(titles) != len(files) or len(set(titles)) != len(files) or "" in titles:
        raise StyleError(f"{len(files)} files need as many different names, not '{','.join(titles)}': use --names")
    with Bar() as bar:
        from retrotone.audio.audio import load
        from retrotone.audio.player import PLAYER_SECONDS
        from retrotone.progress import part
        from retrotone.report import compare
        from retrotone.services.compare import check_recording, comparison_cells, meanings

        versions = {title: load(file, PLAYER_SECONDS) for title, file in zip(titles, files, strict=True)}
        progress = bar.item()
        target = medium = None
        if style is not None:
            from retrotone.style.medium import Medium

            check_recording(style)
            target = load(style, PLAYER_SECONDS)
            medium = Medium.from_recording(style, progress=part(progress, 0.0, 0.2))
        comparison = compare(versions, target, part(progress, 0.2, 1.0), medium)
        with new_folder(folder):
            written = comparison.save_all(outputs, overwrite)
    titles, cells = comparison_cells(comparison.table)
    print_table(titles, cells)
    for meaning in meanings(titles):
        typer.echo(meaning)
    typer.echo(f"wrote {' and '.join(map(printable, written))}")


def _titles(files: Sequence[str]) -> list[str]:
    """Name versions after their files, by whole paths if two file names are the same."""
    stems = [printable(Path(file).stem) for file in files]
    return stems if len(set(stems)) == len(stems) else [printable(file) for file in files]
