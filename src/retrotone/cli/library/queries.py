"""``retrotone library similar``, ``path``, ``playlist``, ``search`` and ``export``: tracks, listed or written."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrotone.cli.console import Bar, Overwrite, print_table
from retrotone.cli.library.options import (
    Absolute,
    AsJson,
    File,
    Out,
    PerAlbum,
    PerArtist,
    Weights,
    open_library,
    with_filters,
)
from retrotone.errors import LibraryError
from retrotone.utils.text import printable

if TYPE_CHECKING:
    from retrotone.library.library import Filter, Library, Match, Track
    from retrotone.library.search.weights import Weight

Songs = Annotated[
    list[str],
    typer.Argument(metavar="SONG", help="A file, in the library or not, or title and artist; several are averaged."),
]


@with_filters
def show_similar(
    songs: Songs,
    only: Filter,
    k: Annotated[int, typer.Option("-k", min=1, metavar="N", help="How many.")] = 5,
    per_artist: PerArtist = None,
    per_album: PerAlbum = None,
    library: File = None,
    out: Out = None,
    absolute: Absolute = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Name the tracks that sound most like a song."""
    with Bar() as bar, open_library(library, out, overwrite) as opened:
        found = opened.similar(songs, k, only, per_artist, per_album, bar.item())
        _show(opened, [match.track for match in found], only, as_json, out, absolute, overwrite, found)


@with_filters
def show_path(
    start: Annotated[str, typer.Argument(metavar="A", help="Where it starts: a file, or title and artist.")],
    end: Annotated[str, typer.Argument(metavar="B", help="Where it ends.")],
    only: Filter,
    length: Annotated[int, typer.Option(min=2, metavar="N", help="How many tracks.")] = 10,
    weights: Weights = None,
    library: File = None,
    out: Out = None,
    absolute: Absolute = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Make a playlist that leads evenly from one song to another."""
    with Bar() as bar, open_library(library, out, overwrite) as opened:
        tracks = opened.path(start, end, length, only, _weight(weights), bar.item())
        _show(opened, tracks, only, as_json, out, absolute, overwrite)


def _refuse_seed(seeds: list[str] | None) -> None:
    from retrotone.errors import LibraryError

    if seeds:
        raise LibraryError("playlist --seed is now --from: retrotone library playlist --from SONG")


@with_filters
def show_playlist(
    seeds: Annotated[
        list[str], typer.Option("--from", metavar="SONG", help="A song to start from; may be given several times.")
    ],
    only: Filter,
    minutes: Annotated[float, typer.Option(min=1.0, metavar="M", help="How long.")] = 60.0,
    per_artist: Annotated[int, typer.Option(min=1, metavar="N", help="At most N tracks of one artist.")] = 3,
    per_album: PerAlbum = None,
    weights: Weights = None,
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
    with Bar() as bar, open_library(library, out, overwrite) as opened:
        tracks = opened.playlist(seeds, minutes, only, per_artist, per_album, _weight(weights), bar.item())
        _show(opened, tracks, only, as_json, out, absolute, overwrite)


@with_filters
def search_library(
    only: Filter,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORDS]", help="These words of title, artist or album; without any, all tracks."),
    ] = None,
    library: File = None,
    out: Out = None,
    absolute: Absolute = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """List tracks by title and artist, tempo, key, year, genre and mood."""
    with open_library(library, out, overwrite) as opened:
        if words:
            found = opened.search(" ".join(words))
            if not found:
                raise LibraryError(f"no track is called '{' '.join(words)}'")
            tracks = [track for track in found if only.accepts(track)]
        else:
            tracks = opened.tracks(only)
        _show(opened, tracks, only, as_json, out, absolute, overwrite)


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
        json.dumps({"file": str(written), "tracks": count}) if as_json else f"{printable(written)}: {count} tracks"
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
    tracks: Sequence[Track],
    only: Filter,
    as_json: bool,
    out: str | None,
    absolute: bool,
    overwrite: bool,
    matches: Sequence[Match] | None = None,
) -> None:
    """Print tracks, and write them where asked to."""
    from retrotone.library.export import described
    from retrotone.services.similar import track_cells

    _check_found(library, tracks, only)
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
        cells = [*track_cells(track), os.path.relpath(str(track.place))]
        rows.append(cells if similarity is None else [f"{similarity:.3f}", *cells])
    print_table([*(["similarity"] if matches is not None else []), "track", "genre", "length", "file"], rows)
    if out is not None:
        typer.echo(f"wrote {printable(Path(out))}")
