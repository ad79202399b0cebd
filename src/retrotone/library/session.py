"""What a library holds at this moment: its catalogue, and what searches it, both kept up to date."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np

from retrotone.audio.audio import log
from retrotone.errors import AnalysisError, LibraryError, OutputError
from retrotone.features.analysis import VERSION
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.catalogue.database import is_address
from retrotone.library.description import RECIPE, describe
from retrotone.library.records import Track
from retrotone.library.scanning.walk import is_excluded
from retrotone.library.search.duplicates import is_same_recording, trace
from retrotone.library.search.neighbours import Indexed, Neighbours, neighbours
from retrotone.library.search.playlists import Lookup, Same
from retrotone.progress import Progress, silent


def default_path() -> Path:
    """Return where the library lies unless told otherwise: in the user's folder for such data."""
    import platformdirs

    return Path(platformdirs.user_data_dir("retrotone", appauthor=False)) / "library.db"


class Holdings:
    """A catalogue, opened when it is first needed, and what searches it, made anew when the catalogue changed.

    Parameters
    ----------
    place : str
        The catalogue's file, or the address of a database.

    Attributes
    ----------
    file : Path or None
        The catalogue's; None on a server.

    Raises
    ------
    LibraryError, MissingExtraError
        By all methods; see `retrotone.library.library.Library`.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self.file = None if is_address(place) else Path(place)
        self._opened: Catalogue | None = None
        self._seen: Hashable = None
        self._loaded: Neighbours | Indexed | None = None

    @property
    def name(self) -> str:
        """The catalogue's file, or its address without the password."""
        return str(self.file or self.catalogue().name)

    def close(self) -> None:
        """Close the catalogue; it opens again when needed."""
        if self._opened is not None:
            self._opened.close()
        self._opened = self._seen = self._loaded = None

    def catalogue(self, create: bool = False) -> Catalogue:
        """Return the catalogue as it lies there; `create` makes one where none is."""
        if self._opened is None:
            if create and self.file == default_path():
                from retrotone.utils.files import make_folder

                try:
                    make_folder(default_path().parent)
                except OutputError as error:
                    raise LibraryError(
                        f"{default_path()} cannot be made: name a file with --library"
                    ) from error
            self._opened = Catalogue(self.place, create)
        return self._opened

    def described(self, progress: Progress = silent) -> Catalogue:
        """Return the catalogue, described as this version does."""
        catalogue = self.catalogue()
        if self._seen is None or self._seen != catalogue.revision:
            self.describe_anew(progress)
            self._seen, self._loaded = catalogue.revision, None
        return catalogue

    def describe_anew(self, progress: Progress = silent) -> None:
        """Describe what another version described, from what was heard."""
        catalogue = self.catalogue()
        self.remind()
        numbers = catalogue.outdated_descriptions(RECIPE, VERSION)
        if numbers:
            log.warning(
                "%s: %d tracks are described anew, as retrotone has changed; this happens once",
                catalogue.name, len(numbers),
            )  # fmt: skip
        for done, number in enumerate(numbers):
            progress(done / len(numbers), f"{done}/{len(numbers)} described anew")
            try:
                catalogue.describe(number, describe(catalogue.analysis(number)))
            except AnalysisError:
                catalogue.forget_analyses([number])

    def remind(self) -> None:
        """Say how many tracks wait to be heard anew: another version of analysis heard them."""
        catalogue = self.catalogue()
        count = catalogue.count_outdated_analyses(RECIPE, VERSION)
        if count:
            log.warning(
                "%s: %d tracks were heard by another version of retrotone and compare badly: scan their folders again",
                catalogue.name, count,
            )  # fmt: skip

    def neighbours(self, progress: Progress = silent) -> Neighbours | Indexed:
        """Return what searches."""
        catalogue = self.described(progress)
        if self._loaded is None:
            self._loaded = neighbours(catalogue, progress)
        return self._loaded

    def searchable(self, progress: Progress) -> Neighbours | Indexed:
        """Return what searches; `LibraryError` if there are no tracks."""
        if self.described(progress).is_empty():
            raise LibraryError(f"{self.name} holds no tracks: scan a folder of music first")
        return self.neighbours(progress)

    def everything(self, progress: Progress = silent) -> tuple[list[Track], Neighbours]:
        """Return all tracks and, in the same order, their vectors."""
        catalogue = self.described(progress)
        numbers, vectors = catalogue.vectors()
        tracks = catalogue.tracks(numbers.tolist())
        there = np.isin(numbers, [track.id for track in tracks])  # others may have gone meanwhile
        return tracks, Neighbours(numbers[there], vectors[there])

    def tracks(self, genre: str | None = None, exclude: Sequence[str] = ()) -> list[Track]:
        """Return all tracks by path, or those of a genre, without what `exclude` matches (`walk.is_excluded`)."""
        return [
            track
            for track in self.described().tracks()
            if _is_wanted(track.path, track.best_genre, genre, exclude)
        ]

    def lookup(self, genre: str | None = None, exclude: Sequence[str] = ()) -> Lookup:
        """Return what looks tracks up by their numbers, without those that are not wanted; see `tracks`."""
        catalogue = self.catalogue()
        if not genre and not exclude:
            return catalogue.tracks

        def lookup(numbers: Sequence[int]) -> list[Track]:
            wanted = {
                number
                for number, path, filed in catalogue.paths_and_genres(numbers)
                if _is_wanted(path, filed, genre, exclude)
            }
            return catalogue.tracks([number for number in numbers if number in wanted])

        return lookup

    def same(self, near: Neighbours | Indexed) -> Same:
        """Return what tells whether two tracks of the library are one recording."""
        traces = cache(partial(trace, self.catalogue().analysis))
        return lambda a, b: is_same_recording(a, b, near, traces)


def _is_wanted(path: str, filed: str, genre: str | None, exclude: Sequence[str]) -> bool:
    return (genre or "").casefold() in filed.casefold() and not is_excluded(path, exclude)
