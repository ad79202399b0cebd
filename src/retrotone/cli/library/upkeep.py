"""``retrotone library scan``, ``duplicates``, ``map``, ``genres`` and ``check``: the library as a whole."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from retrotone.cli.console import Bar, Overwrite, complain, print_table
from retrotone.cli.library.options import AsJson, Exclude, File, open_library
from retrotone.utils.files import check_outputs, new_folder, output_path
from retrotone.utils.text import counted, printable

DEFAULT_MAP = "map.html"


def scan_folders(
    folders: Annotated[list[str], typer.Argument(metavar="FOLDER", help="A folder of music.")],
    library: File = None,
    exclude: Exclude = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only report what would be done.")] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Processes that analyse; by default one for each core.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Let a Ray cluster analyse: ray://HOST:10001, HOST:PORT or, on it, auto."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse damaged files; exit code 1 if a file cannot be analysed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the library up to date with folders. It may be stopped at any time, and goes on from there."""
    from dataclasses import asdict

    kept = "what was analysed is kept, and the same command goes on from there"
    with Bar(kept=kept) as bar, open_library(library) as opened:
        report = opened.scan(folders, exclude or (), dry_run, workers, bar.item(), cluster, strict)
    if as_json:
        typer.echo(json.dumps(asdict(report)))
    else:
        for reason in report.reasons:
            complain(reason)
        typer.echo(f"{report.summary} ({report.seconds:.1f} s)")
    if strict and report.broken:
        raise typer.Exit(1)


def show_duplicates(library: File = None, as_json: AsJson = False) -> None:
    """List recordings that the library holds more than once, the copy to keep first. Nothing is deleted.

    They may differ in format, level or master. A copy without damage goes first, then a lossless one, then bit rate,
    length and tags decide.
    """
    from retrotone.library.search.copies import freed_bytes, is_lossless, kbps

    with Bar() as bar, open_library(library) as opened:
        groups = opened.duplicates(bar.item())
    for group in groups:
        copies = [
            {"path": str(track.place), "bytes": track.size, "lossless": is_lossless(track), "kbps": round(kbps(track))}
            for track in group
        ]
        if as_json:
            typer.echo(json.dumps({"keep": copies[0], "others": copies[1:], "bytes_freed": freed_bytes(group)}))
            continue
        for word, track in zip(["keep", *["also"] * (len(group) - 1)], group, strict=True):
            facts = [f"{track.size / 1e6:.1f} MB", *([f"{kbps(track):.0f} kbit/s"] if kbps(track) else [])]
            typer.echo(f"{word} {printable(str(track.place))} ({', '.join(facts)})")
        typer.echo()
    if not as_json:
        freed = sum(map(freed_bytes, groups)) / 1e6
        typer.echo(
            f"{counted(len(groups), 'recording')}; the other copies take {freed:.1f} MB" if groups else "no duplicates"
        )


def draw_map(
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="OUT|DIR", help="A picture (.png) or an interactive page (.html).")
    ] = DEFAULT_MAP,
    overwrite: Overwrite = False,
    library: File = None,
    as_json: AsJson = False,
) -> None:
    """Draw the library, similar tracks near each other, coloured by genre."""
    page, folder = output_path(out, DEFAULT_MAP)
    check_outputs([page], [library] if library else [], overwrite=overwrite, folder=folder)
    with Bar() as bar, open_library(library) as opened, new_folder(folder):
        count = len(opened)
        written = opened.map(page, bar.item(), overwrite)
    typer.echo(
        json.dumps({"file": str(written), "tracks": count})
        if as_json
        else f"{printable(written)}: {counted(count, 'track')}"
    )


def suggest_genres(
    note: Annotated[
        bool, typer.Option("--note", help="Store the sure ones in the library. Music files are never written to.")
    ] = False,
    library: File = None,
    as_json: AsJson = False,
) -> None:
    """Suggest genres for tracks whose tags name none."""
    with open_library(library) as opened:
        suggestions = opened.genres(note)
    for each in suggestions if as_json else ():
        facts = {"path": str(each.track.place), "genre": each.genre, "confidence": each.confidence, "sure": each.sure}
        typer.echo(json.dumps(facts))
    if as_json:
        return
    rows = [
        [each.genre + ("" if each.sure else "?"), f"{each.confidence:.2f}", str(each.track.place)]
        for each in suggestions
    ]
    print_table(["genre", "confidence", "file"], rows)
    sure = sum(each.sure for each in suggestions)
    what = "noted in the library" if note else "would be noted with --note"
    typer.echo(f"{sure} of {len(suggestions)} are sure and {what}; no file is written to")


def check_library(
    repair: Annotated[
        bool, typer.Option("--repair", help="Repair the library from the parts that can be read.")
    ] = False,
    library: File = None,
    as_json: AsJson = False,
) -> None:
    """Check the library, exit code 1 if it is damaged; list files that are damaged, silent or could not be analysed."""
    with Bar() as bar, open_library(library) as opened:
        problems = opened.repair(bar.item()) if repair else opened.check(bar.item())
        readable = repair or not problems
        broken, damaged, silent = (
            (opened.broken(), opened.damaged(), opened.silent_tracks()) if readable else ([], [], [])
        )
        file = opened.name
    if as_json:
        listed = {"broken": broken, "damaged": damaged, "silent": silent}
        typer.echo(json.dumps({"file": file, "problems": problems, "repaired": repair, **listed}))
    else:
        for problem in problems:
            complain(problem)
        for _, reason in broken:
            complain(reason)
        for path, damage in damaged:
            complain(f"{path} {damage}")
        for path in silent:
            complain(f"{path} is silent: it is never recommended")
        state = "is whole" if not problems else "was mended: scan again" if repair else "needs --repair"
        typer.echo(f"{printable(file)} {state}")
    if problems and not repair:
        raise typer.Exit(1)
