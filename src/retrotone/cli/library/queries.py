"""``retrotone library similar``, ``path``, ``playlist``, ``search`` and ``export``: tracks, listed or written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import update_wrapper
from inspect import Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrotone.cli.console import Bar, Overwrite, print_table
from retrotone.cli.library.options import (
    Absolute,
    AsJson,
    File,
    Mix,
    Out,
    PerAlbum,
    PerArtist,
    Weights,
    open_library,
    with_filters,
)
from retrotone.errors import LibraryError
from retrotone.progress import Progress
from retrotone.utils.text import counted, printable

if TYPE_CHECKING:
    from retrotone.library.library import Filter, Library, Match, Track
    from retrotone.library.search.weights import Weight

Songs = Annotated[
    list[str],
    typer.Argument(metavar="SONG", help="A file, in the library or not, or title and artist; several are averaged."),
]


def lists_tracks(command: Callable[..., Sequence[Track] | Sequence[Match]]) -> Callable[..., None]:
    """Make a command of a function that takes the open library, a filter and progress, and returns tracks.

    The command has the options of filters, and those that say which library is meant and how tracks are shown.
    """

    def call(
        only: Filter,
        library: File = None,
        out: Out = None,
        absolute: Absolute = False,
        overwrite: Overwrite = False,
        as_json: AsJson = False,
        **values: Any,
    ) -> None:
        with Bar() as bar, open_library(library, out, overwrite) as opened:
            found = command(opened, only=only, progress=bar.item(), **values)
            _show(opened, found, only, as_json, out, absolute, overwrite)

    shared = [each for name, each in signature(call).parameters.items() if name not in ("only", "values")]
    own = [each for name, each in signature(command).parameters.items() if name not in ("opened", "progress")]
    update_wrapper(call, command)
    call.__signature__ = Signature([*own, *shared])  # type: ignore[attr-defined]
    call.__annotations__ = {each.name: each.annotation for each in (*own, *shared)}
    return with_filters(call)


@lists_tracks
def show_similar(
    opened: Library,
    songs: Songs,
    only: Filter,
    progress: Progress,
    k: Annotated[int, typer.Option("-k", min=1, metavar="N", help="How many.")] = 5,
    per_artist: PerArtist = None,
    per_album: PerAlbum = None,
) -> list[Match]:
    """Name the tracks that sound most like a song."""
    return opened.similar(songs, k, only, per_artist, per_album, progress)


@lists_tracks
def show_path(
    opened: Library,
    start: Annotated[str, typer.Argument(metavar="A", help="Where it starts: a file, or title and artist.")],
    end: Annotated[str, typer.Argument(metavar="B", help="Where it ends.")],
    only: Filter,
    progress: Progress,
    length: Annotated[int, typer.Option(min=2, metavar="N", help="How many tracks.")] = 10,
    weights: Weights = None,
    mix: Mix = True,
) -> list[Track]:
    """Make a playlist that leads evenly from one song to another."""
    return opened.path(start, end, length, only, _weight(weights), mix, progress)


def _refuse_seed(seeds: list[str] | None) -> None:
    if seeds:
        raise LibraryError("playlist --seed is now --from: retrotone library playlist --from SONG")


@lists_tracks
def show_playlist(
    opened: Library,
    songs: Annotated[
        list[str], typer.Option("--from", metavar="SONG", help="A song to start from; may be given several times.")
    ],
    only: Filter,
    progress: Progress,
    minutes: Annotated[float, typer.Option(min=1.0, metavar="M", help="How long.")] = 60.0,
    per_artist: Annotated[int, typer.Option(min=1, metavar="N", help="At most N tracks of one artist.")] = 3,
    per_album: PerAlbum = None,
    weights: Weights = None,
    mix: Mix = True,
    _seed: Annotated[
        list[str] | None, typer.Option("--seed", hidden=True, is_eager=True, callback=_refuse_seed)
    ] = None,
) -> list[Track]:
    """Make a playlist that sounds like a song, without repeats."""
    return opened.playlist(songs, minutes, only, per_artist, per_album, _weight(weights), mix, progress)


@lists_tracks
def search_library(
    opened: Library,
    only: Filter,
    progress: Progress,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORDS]", help="These words of title, artist or album; without any, all tracks."),
    ] = None,
) -> list[Track]:
    """List tracks by title and artist, tempo, key, year, genre and mood."""
    if not words:
        return opened.tracks(only)
    text = " ".join(words)
    found = opened.search(text, only)
    if not found and not opened.search(text):
        raise LibraryError(f"no track is called '{text}': try fewer words, or scan its folder")
    return found


@with_filters
def export_library(
    out: Annotated[str, typer.Argument(metavar="OUT", help="An .m3u8, .m3u (for MPD), .xspf, .csv or .json file.")],
    only: Filter,
    library: File = None,
    absolute: Absolute = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write the whole library, or what filters leave of it, as a playlist or table with tags and moods."""
    with open_library(library, out, overwrite) as opened:
        tracks = opened.tracks(only)
        _check_found(opened, tracks, only)
        written = opened.export(out, tracks, absolute, overwrite)
    count = len(tracks)
    typer.echo(
        json.dumps({"file": str(written), "tracks": count})
        if as_json
        else f"{printable(written)}: {counted(count, 'track')}"
    )


def _weight(weights: str | None) -> Weight | None:
    from retrotone.library.search.weights import load_weights

    return load_weights(weights) if weights else None


def _check_found(library: Library, tracks: Sequence[Track], only: Filter) -> None:
    """Refuse filters that leave no track, and say what there is."""
    from retrotone.library.search.filters import explain

    # a playlist begins with its songs in any case
    if only and not any(map(only.accepts, tracks)):
        raise LibraryError(explain(only, library.tracks()))


def _show(
    library: Library,
    found: Sequence[Track] | Sequence[Match],
    only: Filter,
    as_json: bool,
    out: str | None,
    absolute: bool,
    overwrite: bool,
) -> None:
    """Print tracks, and write them where asked to."""
    from retrotone.library.export import described
    from retrotone.library.library import Match
    from retrotone.services.similar import track_cells

    matches = [each for each in found if isinstance(each, Match)]
    tracks = [each.track if isinstance(each, Match) else each for each in found]
    _check_found(library, tracks, only)
    if out is not None:
        library.export(out, tracks, absolute, overwrite)
    if as_json:
        similarities = [{"similarity": round(each.similarity, 4)} for each in matches] or [{}] * len(tracks)
        for track, similarity in zip(tracks, similarities, strict=True):
            typer.echo(json.dumps({**similarity, **described(track)}))
        return
    if not tracks:
        typer.echo("the library holds nothing like that")
        return
    columns = ["track", "genre", "length", "file"]
    rows = [[*track_cells(track), os.path.relpath(str(track.place))] for track in tracks]
    if matches:
        columns = ["similarity", *columns]
        rows = [[f"{match.similarity:.3f}", *row] for match, row in zip(matches, rows, strict=True)]
    print_table(columns, rows)
    if out is not None:
        typer.echo(f"wrote {printable(Path(out))}")
