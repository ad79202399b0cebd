"""The window's tasks with the library: scans, the map, similar songs and playlists; see `retrotone.desktop.tasks`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from retrotone.desktop.jobs import TaskContext
from retrotone.desktop.tasks import summary_of
from retrotone.desktop.track_row import TrackRow
from retrotone.errors import LibraryError

if TYPE_CHECKING:
    from retrotone.library.library import Library


def similar(context: TaskContext, library: str | None, song: str, wanted: Mapping[str, str]) -> list[TrackRow]:
    """Return the tracks of the library that sound most like a song.

    Parameters
    ----------
    context : TaskContext
    library : str, optional
        The library's file, by default the user's own.
    song : str
        Its path.
    wanted : mapping of str to str
        Conditions as they were typed, by the names of the attributes of `retrotone.library.search.filters.Filter`.
    """
    from retrotone.services.similar import read_filter, similar_tracks

    only, summary = read_filter(wanted), summary_of(context, song)
    with _existing_library(library) as opened:
        matches = similar_tracks(opened, summary, context.progress, only)
    return [replace(TrackRow.of(match.track), similarity=f"{match.similarity:.0%}") for match in matches]


def playlist(
    context: TaskContext, library: str | None, song: str, wanted: Mapping[str, str], minutes: float
) -> list[TrackRow]:
    """Return tracks of the library that sound like a song, of so many minutes together; parameters as of `similar`."""
    from retrotone.services.similar import read_filter

    only, summary = read_filter(wanted), summary_of(context, song)
    with _existing_library(library) as opened:
        tracks = opened.playlist(opened.find(song) or summary.analysis, minutes, only, progress=context.progress)
    return list(map(TrackRow.of, tracks))


def path(context: TaskContext, library: str | None, song: str, end: str) -> list[TrackRow]:
    """Return tracks of the library that lead evenly from a song to the track `end`."""
    summary = summary_of(context, song)
    with _existing_library(library) as opened:
        tracks = opened.path(opened.find(song) or summary.analysis, opened.find(end) or end, progress=context.progress)
    return list(map(TrackRow.of, tracks))


def export(context: TaskContext, library: str | None, tracks: Sequence[str], path: str) -> str:
    """Write tracks of the library as a playlist; return a message."""
    with _library(library) as opened:
        found = [track for track in map(opened.find, tracks) if track is not None]
        return f"Saved {opened.export(path, found, overwrite=True)}: {len(found)} tracks."


def scan(context: TaskContext, library: str | None, folders: Sequence[str]) -> str:
    """Bring the library up to date with folders; return a report."""
    with _library(library) as opened:
        report = opened.scan(folders, progress=context.progress)
    return "\n".join([f"{report.summary}.", *report.reasons])


def library_map(context: TaskContext, library: str | None) -> list[TrackRow]:
    """Show the tracks of the library, and return them with their positions on its map; none if there is no library."""
    from retrotone.library.catalogue.base import MissingLibrary

    context.progress(0.0, "drawing the map")
    with _library(library) as opened:
        try:
            # the map of a large library takes half a minute
            context.show(list(map(TrackRow.of, opened.tracks())))
            positions = opened.map_points()
        except MissingLibrary:
            return []
    return [replace(TrackRow.of(p.track), x=p.x, y=p.y, group=p.genre, colour=p.colour) for p in positions]


def _library(path: str | None) -> Library:
    from retrotone.library.library import Library

    return Library(path)


@contextmanager
def _existing_library(path: str | None) -> Iterator[Library]:
    """Open a library; where there is none yet, say how to make one."""
    from retrotone.library.catalogue.base import MissingLibrary

    with _library(path) as opened:
        try:
            yield opened
        except MissingLibrary as error:
            raise LibraryError("there is no library yet: add a folder in the tab Library and scan it") from error
