"""The open catalogue of a library and the search over its vectors, both reloaded when the catalogue changes."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from pathlib import Path

import numpy as np

from retrotone.errors import AnalysisError, LibraryError, OutputError
from retrotone.features.analysis import VERSION
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.catalogue.database import is_address
from retrotone.library.description import RECIPE, describe
from retrotone.library.records import Track
from retrotone.library.search.duplicates import Recordings, features_of, is_same_recording
from retrotone.library.search.filters import EVERYTHING, Filter
from retrotone.library.search.neighbours import Indexed, Neighbours, neighbours
from retrotone.library.search.playlists import IsSame, TrackLookup
from retrotone.progress import Progress, silent
from retrotone.utils.files import file_version
from retrotone.utils.logs import log
from retrotone.utils.text import counted


def default_path() -> Path:
    """Return the library's default file, in the user's folder for application data."""
    import platformdirs

    return Path(platformdirs.user_data_dir("retrotone", appauthor=False)) / "library.db"


def library_state(location: str | None = None) -> Hashable:
    """Return what differs after a change of a library, whoever made it.

    Parameters
    ----------
    location : str, optional
        The library's file, by default `default_path`, or the address of a database. A file is not opened: its state is
        time and size of it and its log, and that of a missing one is empty.

    Raises
    ------
    LibraryError, MissingExtraError
        A database that cannot be asked, or holds no library.
    """
    file = default_path() if location is None else location
    if is_address(str(file)):
        from retrotone.library.catalogue.postgres import contents_state

        return contents_state(str(file))
    # SQLite collects changes beside the file while others read it; an empty log is left by those who only read
    versions = (file_version(name) for name in (file, f"{file}-wal"))
    return tuple(version for version in versions if version and version[1])


class LibrarySession:
    """A catalogue, opened on first use, and the search over its vectors, reloaded when the catalogue changed.

    Parameters
    ----------
    location : str
        The catalogue's file, or the address of a database.

    Attributes
    ----------
    file : Path or None
        The catalogue's file; None on a server.

    Raises
    ------
    LibraryError, MissingExtraError
        By all methods; see `retrotone.library.library.Library`.
    """

    def __init__(self, location: str) -> None:
        self.location = location
        self.file = None if is_address(location) else Path(location)
        self._catalogue: Catalogue | None = None
        self._revision: Hashable = None
        self._neighbours: Neighbours | Indexed | None = None

    @property
    def name(self) -> str:
        """The catalogue's file, or its address without the password."""
        return str(self.file or self.catalogue().name)

    def close(self) -> None:
        """Close the catalogue; it opens again when needed."""
        if self._catalogue is not None:
            self._catalogue.close()
        self._catalogue = self._revision = self._neighbours = None

    def catalogue(self, create: bool = False) -> Catalogue:
        """Return the catalogue as it is stored; `create` makes one where there is none."""
        if self._catalogue is None:
            if create and self.file == default_path():
                from retrotone.utils.files import make_folder

                try:
                    make_folder(default_path().parent)
                except OutputError as error:
                    raise LibraryError(f"{default_path()} cannot be made: check its folder's permissions") from error
            self._catalogue = Catalogue(self.location, create)
        return self._catalogue

    def up_to_date(self, progress: Progress = silent) -> Catalogue:
        """Return the catalogue once its descriptions are those of this version."""
        catalogue = self.catalogue()
        if self._revision is None or self._revision != catalogue.revision:
            self.update_descriptions(progress)
            self._revision, self._neighbours = catalogue.revision, None
        return catalogue

    def update_descriptions(self, progress: Progress = silent) -> None:
        """Describe the tracks that another version described, from their analyses."""
        catalogue = self.catalogue()
        self.warn_of_outdated_analyses()
        numbers = catalogue.outdated_descriptions(RECIPE, VERSION)
        if numbers:
            log.warning(
                "%s: describing %s again, as retrotone has changed; this happens once",
                catalogue.name,
                counted(len(numbers), "track"),
            )
        for done, number in enumerate(numbers):
            progress(done / len(numbers), f"{done}/{len(numbers)} described again")
            try:
                catalogue.describe(number, describe(catalogue.analysis(number)))
            except AnalysisError:
                catalogue.forget_analyses([number])

    def warn_of_outdated_analyses(self) -> None:
        """Warn of the number of tracks whose analyses are of another version."""
        catalogue = self.catalogue()
        count = catalogue.count_outdated_analyses(RECIPE, VERSION)
        if count:
            log.warning(
                "%s: what another version of retrotone analysed (%s) compares badly: scan the folders again",
                catalogue.name,
                counted(count, "track"),
            )

    def neighbours(self, progress: Progress = silent) -> Neighbours | Indexed:
        """Return the search over the vectors."""
        catalogue = self.up_to_date(progress)
        if self._neighbours is None:
            self._neighbours = neighbours(catalogue, progress)
        return self._neighbours

    def searchable(self, progress: Progress) -> Neighbours | Indexed:
        """Return the search over the vectors; `LibraryError` if there are no tracks."""
        if self.up_to_date(progress).is_empty():
            raise LibraryError(f"{self.name} holds no tracks: scan a folder of music first")
        return self.neighbours(progress)

    def tracks_and_vectors(self, progress: Progress = silent) -> tuple[list[Track], Neighbours]:
        """Return all n tracks and, in the same order, their vectors, shape (n, d)."""
        catalogue = self.up_to_date(progress)
        numbers, vectors = catalogue.vectors()
        tracks = catalogue.tracks(numbers.tolist())
        # another process may have removed tracks between the two queries
        present = np.isin(numbers, [track.id for track in tracks])
        return tracks, Neighbours(numbers[present], vectors[present])

    def tracks(self, only: Filter = EVERYTHING) -> list[Track]:
        """Return all tracks that a filter accepts, by path."""
        return [track for track in self.up_to_date().tracks() if only.accepts(track)]

    def track_lookup(self, only: Filter = EVERYTHING) -> TrackLookup:
        """Return a function from numbers to those of their tracks that a filter accepts."""
        tracks = self.catalogue().tracks
        return (lambda numbers: [track for track in tracks(numbers) if only.accepts(track)]) if only else tracks

    def is_same(self, near: Neighbours | Indexed) -> IsSame:
        """Return a function that returns whether two tracks of the library are one recording."""
        analysis = self.catalogue().analysis
        features = cache(lambda number: Recordings([features_of(analysis, number)]))
        return lambda a, b: is_same_recording(a, b, near, features)
