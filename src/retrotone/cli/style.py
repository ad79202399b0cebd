"""``retrotone style``: songs in another sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrotone.cli.console import Overwrite, Recursive, Skip, Strict, numbers_to_do, print_each
from retrotone.errors import StyleError
from retrotone.measures import MEASURES
from retrotone.progress import Progress
from retrotone.utils.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrotone.style.choices import StyleChoice

DEFAULT_ERA = "1930s"

BitDepth = Annotated[
    int | None,
    typer.Option(
        metavar="16|24|32", help="Of WAV (32 is float), FLAC and AIFF; by default the song's, 24 of a lossy one."
    ),
]
Quality = Annotated[
    float | None,
    typer.Option(
        metavar="0..10", help="Of OGG, Opus and MP3: 10 is the best; by default about 4, 2 and 6 on this scale."
    ),
]
Out = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--out",
        metavar="OUT|DIR",
        help="A file for one song, or a folder: a new one's name ends with /. "
        "By default SONG-STYLE in the current folder, in the song's own format where it can be written.",
    ),
]
Resynthesis = Annotated[
    str | None,
    typer.Option(metavar="content|griffinlim|random", help="Of transport and gram: whose phase the result gets."),
]


def style_songs(
    songs: Annotated[
        list[str], typer.Argument(metavar="SONG|FOLDER", help="Recordings of any length; folders with --recursive.")
    ],
    style: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|FOLDER|ERA|rave:MODEL",
            help="The sound to give them: a recording, an era (by default the 1930s), a medium's file (.toml) or a "
            "model's clip. Several recordings, or a folder of them, make one medium.",
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            metavar="medium|transport|gram|era|rave",
            help="medium gives the song what the record's machine did, which is what one hears as an old record; "
            "transport also gives it the tonal colour of the music on the record; gram is the study's slow descent, "
            "era an era's medium; with rave a model plays the song. By default medium for a recording.",
        ),
    ] = None,
    only: Annotated[
        str | None, typer.Option(metavar="PART,...", help="Only these parts of the medium, such as noise,band,wow.")
    ] = None,
    without: Annotated[
        str | None, typer.Option(metavar="PART,...", help="The medium without these parts, such as crackle.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="Which model, see retrotone models list.")
    ] = None,
    strength: Annotated[
        float | None, typer.Option(metavar="0..1", help="0 is the song as it was, 1 all of the style.")
    ] = None,
    out: Out = None,
    recursive: Recursive = False,
    skip: Skip = False,
    overwrite: Overwrite = False,
    bit_depth: BitDepth = None,
    quality: Quality = None,
    strict: Strict = False,
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
            metavar="X", help="Of transport and gram: hiss of the recording in the song's pauses, 1 as on it, 0 none."
        ),
    ] = None,
    resynthesis: Resynthesis = None,
) -> None:
    """Give songs the sound of an era or of another recording."""
    from retrotone.services.restyle import Job, check_settings, output_paths
    from retrotone.services.songs import find_songs
    from retrotone.style.transfer import StyleTransfer

    _check_no_style(songs)
    given = {"method": method, "strength": strength, "seed": seed, "noise": noise, "resynthesis": resynthesis}
    settings: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    transfer = StyleTransfer(**settings)
    opened = _chosen_style(style, method, model).open(seed)
    kept, dropped = _words(only), _words(without)
    check_settings(opened, method, noise, resynthesis, kept + dropped)
    found = find_songs(songs, recursive, Path(out or ""))
    outputs, folder = output_paths(found, opened, transfer, out)
    job = Job(transfer, opened, folder, report, metrics, kept, dropped, bit_depth, quality, strict, overwrite)
    numbers = numbers_to_do(outputs, skip, overwrite)
    job.check([found[k] for k in numbers], [outputs[k] for k in numbers])

    def restyle(index: int, progress: Progress) -> str:
        figures = job.run(found[numbers[index]].path, outputs[numbers[index]], progress)
        return json.dumps(figures) if as_json else _sentence(figures, report)

    skipped = len(found) - len(numbers)
    print_each([found[k].path for k in numbers], restyle, "done: go on with --skip", skipped)


def _check_no_style(songs: Sequence[str]) -> None:
    """Raise StyleError if a song is the name of an era."""
    from retrotone.style.eras import ERAS

    for name in songs:
        if name in ERAS and not Path(name).exists():
            raise StyleError(f"{name} is a style, and no song: say --style {name}")


def _words(text: str | None) -> list[str]:
    """Return the parts of a medium that a text names, separated by commas."""
    from retrotone.style.medium import check_words

    words = [word.strip() for word in text.split(",") if word.strip()] if text else []
    check_words(words)
    return words


def _chosen_style(names: list[str] | None, method: str | None, model: str | None) -> StyleChoice:
    """Return the style that ``--style``, ``--method`` and ``--model`` name together.

    Without a style it is the 1930s, or the bundled model.
    """
    from retrotone.style.choices import RAVE_PREFIX, find_style, find_styles

    if model is not None and method != "rave":
        raise StyleError(
            "--model goes with --method rave: to use a clip that a model generates, say --style rave:MODEL"
        )
    if method != "rave":
        choice = find_styles(names or [DEFAULT_ERA], method)
        if choice.kind == "rave":
            raise StyleError(
                f"{choice.name} is a model: say --style {RAVE_PREFIX}{choice.name} for the sound of a clip that it "
                f"generates, or --method rave --model {choice.name} to let it play the song"
            )
        return choice
    if names and len(names) > 1:
        raise StyleError("with --method rave one model is the style: name it with --model")
    name = names[0] if names else None
    if name and (model or not name.startswith(RAVE_PREFIX)):
        raise StyleError("with --method rave the model is the style: name it with --model, without --style")
    return find_style(model or name or "", method)


def _sentence(figures: dict[str, Any], report: bool) -> str:
    """Say what was done to a song."""
    output = Path(figures["output"])
    speed = f"{figures['seconds']:.1f} s, {figures['realtime_factor']:.0f}x real time"
    parts = [f"{output}: {figures['method']} ({speed})"]
    parts += [f"{label} {figures[name]:z.2f}" for name, label in MEASURES.items() if figures[name] is not None]
    if report:
        parts.append(f"report {output.with_suffix('.html')}")
    return printable(", ".join(parts))
