"""The window's tasks with the library: scans, the map, similar songs and playlists; see `retrotone.desktop.tasks`."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from retrotone.desktop.jobs import TaskContext
from retrotone.desktop.tasks import summary_of
from retrotone.desktop.track_row import TrackRow
from retrotone.errors import LibraryError, RetrotoneError
from retrotone.progress import part
from retrotone.utils.text import counted

if TYPE_CHECKING:
    from retrotone.library.library import Library


def state(context: TaskContext, library: str | None) -> Hashable:
    """Return what differs after a change of the library, whoever made it; where it cannot be asked, why."""
    from retrotone.library.session import library_state

    try:
        return library_state(library)
    except RetrotoneError as error:
        return str(error)


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
    from retrotone.library.search.filters import read_filter
    from retrotone.services.similar import similar_tracks

    only, summary = read_filter(wanted), summary_of(context, song)
    with _opened(library) as opened:
        matches = similar_tracks(opened, summary, context.progress, only)
    return [replace(TrackRow.of(match.track), similarity=f"{match.similarity:z.0%}") for match in matches]


def playlist(
    context: TaskContext, library: str | None, song: str, wanted: Mapping[str, str], minutes: float
) -> list[TrackRow]:
    """Return tracks of the library that sound like a song, of so many minutes together; parameters as of `similar`."""
    from retrotone.library.search.filters import read_filter

    only, summary = read_filter(wanted), summary_of(context, song)
    with _opened(library) as opened:
        tracks = opened.playlist(opened.find(song) or summary.analysis, minutes, only, progress=context.progress)
    return list(map(TrackRow.of, tracks))


def path(context: TaskContext, library: str | None, song: str, end: str) -> list[TrackRow]:
    """Return tracks of the library that lead evenly from a song to the track `end`."""
    summary = summary_of(context, song)
    with _opened(library) as opened:
        tracks = opened.path(opened.find(song) or summary.analysis, opened.find(end) or end, progress=context.progress)
    return list(map(TrackRow.of, tracks))


def export(context: TaskContext, library: str | None, tracks: Sequence[str], path: str) -> str:
    """Write tracks of the library as a playlist; return a message."""
    with _opened(library) as opened:
        found = [track for track in map(opened.find, tracks) if track is not None]
        saved = f"Saved {opened.export(path, found, overwrite=True)}: {counted(len(found), 'track')}."
    lost = len(tracks) - len(found)
    return saved + (f" Left out, as the library has lost them: {counted(lost, 'track')}." if lost else "")


def scan(context: TaskContext, library: str | None, folders: Sequence[str]) -> str:
    """Bring the library up to date with folders; return a report."""
    with _opened(library) as opened:
        report = opened.scan(folders, progress=context.progress)
    return "\n".join([f"{report.summary}.", *report.reasons])


def repair(context: TaskContext, library: str | None, folders: Sequence[str]) -> str:
    """Repair the library from what can be read of it, and scan folders for what was lost; return a report."""
    with _opened(library) as opened:
        problems = opened.repair(part(context.progress, 0.0, 0.2))
        if not problems:
            return "The library is whole."
        report = opened.scan(folders, progress=part(context.progress, 0.2, 1.0))
    return "\n".join([f"The library was repaired. {report.summary}.", *problems, *report.reasons])


def library_map(context: TaskContext, library: str | None) -> list[TrackRow]:
    """Show the tracks of the library, and return them with their positions on its map; none if there is no library."""
    from retrotone.library.catalogue.base import MissingLibrary

    context.progress(0.0, "drawing the map")
    with _opened(library) as opened:
        try:
            # the map of a large library takes half a minute
            context.show(list(map(TrackRow.of, opened.tracks())))
            positions = opened.map_points()
        except MissingLibrary:
            return []
    return [replace(TrackRow.of(p.track), x=p.x, y=p.y, group=p.genre, colour=p.colour) for p in positions]


@contextmanager
def _opened(path: str | None) -> Iterator[Library]:
    """Open a library; where it is missing or damaged, say what to do in this window."""
    from retrotone.library.catalogue.base import DamagedLibrary, MissingLibrary
    from retrotone.library.library import Library

    with Library(path) as opened:
        try:
            yield opened
        except MissingLibrary as error:
            raise LibraryError("there is no library yet: add a folder in the tab Library and scan it") from error
        except DamagedLibrary as error:
            raise LibraryError(f"{opened.name} is damaged: press Repair in the tab Library") from error
