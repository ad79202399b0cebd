"""``retrotone library similar``, ``path``, ``playlist`` and ``export``: tracks of the library, listed or written."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrotone.cli.console import Bar, print_table
from retrotone.cli.library.options import Absolute, AsJson, Exclude, File, Genre, Out, open_library
from retrotone.utils.text import printable

if TYPE_CHECKING:
    from retrotone.library.library import Library, Match, Track


def show_similar(
    songs: Annotated[list[str], typer.Argument(metavar="SONG", help="In the library or not; several are averaged.")],
    k: Annotated[int, typer.Option("-k", min=1, metavar="N", help="How many.")] = 5,
    per_artist: Annotated[int | None, typer.Option(min=1, metavar="N", help="At most N tracks of one artist.")] = None,
    genre: Genre = None,
    exclude: Exclude = None,
    library: File = None,
    out: Out = None,
    absolute: Absolute = False,
    as_json: AsJson = False,
) -> None:
    """Name the tracks that sound most like a song."""
    with Bar() as bar, open_library(library) as opened:
        found = opened.similar(songs, k, per_artist, genre, exclude or (), bar.item())
        _show(opened, [match.track for match in found], as_json, out, absolute, found)


def show_path(
    start: Annotated[str, typer.Argument(metavar="A", help="Where it starts.")],
    end: Annotated[str, typer.Argument(metavar="B", help="Where it ends.")],
    length: Annotated[int, typer.Option(min=2, metavar="N", help="How many tracks.")] = 10,
    library: File = None,
    out: Out = None,
    absolute: Absolute = False,
    as_json: AsJson = False,
) -> None:
    """Make a playlist that leads evenly from one song to another."""
    with Bar() as bar, open_library(library) as opened:
        _show(opened, opened.path(start, end, length, bar.item()), as_json, out, absolute)


def _refuse_seed(seeds: list[str] | None) -> None:
    from retrotone.errors import LibraryError

    if seeds:
        raise LibraryError("playlist --seed is now --from: retrotone library playlist --from SONG")


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
    as_json: AsJson = False,
    _seed: Annotated[
        list[str] | None, typer.Option("--seed", hidden=True, is_eager=True, callback=_refuse_seed)
    ] = None,
) -> None:
    """Make a playlist that sounds like a song, without repeats."""
    with Bar() as bar, open_library(library) as opened:
        tracks = opened.playlist(seeds, minutes, per_artist, genre, exclude or (), bar.item())
        _show(opened, tracks, as_json, out, absolute)


def export_library(
    out: Annotated[str, typer.Argument(metavar="OUT", help="An .m3u8, .csv or .json file.")],
    genre: Genre = None,
    exclude: Exclude = None,
    library: File = None,
    absolute: Absolute = False,
    as_json: AsJson = False,
) -> None:
    """Write the whole library, or a genre of it, as a playlist or table with tags and moods."""
    with open_library(library) as opened:
        tracks = opened.tracks(genre, exclude or ())
        written = opened.export(out, tracks, absolute)
    count = len(tracks)
    typer.echo(
        json.dumps({"file": str(written), "tracks": count}) if as_json else f"{printable(written)}: {count} tracks"
    )


def _show(
    library: Library,
    tracks: Sequence[Track],
    as_json: bool,
    out: str | None,
    absolute: bool,
    matches: Sequence[Match] | None = None,
) -> None:
    """Print tracks, and write them where asked to."""
    from retrotone.library.export import described

    if out is not None:
        library.export(out, tracks, absolute)
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
