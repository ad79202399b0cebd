"""``retrotone medium``: the medium of a record, as a preset that one can edit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrotone.cli.console import Bar, print_table
from retrotone.errors import OutputError, StyleError
from retrotone.utils.text import printable

if TYPE_CHECKING:
    from retrotone.progress import Progress
    from retrotone.style.choices import StyleChoice
    from retrotone.style.medium import Medium
    from retrotone.style.reading.reading import Reading


def read_records(
    records: Annotated[
        list[str],
        typer.Argument(metavar="RECORD", help="A record, several of the same kind, a folder of them, or an era."),
    ],
    out: Annotated[
        str | None,
        typer.Option("-o", "--out", metavar="FILE.toml", help="Write the medium here, to edit and to use as --style."),
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Add a page that draws each record being read (.html) and its picture.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Read what a record's machine did to its sound: band, noise, crackle, wow and more."""
    from retrotone.style.choices import find_styles

    preset = _preset_path(out)
    choice = find_styles(records)
    page = _page_path(choice, preset) if report else None
    with Bar() as bar:
        medium, readings = _medium(choice, page, bar.item())
    if preset:
        medium.save(preset)
    _show(medium, readings, preset, page, as_json)


def _preset_path(out: str | None) -> Path | None:
    """Return where the preset goes; a preset that exists may have been edited by hand and is never replaced."""
    if out is None:
        return None
    path = Path(out)
    if path.suffix.lower() != ".toml":
        raise OutputError(f"{out}: a medium is written as .toml, not '{path.suffix}'")
    if not path.parent.is_dir():
        raise OutputError(f"{path.parent} is not a folder: create it first")
    if path.exists():
        raise OutputError(f"{out} is there already: choose another name, or delete it first")
    return path


def _page_path(choice: StyleChoice, preset: Path | None) -> Path:
    from retrotone.services.medium import report_paths

    page = preset.with_suffix(".html") if preset else Path(f"{Path(choice.name).stem}-medium.html")
    report_paths(page)
    return page


def _medium(choice: StyleChoice, page: Path | None, progress: Progress) -> tuple[Medium, list[Reading]]:
    """Return the medium that was named, and what each record showed; write the page if there is to be one."""
    from retrotone.audio.files import AudioFile
    from retrotone.progress import part
    from retrotone.services.medium import read_medium, write_medium_report
    from retrotone.style.choices import Records
    from retrotone.style.medium import Medium

    opened = choice.open()
    if isinstance(opened, Medium):
        if page:
            raise StyleError("--report draws records being read: leave it out for an era or a preset")
        return opened, []
    if not isinstance(opened, AudioFile | Records):
        raise StyleError(f"{choice.title} is a model: name a record")
    sources, name = (opened.sources, opened.name) if isinstance(opened, Records) else ((opened,), None)
    medium, readings = read_medium(sources, name, part(progress, 0.0, 0.7 if page else 1.0))
    if page:
        write_medium_report(sources, medium, readings, page, part(progress, 0.7, 1.0))
    return medium, readings


def _show(medium: Medium, readings: list[Reading], preset: Path | None, page: Path | None, as_json: bool) -> None:
    """Print what was found and what was written."""
    from retrotone.figures.dials import dials

    shown = dials(medium, readings)
    if as_json:
        values = {dial.name: {"value": dial.value or None, "sure": dial.sure} for dial in shown}
        files = {"output": preset and str(preset), "report": page and str(page)}
        typer.echo(json.dumps({"name": medium.name, "parts": medium.parts, "dials": values, **files}))
        return
    print_table(["part", "what was found", "how sure"], [[dial.name, dial.text, dial.sure_words] for dial in shown])
    for file in (preset, page):
        if file:
            typer.echo(printable(f"wrote {file}"))
