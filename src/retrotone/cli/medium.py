"""``retrotone medium``: the medium of a record, as a preset that one can edit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrotone.cli.console import Bar, Overwrite, print_table
from retrotone.errors import OutputError, StyleError
from retrotone.utils.files import check_outputs, new_folder, output_path
from retrotone.utils.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrotone.audio.files import AudioFile
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
        typer.Option("-o", "--out", metavar="FILE.toml|DIR", help="Write the medium here, to edit, to use as --style."),
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Add a page that draws each record being read (.html) and its picture.")
    ] = False,
    overwrite: Overwrite = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Read what a record's machine did to its sound: band, noise, crackle, wow and more."""
    from retrotone.style.choices import find_styles, input_paths

    choice = find_styles(records)
    name = Path(choice.name).stem
    preset, folder = output_path(out, f"{name}.toml") if out else (None, None)
    if preset and preset.suffix.lower() != ".toml":
        raise OutputError(f"{out}: a medium is written as .toml, not '{preset.suffix}'")
    page = (preset.with_suffix(".html") if preset else Path(f"{name}-medium.html")) if report else None
    outputs = [*([preset] if preset else []), *([page, page.with_suffix(".png")] if page else [])]
    check_outputs(outputs, input_paths(choice), overwrite=overwrite, folder=folder)
    with Bar() as bar:
        from retrotone.progress import part
        from retrotone.services.medium import write_medium_report

        progress = bar.item()
        sources, medium, readings = _medium(choice, report, part(progress, 0.0, 0.7 if page else 1.0))
        with new_folder(folder):
            if preset:
                medium.save(preset, overwrite)
            if page:
                write_medium_report(sources, medium, readings, page, part(progress, 0.7, 1.0), overwrite)
    _show(medium, readings, preset, page, as_json)


def _medium(choice: StyleChoice, report: bool, progress: Progress) -> tuple[Sequence[AudioFile], Medium, list[Reading]]:
    """Return the records that were named, their medium, and what each record showed."""
    from retrotone.audio.files import AudioFile
    from retrotone.services.medium import read_medium
    from retrotone.style.choices import Records
    from retrotone.style.medium import Medium

    opened = choice.open()
    if isinstance(opened, Medium):
        if report:
            raise StyleError("--report draws records being read: leave it out for an era or a preset")
        return (), opened, []
    if not isinstance(opened, AudioFile | Records):
        raise StyleError(f"{choice.title} is a model: name a record")
    sources, name = (opened.sources, opened.name) if isinstance(opened, Records) else ((opened,), None)
    return sources, *read_medium(sources, name, progress)


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
    written = [file for file in (preset, page, page and page.with_suffix(".png")) if file]
    if written:
        typer.echo(f"wrote {' and '.join(map(printable, written))}")
