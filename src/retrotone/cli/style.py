"""``retrotone style``: songs in another sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from retrotone.cli.console import Bar, failure, report_failures
from retrotone.utils.text import printable


def style_songs(
    songs: Annotated[list[str], typer.Argument(metavar="SONG", help="Recordings of any length.")],
    style: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|ERA|rave:MODEL",
            help="The sound to give them: a recording, one of the eras (by default the 1930s), or what a model "
            "makes up.",
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            metavar="transport|gram|era|rave",
            help="transport is the closed form, gram the study's slow descent, era a medium's physics; "
            "with rave a model plays the song. "
            "By default era for an era and transport for a recording.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="Which model, see retrotone models list.")
    ] = None,
    strength: Annotated[
        float | None, typer.Option(metavar="0..1", help="0 is the song as it was, 1 all of the style.")
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--out",
            metavar="OUT|DIR",
            help="A file for one song, or a folder: a new one's name ends with /. "
            "By default SONG-STYLE in the current folder, in the song's own format where it can be written.",
        ),
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Add a page to listen and look (.html) and its picture (.png).")
    ] = False,
    metrics: Annotated[
        bool, typer.Option("--metrics", help="Measure how much of the style came and of the song stayed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a song.")] = False,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same bytes.")] = 0,
    noise: Annotated[
        float | None,
        typer.Option(
            metavar="X", help="Hiss of a recording in the song's pauses: 1 as on it, 0 none. Not for eras."
        ),
    ] = None,
    resynthesis: Annotated[
        str | None,
        typer.Option(metavar="content|griffinlim|random", help="Whose phase the result gets. Not for eras."),
    ] = None,
) -> None:
    """Give songs the sound of an era or of another recording."""
    from retrotone.services.songs import Job, check_settings, chosen_style, places
    from retrotone.style.transfer import StyleTransfer

    given = {"method": method, "strength": strength, "seed": seed, "noise": noise, "resynthesis": resynthesis}
    settings: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    transfer = StyleTransfer(**settings)
    target = chosen_style(style, method, model, seed)
    check_settings(target, method, noise, resynthesis)
    outputs, folder = places(songs, target, out)
    job = Job(transfer, target, folder, report, metrics)
    failures = []
    with Bar(len(songs)) as bar:
        for index, (song, output) in enumerate(zip(songs, outputs, strict=True)):
            try:
                figures = job.run(song, output, bar.item(index))
            except Exception as error:
                if len(songs) == 1:
                    raise
                failures.append(failure(song, error))
            else:
                bar.print(json.dumps(figures) if as_json else _sentence(figures, report))
    report_failures(failures, len(songs))


def _sentence(figures: dict[str, Any], report: bool) -> str:
    """Say what was done to a song."""
    from retrotone.report import MEASURES

    output = Path(figures["output"])
    speed = f"{figures['seconds']:.1f} s, {figures['realtime_factor']:.0f}x real time"
    parts = [f"{output}: {figures['method']} ({speed})"]
    parts += [
        f"{label} {figures[name]:z.2f}" for name, label in MEASURES.items() if figures[name] is not None
    ]
    if report:
        parts.append(f"report {output.with_suffix('.html')}")
    return printable(", ".join(parts))
