"""A music library that recommends: the one door to all that it does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrotone.analysis import VERSION, Analysis, analyse
from retrotone.audio import Audio
from retrotone.errors import AnalysisError, LibraryError
from retrotone.library import playlists, repair, similarity
from retrotone.library.catalogue import Catalogue
from retrotone.library.description import RECIPE, describe
from retrotone.library.duplicates import is_same_recording, same_recordings
from retrotone.library.export import export
from retrotone.library.neighbours import Neighbours, between
from retrotone.library.playlists import Match
from retrotone.library.scan import ScanReport, scan
from retrotone.library.track import Known, Track
from retrotone.library.walk import Found, fingerprint, is_excluded
from retrotone.progress import Progress, silent

if TYPE_CHECKING:
    from retrotone.library.map import Place

__all__ = ["Library", "Match", "ScanReport", "Suggestion", "Track", "default_path"]

Song = Track | Analysis | Audio | str | os.PathLike[str]


@dataclass(frozen=True)
class Suggestion:
    """A genre for a track whose tags name none; `sure` as the classifier is."""

    track: Track
    genre: str
    confidence: float
    sure: bool


def default_path() -> Path:
    """Return where the library lies unless told otherwise: in the user's folder for such data."""
    import platformdirs

    return Path(platformdirs.user_data_dir("retrotone", appauthor=False)) / "library.db"


class Library:
    """A collection of music, its catalogue and what can be asked of it.

    A song, in what follows, is a `Track`, the path of a file in the library or of any other, an `Audio` or an
    `Analysis`. What is not in the library is listened to.

    Parameters
    ----------
    path : path-like, optional
        The catalogue's file, by default `default_path`. It is made by the first `scan`.

    Attributes
    ----------
    file : Path
        The catalogue's.

    Raises
    ------
    LibraryError
        By all methods: no library there, another program's file, damaged, not to be written to.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.file = Path(path) if path is not None else default_path()
        self._opened: Catalogue | None = None
        self._loaded: tuple[tuple[int, int], Neighbours] | None = None

    def close(self) -> None:
        """Close the catalogue; it opens again when needed."""
        if self._opened:
            self._opened.close()
        self._opened = self._loaded = None

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        """Return how many tracks are there and were heard."""
        return len(self._neighbours())

    @staticmethod
    def embed(analysis: Analysis) -> NDArray[np.float32]:
        """Return an analysis as a unit vector, shape (d,): cosines tell how alike two tracks sound.

        Raises
        ------
        AnalysisError
            The taggram is not known.
        """
        return similarity.embed(analysis)

    def scan(
        self,
        folders: Sequence[str | os.PathLike[str]],
        exclude: Sequence[str] = (),
        dry_run: bool = False,
        workers: int | None = None,
        progress: Progress = silent,
    ) -> ScanReport:
        """Bring the library up to date with folders; see `retrotone.library.scan.scan`.

        It may be stopped at any moment, by `Cancelled`, Ctrl-C or kill -9: what was heard so far stays.
        """
        if dry_run and not self.file.exists():
            with Catalogue(":memory:", create=True) as nothing:
                return scan(nothing, folders, exclude, True, workers, progress)
        report = scan(self._catalogue(create=not dry_run), folders, exclude, dry_run, workers, progress)
        if not dry_run:
            self._describe_anew()
        return report

    def tracks(self, genre: str | None = None, exclude: Sequence[str] = ()) -> list[Track]:
        """Return all tracks by path, or those of a genre, without what `exclude` matches (`walk.is_excluded`)."""
        self._neighbours()
        wanted = self._wanted(genre, exclude)
        return [track for track in self._catalogue().tracks() if wanted(track.id)]

    def find(self, path: str | os.PathLike[str]) -> Track | None:
        """Return the track that a file is, or is a copy of; None where the library never heard it."""
        neighbours, catalogue = self._neighbours(), self._catalogue()
        path = os.path.abspath(path)
        for known in chain([catalogue.lookup(path)], self._copies(path)):
            if known is not None and neighbours.vector(known.id) is not None:
                return catalogue.tracks([known.id])[0]
        return None

    def broken(self) -> list[tuple[str, str]]:
        """Return path and reason of each file that cannot be heard."""
        return self._catalogue().broken()

    def similar(
        self,
        songs: Song | Sequence[Song],
        k: int = 5,
        per_artist: int | None = None,
        genre: str | None = None,
        exclude: Sequence[str] = (),
        progress: Progress = silent,
    ) -> list[Match]:
        """Return the tracks that sound most like a song, or like the middle of several.

        Parameters
        ----------
        songs : song or sequence of songs
        k : int
            How many.
        per_artist : int, optional
            At most so many of one artist; where tags tell none, that cap does not hold.
        genre : str, optional
            Of this genre only, by tag or, untagged, by ear.
        exclude : sequence of str
            Not these paths; see `walk.is_excluded`.
        progress : Progress
            Told while a song is listened to.

        Raises
        ------
        LibraryError, AudioError, AnalysisError
        """
        _check_positive(k=k, per_artist=per_artist)
        neighbours = self._searchable()
        vectors, tracks = self._seeds(songs, progress)
        seeds = {track.id for track in tracks}
        wanted = self._wanted(genre, exclude)
        candidates = playlists.matches(neighbours, between(vectors), self._catalogue().tracks, wanted)
        return playlists.similar(candidates, k, seeds, per_artist)

    def path(self, start: Song, end: Song, length: int = 10, progress: Progress = silent) -> list[Track]:
        """Return tracks that lead from one song to another, each a step further; no recording twice.

        Parameters
        ----------
        start, end : song
            Part of the result where they are in the library.
        length : int
            How many tracks, ends included; 2 or more.
        progress : Progress

        Raises
        ------
        LibraryError, AudioError, AnalysisError
        """
        if length < 2:
            raise LibraryError(f"a path of {length} tracks leads nowhere: take 2 or more")
        neighbours = self._searchable()
        (a, first), (b, last) = (self._seed(song, progress) for song in (start, end))
        return playlists.path(neighbours, (a, b), (first, last), length, self._catalogue().tracks, self._same)

    def playlist(
        self,
        seeds: Song | Sequence[Song],
        minutes: float = 60.0,
        per_artist: int = 3,
        genre: str | None = None,
        exclude: Sequence[str] = (),
        progress: Progress = silent,
    ) -> list[Track]:
        """Return about so many minutes of what sounds like the seeds, beginning with them; no recording twice.

        Parameters
        ----------
        seeds : song or sequence of songs
        minutes : float
        per_artist : int
            At most so many of one artist; where tags tell none, that cap does not hold.
        genre, exclude
            See `similar`.
        progress : Progress

        Raises
        ------
        LibraryError, AudioError, AnalysisError
        """
        _check_positive(minutes=minutes, per_artist=per_artist)
        neighbours = self._searchable()
        vectors, first = self._seeds(seeds, progress)
        return playlists.playlist(
            neighbours, between(vectors), first, 60 * minutes, per_artist, self._catalogue().tracks, self._same,
            self._wanted(genre, exclude),
        )  # fmt: skip

    def duplicates(self, progress: Progress = silent) -> list[list[Track]]:
        """Return groups of tracks that are one recording: other formats, levels, masters, copies."""
        neighbours, catalogue = self._neighbours(), self._catalogue()
        tracks = catalogue.tracks([int(number) for number in neighbours.numbers])
        return same_recordings(tracks, neighbours, catalogue.analysis, progress)

    def genres(self, note: bool = False) -> list[Suggestion]:
        """Return a genre for each track whose tags name none, by path.

        Parameters
        ----------
        note : bool
            Note those that the classifier is sure of in the catalogue, where `Track.genre` then has them. No file is
            ever written to.
        """
        suggestions = [
            Suggestion(track, track.heard_genre, track.confidence, track.sure)
            for track in self.tracks()
            if not track.genre
        ]
        if note:
            self._catalogue().give_genre({each.track.id: each.genre for each in suggestions if each.sure})
        return suggestions

    def map(self, path: str | os.PathLike[str], progress: Progress = silent) -> Path:
        """Draw the library as a picture (.png) or a page to move about in (.html), and return its path.

        Raises
        ------
        LibraryError
            Another suffix.
        OutputError
            It cannot be written.
        """
        from retrotone.library.map import draw

        return draw(*self._mapped(), path, progress)

    def places(self) -> list[Place]:
        """Return where each track lies on the map."""
        from retrotone.library.map import places

        tracks, vectors = self._mapped()
        return places(tracks, vectors) if tracks else []

    def export(
        self, path: str | os.PathLike[str], tracks: Sequence[Track] | None = None, absolute: bool = False
    ) -> Path:
        """Write tracks, by default all, to a playlist (.m3u8), .csv or .json; see `export.export`."""
        return export(self.tracks() if tracks is None else tracks, path, absolute)

    def check(self, progress: Progress = silent) -> list[str]:
        """Return what is wrong with the catalogue, a line each."""
        return repair.check(self._catalogue(), progress)[0]

    def repair(self, progress: Progress = silent) -> list[str]:
        """Rebuild the catalogue from what can be read of it; return what was wrong. See `repair.repair`."""
        self.close()
        return repair.repair(self.file, progress)

    def _catalogue(self, create: bool = False) -> Catalogue:
        if self._opened is None:
            if create and self.file == default_path():
                from retrotone.files import make_folder

                make_folder(self.file.parent)
            self._opened = Catalogue(self.file, create)
        return self._opened

    def _neighbours(self) -> Neighbours:
        """Return the vectors, read again if the catalogue changed."""
        catalogue = self._catalogue()
        if self._loaded is None or self._loaded[0] != catalogue.revision:
            self._describe_anew()
            self._loaded = catalogue.revision, Neighbours(*catalogue.vectors())
        return self._loaded[1]

    def _mapped(self) -> tuple[list[Track], NDArray[np.float32]]:
        """Return the tracks that have a place on the map, and their vectors."""
        neighbours = self._neighbours()
        return self._catalogue().tracks([int(number) for number in neighbours.numbers]), neighbours.vectors

    def _searchable(self) -> Neighbours:
        """Return the vectors; LibraryError if there are none."""
        neighbours = self._neighbours()
        if not len(neighbours):
            raise LibraryError(f"{self.file} holds no tracks: scan a folder of music first")
        return neighbours

    def _describe_anew(self) -> None:
        """Describe what another version described, from what was heard."""
        catalogue = self._catalogue()
        for number in catalogue.described_otherwise(RECIPE, VERSION):
            try:
                catalogue.describe(number, describe(catalogue.analysis(number)))
            except AnalysisError:
                catalogue.forget_heard([number])

    def _wanted(self, genre: str | None, exclude: Sequence[str]) -> Callable[[int], bool]:
        """Return what tells by its number whether a track is wanted."""
        if not genre and not exclude:
            return lambda number: True
        part = (genre or "").casefold()
        numbers = {
            number
            for number, path, filed in self._catalogue().filed()
            if part in filed.casefold() and not is_excluded(path, exclude)
        }
        return numbers.__contains__

    def _same(self, a: Track, b: Track) -> bool:
        """Tell whether two tracks of the library are one recording."""
        return is_same_recording(a, b, self._neighbours(), self._catalogue().analysis)

    def _seed(self, song: Song, progress: Progress) -> tuple[NDArray[np.float32], Track | None]:
        """Return a song's vector and, where it is in the library, its track."""
        neighbours = self._neighbours()
        if isinstance(song, Analysis):
            return similarity.embed(song), None
        if isinstance(song, Audio):
            return similarity.embed(analyse(song, progress)), None
        path = song.path if isinstance(song, Track) else os.path.abspath(song)
        track = self.find(path)
        vector = neighbours.vector(track.id) if track else None
        return (similarity.embed(analyse(path, progress)), None) if vector is None else (vector, track)

    def _copies(self, path: str) -> Iterator[Known]:
        """Yield the library's files of the same content as one outside, or reached by a link."""
        try:
            status = os.stat(path)
            content = fingerprint(Found(path, status.st_size, status.st_mtime_ns))
        except OSError:  # whoever listens to it says why
            return
        yield from self._catalogue().with_fingerprint(content, path)

    def _seeds(
        self, songs: Song | Sequence[Song], progress: Progress
    ) -> tuple[list[NDArray[np.float32]], list[Track]]:
        several = list(songs) if isinstance(songs, Sequence) and not isinstance(songs, str) else [songs]
        if not several:
            raise LibraryError("nothing to start from: name a song")
        found = [self._seed(song, progress) for song in several]
        tracks = {track.id: track for _, track in found if track}
        return [vector for vector, _ in found], list(tracks.values())


def _check_positive(**values: float | None) -> None:
    for name, value in values.items():
        if value is not None and not value > 0:
            raise LibraryError(f"{name} is {value}: it must be more than 0")
