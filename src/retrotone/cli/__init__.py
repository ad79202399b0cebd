"""The command line: it parses, calls and prints. Results go to stdout, all else to stderr."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from retrotone import __version__
from retrotone.cli import app as window
from retrotone.cli import genre, genre_predict, library, models, study, tags, training, web
from retrotone.cli.screen import (
    Bar,
    LogHandler,
    complain,
    failure,
    print_table,
    printable,
    report_failures,
)
from retrotone.errors import OutputError, RetrotoneError, StyleError

INTERRUPTED, TERMINATED = 130, 143  # exit codes: 128 + SIGINT, 128 + SIGTERM

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(models.app, name="models")
app.add_typer(genre_predict.app, name="genre")
genre_predict.app.command("train")(genre.train)
app.add_typer(library.app, name="library")
models.app.command("train")(training.train)
app.command("generate")(models.generate)
app.command("tags")(tags.show_tags)
app.command("app")(window.open_window)
app.command("web")(web.serve_page)
app.add_typer(study.app, name="study")


def main() -> NoReturn:
    """Run the command line as a process of its own."""
    _own_streams()
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # the libraries'; retrotone's own come through its log
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # unwinds: nothing half-written stays
    try:
        code = run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except OSError as error:  # of stdout, whose buffer must not fail again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 1
        if not isinstance(error, BrokenPipeError):  # the reader may have seen enough
            complain(f"the results cannot be printed ({error.strerror}): send standard output elsewhere")
            code = 2
    sys.exit(code)


def _own_streams() -> None:
    """Make both streams writable, whatever the caller closed, and keep stderr for Python alone.

    Decoders chat on file descriptor 2, straight through the progress bar.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    else:
        sys.stdout = os.fdopen(nowhere, "w")
    kept = nowhere if sys.stderr is None else os.dup(2)
    sys.stderr = os.fdopen(kept, "w", buffering=1, errors="backslashreplace", closefd=False)
    os.dup2(nowhere, 2)


def run(arguments: Sequence[str] | None = None) -> int:
    """Parse, call, print; return the exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default the process's own.

    Returns
    -------
    int
        0: all went well. 1: some of many songs failed (2 of ``genre predict`` and ``evaluate``). 2: bad input or
        usage. 130: Ctrl-C.
    """
    log, handler = logging.getLogger("retrotone"), LogHandler()
    log.addHandler(handler)
    try:
        return app(args=arguments, prog_name="retrotone", standalone_mode=False) or 0
    except RetrotoneError as error:
        complain(str(error))
    except typer.TyperException as error:  # usage
        context = getattr(error, "ctx", None)
        if message := " ".join(error.format_message().split()).rstrip("."):
            complain(f"{message}: see {context.command_path if context else 'retrotone'} --help")
    finally:
        log.removeHandler(handler)
    return 2


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"retrotone {__version__}")
        raise typer.Exit


@app.callback()
def retrotone(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Give any recording the sound of another era."""


@app.command("style")
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
    from retrotone.cli.songs import Job, check_settings, chosen_style, places
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


@app.command("compare")
def compare_files(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Versions, the original first.")],
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="OUT", help="The page (.html), or only its picture (.png).")
    ] = "report.html",
    style: Annotated[
        str | None, typer.Option(metavar="FILE", help="What they were to sound like: adds how far they came.")
    ] = None,
    names: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="What to call them; by default the files' names.")
    ] = None,
) -> None:
    """Compare versions of a recording: a page with players, a picture and a table."""
    page = Path(out)
    if page.suffix.lower() not in (".html", ".png"):
        raise OutputError(f"{out}: a comparison is written as .html or .png, not '{page.suffix}'")
    if not page.parent.is_dir():
        raise OutputError(f"{page.parent} is not a folder: create it first")
    titles = _titles(files) if names is None else [name.strip() for name in names.split(",")]
    if len(titles) != len(files) or len(set(titles)) != len(files):
        raise StyleError(
            f"{len(files)} files need as many different names, not '{','.join(titles)}': use --names"
        )
    with Bar() as bar:
        from retrotone.audio import load
        from retrotone.report import MEASURES, PLAYER_SECONDS, compare

        target = None if style is None else load(style, PLAYER_SECONDS)
        versions = {title: load(file, PLAYER_SECONDS) for title, file in zip(titles, files, strict=True)}
        comparison = compare(versions, target, bar.item())
        written = [comparison.save(path) for path in dict.fromkeys((page, page.with_suffix(".png")))]
    rows = []
    for row in comparison.table:
        values = (getattr(row, name) for name in MEASURES)
        cells = ["" if value is None else f"{value:z.2f}" for value in values]
        rows.append([row.version, f"{row.seconds:.1f}", f"{row.loudness_lufs:.1f}", *cells])
    print_table(["version", "seconds", "LUFS", *MEASURES.values()], rows)
    typer.echo(f"wrote {' and '.join(map(printable, written))}")


def _titles(files: Sequence[str]) -> list[str]:
    """Name versions after their files: by the last part where that tells them apart."""
    stems = [printable(Path(file).stem) for file in files]
    return stems if len(set(stems)) == len(stems) else [printable(file) for file in files]


@app.command("eras")
def list_eras(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object an era.")] = False,
) -> None:
    """List the eras and what each does to a sound."""
    from retrotone.style.eras import ERAS

    if as_json:
        for era in ERAS.values():
            keys = ("name", "year", "medium", "description", "aliases")
            typer.echo(json.dumps({key: getattr(era, key) for key in keys}))
        return
    rows = [
        [era.name, str(era.year), era.medium, era.description, ", ".join(era.aliases)]
        for era in ERAS.values()
    ]
    print_table(["era", "year", "medium", "what one hears", "other names"], rows)


@app.command("demo")
def run_demo(
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="DIR", help="Where everything goes.")
    ] = "out/demo",
) -> None:
    """Give the bundled song the sound of an era and of the bundled record, with pictures and a report."""
    began = time.perf_counter()
    with Bar() as bar:
        from retrotone.demo import make_demo

        made = make_demo(out, bar.item())
    print_table(["made", "what it is"], [[str(path), what] for path, what in made.items()])
    report = next(iter(made)).resolve()
    typer.echo(f"{time.perf_counter() - began:.0f} s. Open {report.as_uri()}")
