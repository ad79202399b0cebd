"""``retrotone library``: scan folders of music, and search them by sound."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrotone.cli.console import Bar, Overwrite, complain, print_table
from retrotone.utils.files import check_outputs
from retrotone.utils.text import printable

if TYPE_CHECKING:
    from retrotone.library.library import Library, Match, Track

app = typer.Typer(no_args_is_help=True, help="Scan folders of music, and search them by sound.")

File = Annotated[
    str | None,
    typer.Option(
        "--library",
        metavar="FILE",
        help="The library's file, by default one in your folder for such data; or postgresql://USER@HOST/DATABASE.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON: one object a line.")]
Exclude = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", help="Leave out files and folders of that name or path; may be given several times."),
]
Genre = Annotated[
    str | None, typer.Option(metavar="GENRE", help="Only this genre: by tag or, without one, by the classifier.")
]
Out = Annotated[
    str | None, typer.Option("-o", "--out", metavar="FILE", help="Write the tracks as .m3u8, .csv or .json as well.")
]
Absolute = Annotated[
    bool, typer.Option("--absolute", help="In an .m3u8, write absolute paths, not paths relative to its folder.")
]


@app.command("scan")
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
    with Bar(kept=kept) as bar, _open(library) as opened:
        report = opened.scan(folders, exclude or (), dry_run, workers, bar.item(), cluster, strict)
    if as_json:
        typer.echo(json.dumps(asdict(report)))
    else:
        for reason in report.reasons:
            complain(reason)
        typer.echo(f"{report.summary} ({report.seconds:.1f} s)")
    if strict and report.broken:
        raise typer.Exit(1)


@app.command("similar")
def show_similar(
    songs: Annotated[list[str], typer.Argument(metavar="SONG", help="In the library or not; several are averaged.")],
    k: Annotated[int, typer.Option("-k", min=1, metavar="N", help="How many.")] = 5,
    per_artist: Annotated[int | None, typer.Option(min=1, metavar="N", help="At most N tracks of one artist.")] = None,
    genre: Genre = None,
    exclude: Exclude = None,
    library: File = None,
    out: Out = None,
    absolute: Absolute = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Name the tracks that sound most like a song."""
    with Bar() as bar, _open(library, out, overwrite) as opened:
        found = opened.similar(songs, k, per_artist, genre, exclude or (), bar.item())
        _show(opened, [match.track for match in found], as_json, out, absolute, overwrite, found)


@app.command("path")
def show_path(
    start: Annotated[str, typer.Argument(metavar="A", help="Where it starts.")],
    end: Annotated[str, typer.Argument(metavar="B", help="Where it ends.")],
    length: Annotated[int, typer.Option(min=2, metavar="N", help="How many tracks.")] = 10,
    library: File = None,
    out: Out = None,
    absolute: Absolute = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Make a playlist that leads evenly from one song to another."""
    with Bar() as bar, _open(library, out, overwrite) as opened:
        _show(opened, opened.path(start, end, length, bar.item()), as_json, out, absolute, overwrite)


def _refuse_seed(seeds: list[str] | None) -> None:
    from retrotone.errors import LibraryError

    if seeds:
        raise LibraryError("playlist --seed is now --from: retrotone library playlist --from SONG")


@app.command("playlist")
def show_playlist(
    seeds: Annotated[
        list[str], typer.Option("--from", metavar="SONG", help="A song to start from; may be given several times.")
    ],
    minutes: Annotated[float, typer.Option(min=1.0, metavar="M", help="How long.")] = 60.0,
    per_artist: Annotated[int, typer.Option(min=1, metavar="N", help="At most N tracks of one artist.")] = 3,
    genre: Genre = None,
    exclude: Exclude = None,
    library: File = None,
    out: Out = None,
    absolute: Absolute = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    _seed: Annotated[
        list[str] | None, typer.Option("--seed", hidden=True, is_eager=True, callback=_refuse_seed)
    ] = None,
) -> None:
    """Make a playlist that sounds like a song, without repeats."""
    with Bar() as bar, _open(library, out, overwrite) as opened:
        tracks = opened.playlist(seeds, minutes, per_artist, genre, exclude or (), bar.item())
        _show(opened, tracks, as_json, out, absolute, overwrite)


@app.command("duplicates")
def show_duplicates(library: File = None, as_json: AsJson = False) -> None:
    """List recordings that the library holds more than once, in other formats, levels or masters."""
    with Bar() as bar, _open(library) as opened:
        groups = opened.duplicates(bar.item())
    for group in groups:
        paths = [str(track.place) for track in group]
        typer.echo(json.dumps(paths) if as_json else "\n".join(map(printable, paths)) + "\n")
    if not groups and not as_json:
        typer.echo("no duplicates")


@app.command("map")
def draw_map(
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="OUT", help="A picture (.png) or an interactive page (.html).")
    ] = "map.html",
    overwrite: Overwrite = False,
    library: File = None,
    as_json: AsJson = False,
) -> None:
    """Draw the library, similar tracks near each other, coloured by genre."""
    with Bar() as bar, _open(library, out, overwrite) as opened:
        written, count = opened.map(out, bar.item(), overwrite), len(opened)
    typer.echo(
        json.dumps({"file": str(written), "tracks": count}) if as_json else f"{printable(written)}: {count} tracks"
    )


@app.command("genres")
def suggest_genres(
    note: Annotated[
        bool, typer.Option("--note", help="Store the sure ones in the library. Music files are never written to.")
    ] = False,
    library: File = None,
    as_json: AsJson = False,
) -> None:
    """Suggest genres for tracks whose tags name none."""
    with _open(library) as opened:
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


@app.command("check")
def check_library(
    repair: Annotated[
        bool, typer.Option("--repair", help="Repair the library from the parts that can be read.")
    ] = False,
    library: File = None,
    as_json: AsJson = False,
) -> None:
    """Check that the library is undamaged; exit code 1 if it is damaged."""
    with Bar() as bar, _open(library) as opened:
        problems = opened.repair(bar.item()) if repair else opened.check(bar.item())
        broken, damaged = (opened.broken(), opened.damaged()) if repair or not problems else ([], [])
        file = opened.name
    if as_json:
        typer.echo(
            json.dumps({"file": file, "problems": problems, "repaired": repair, "broken": broken, "damaged": damaged})
        )
    else:
        for problem in problems:
            complain(problem)
        for _, reason in broken:
            complain(reason)
        for path, damage in damaged:
            complain(f"{path} {damage}")
        state = "is whole" if not problems else "was mended: scan again" if repair else "needs --repair"
        typer.echo(f"{printable(file)} {state}")
    if problems and not repair:
        raise typer.Exit(1)


@app.command("export")
def export_library(
    out: Annotated[str, typer.Argument(metavar="OUT", help="An .m3u8, .csv or .json file.")],
    genre: Genre = None,
    exclude: Exclude = None,
    library: File = None,
    absolute: Absolute = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write the whole library, or a genre of it, as a playlist or table with tags and moods."""
    with _open(library, out, overwrite) as opened:
        tracks = opened.tracks(genre, exclude or ())
        written = opened.export(out, tracks, absolute, overwrite)
    count = len(tracks)
    typer.echo(
        json.dumps({"file": str(written), "tracks": count}) if as_json else f"{printable(written)}: {count} tracks"
    )


def _open(path: str | None, out: str | None = None, overwrite: bool = False) -> Library:
    """Open the library; before any work, refuse a file for the results that may not be written."""
    if out is not None:
        check_outputs([out], overwrite=overwrite)
    from retrotone.library.library import Library

    return Library(path)


def _show(
    library: Library,
    tracks: Sequence[Track],
    as_json: bool,
    out: str | None,
    absolute: bool,
    overwrite: bool,
    matches: Sequence[Match] | None = None,
) -> None:
    """Print tracks, and write them where asked to."""
    from retrotone.library.export import described

    if out is not None:
        library.export(out, tracks, absolute, overwrite)
    similarities = [match.similarity for match in matches] if matches is not None else [None] * len(tracks)
    if as_json:
        for track, similarity in zip(tracks, similarities, strict=True):
            extra: dict[str, Any] = {} if similarity is None else {"similarity": round(similarity, 4)}
            typer.echo(json.dumps({**extra, **described(track)}))
        return
    if not tracks:
        typer.echo("the library holds nothing like that")
        return
    rows = []
    for track, similarity in zip(tracks, similarities, strict=True):
        minutes, seconds = divmod(round(track.duration or 0), 60)
        genre = track.genre or track.heard_genre + ("" if track.sure else "?")
        cells = [track.name, genre, f"{minutes}:{seconds:02}", os.path.relpath(str(track.place))]
        rows.append(cells if similarity is None else [f"{similarity:.3f}", *cells])
    print_table([*(["similarity"] if matches is not None else []), "track", "genre", "length", "file"], rows)
    if out is not None:
        typer.echo(f"wrote {printable(Path(out))}")
