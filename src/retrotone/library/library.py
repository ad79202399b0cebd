"""`Library`: scan folders of music, then search them by sound, make playlists, find duplicates, draw and export."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrotone.errors import LibraryError
from retrotone.features.analysis import Analysis
from retrotone.library import embedding
from retrotone.library.catalogue import repair
from retrotone.library.catalogue.base import MissingLibrary
from retrotone.library.catalogue.catalogue import Catalogue
from retrotone.library.export import export
from retrotone.library.files import Place
from retrotone.library.records import Track
from retrotone.library.scanning.scan import ScanReport, scan
from retrotone.library.scanning.walk import check_folders
from retrotone.library.search import playlists
from retrotone.library.search.by_name import find_by_name
from retrotone.library.search.copies import best_first
from retrotone.library.search.duplicates import same_recordings
from retrotone.library.search.filters import EVERYTHING, Filter
from retrotone.library.search.neighbours import between
from retrotone.library.search.playlists import Match
from retrotone.library.search.queries import Song, find_song, find_songs, find_track
from retrotone.library.search.weights import Weight
from retrotone.library.session import LibrarySession, default_path
from retrotone.library.suggestions import Suggestion, suggest_genres
from retrotone.library.tagging import TagReport, plan_tags, untag, write_tags
from retrotone.progress import Progress, bar_in_notebooks, silent
from retrotone.utils.files import check_outputs, make_folder

if TYPE_CHECKING:
    from retrotone.library.map import MapPoint

__all__ = ["Filter", "Library", "Match", "ScanReport", "Suggestion", "Track", "default_path"]


class Library:
    """A music library: a catalogue of analysed tracks, and the searches over it.

    A song, in the methods below, is a `Track`, the path of a file inside or outside of the library, an `Audio`, an
    `Analysis`, or the name of a track: words of its title and artist, where no file is called so. A song outside of the
    library is analysed when a method needs it.

    Parameters
    ----------
    path : path-like, optional
        The catalogue's file, by default `default_path`; or the address of a PostgreSQL database with pgvector, as
        ``postgresql://USER@HOST/DATABASE``. The library is made by the first `scan`.

    Attributes
    ----------
    file : Path or None
        The catalogue's file; None on PostgreSQL.

    Raises
    ------
    LibraryError
        By all methods: there is no library, the file is another program's, damaged or not writable, or there is no
        such server.
    MissingExtraError
        By all methods, on PostgreSQL without the extra ``cluster``.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._session = LibrarySession(os.fspath(default_path() if path is None else path))
        self._catalogue = self._session.catalogue
        self.file = self._session.file

    @property
    def name(self) -> str:
        """The catalogue's file, or its address without the password."""
        return self._session.name

    def close(self) -> None:
        """Close the catalogue; it opens again when needed."""
        self._session.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        """Return the number of analysed tracks that exist."""
        return self._session.up_to_date().count()

    @staticmethod
    def embed(analysis: Analysis) -> NDArray[np.float32]:
        """Return an analysis as a unit vector, shape (d,); the cosine of two is the similarity of their sound.

        Raises
        ------
        AnalysisError
            The taggram is not known.
        """
        return embedding.embed(analysis)

    @bar_in_notebooks
    def scan(
        self,
        folders: Sequence[str | os.PathLike[str]],
        exclude: Sequence[str] = (),
        dry_run: bool = False,
        workers: int | None = None,
        progress: Progress = silent,
        cluster: str | None = None,
        strict: bool = False,
    ) -> ScanReport:
        """Bring the library up to date with folders; see `retrotone.library.scanning.scan.scan`.

        It may be stopped at any moment, by `Cancelled`, Ctrl-C or kill -9: the tracks analysed so far are kept.

        Parameters
        ----------
        folders, exclude, dry_run, progress, strict
            See there.
        workers : int, optional
            Processes that analyse; by default one for each core, of this machine or the cluster.
        cluster : str, optional
            Address of a Ray cluster that is to analyse; see `retrotone.library.scanning.ray_cluster`.

        Raises
        ------
        LibraryError
        MissingExtraError
            Ray is not installed.
        """
        # before a library is made for them
        check_folders(folders)
        try:
            catalogue = self._catalogue(create=not dry_run)
        except MissingLibrary:
            with Catalogue(":memory:", create=True) as empty:
                return scan(empty, folders, exclude, dry_run, workers, progress, strict=strict)
        if cluster is None or dry_run:
            report = scan(catalogue, folders, exclude, dry_run, workers, progress, strict=strict)
        else:
            from retrotone.library.scanning.ray_cluster import connected

            with connected(cluster) as (analyse_all, cores):
                report = scan(catalogue, folders, exclude, False, workers or cores, progress, analyse_all, strict)
        if not dry_run:
            self._session.update_descriptions(progress)
        return report

    def tracks(self, only: Filter = EVERYTHING) -> list[Track]:
        """Return the tracks that a filter accepts, sorted by path."""
        return self._session.tracks(only)

    def search(self, text: str, only: Filter = EVERYTHING) -> list[Track]:
        """Return the tracks whose title, artist and album hold all words of a text, the closest first.

        Parameters
        ----------
        text : str
            Capitals, accents and punctuation do not count, and words may be cut.
        only : Filter
        """
        groups = find_by_name(text, self._session.up_to_date())
        return [track for group in groups for track in group if only.accepts(track)]

    def find(self, path: str | os.PathLike[str]) -> Track | None:
        """Return the track that a file is, or is a copy of; None where the library has neither.

        The second track of a cue sheet is ``album.flac#2``.
        """
        place = Place.from_name(os.path.abspath(path))
        found = find_track(place, self._catalogue(), self._session.neighbours())
        return found[1] if found else None

    def analysis(self, track: Track) -> Analysis:
        """Return the analysis of a track of the library."""
        return self._catalogue().analysis(track.id)

    def broken(self) -> list[tuple[str, str]]:
        """Return name and reason of each track that cannot be analysed."""
        return self._catalogue().broken()

    def damaged(self) -> list[tuple[str, str]]:
        """Return path and damage of each file that was analysed although it is damaged."""
        return self._catalogue().damaged()

    def silent_tracks(self) -> list[str]:
        """Return the name of each silent track; the library holds it, and never recommends it."""
        return self._catalogue().silent_tracks()

    def similar(
        self,
        songs: Song | Sequence[Song],
        k: int = 5,
        only: Filter = EVERYTHING,
        per_artist: int | None = None,
        per_album: int | None = None,
        progress: Progress = silent,
    ) -> list[Match]:
        """Return the tracks that sound most like a song, or like the middle of several, each song once.

        Versions of one song, such as a live one, a remaster or that of a compilation, are known by artist and title or
        as one recording.

        Parameters
        ----------
        songs : song or sequence of songs
        k : int
            How many tracks.
        only : Filter
            Which tracks are wanted.
        per_artist, per_album : int, optional
            Limits of tracks by one artist and of one album. Tracks without an artist or album are not limited.
        progress : Progress
            Called while a song is analysed.

        Raises
        ------
        LibraryError, AudioError, AnalysisError
        """
        playlists.check_positive(k=k, per_artist=per_artist, per_album=per_album)
        near = self._session.searchable(progress)
        vectors, tracks = find_songs(songs, self._catalogue(), near, progress)
        candidates = playlists.matches(near, between(vectors), self._session.track_lookup(only))
        caps = playlists.Caps(per_artist, per_album)
        return playlists.similar(candidates, k, tracks, caps, self._session.is_same(near))

    def path(
        self,
        start: Song,
        end: Song,
        length: int = 10,
        only: Filter = EVERYTHING,
        weight: Weight | None = None,
        mix: bool = True,
        progress: Progress = silent,
    ) -> list[Track]:
        """Return tracks that lead evenly from one song to another, no song twice.

        Parameters
        ----------
        start, end : song
            Part of the result where they are in the library.
        length : int
            How many tracks, ends included; 2 or more. Fewer where the library has no more.
        only : Filter
            Which tracks are wanted between the ends.
        weight : Weight, optional
            Lets favourites go before tracks that are as similar; see `weights.load_weights`.
        mix : bool
            Whether tracks whose key and tempo go with their neighbours' go before others that are as similar.
        progress : Progress

        Raises
        ------
        LibraryError, AudioError, AnalysisError
        """
        if length < 2:
            raise LibraryError(f"a path has two tracks or more, not {length}")
        near = self._session.searchable(progress)
        catalogue = self._catalogue()
        (a, first), (b, last) = (find_song(song, catalogue, near, progress) for song in (start, end))
        lookup, is_same = self._session.track_lookup(only), self._session.is_same(near)
        # the ends may be no tracks of the library
        most = min(length, len(self) + 2)
        return playlists.path(near, (a, b), (first, last), most, lookup, is_same, weight, mix)

    def playlist(
        self,
        songs: Song | Sequence[Song],
        minutes: float = 60.0,
        only: Filter = EVERYTHING,
        per_artist: int = 3,
        per_album: int | None = None,
        weight: Weight | None = None,
        mix: bool = True,
        progress: Progress = silent,
    ) -> list[Track]:
        """Return a playlist that begins with some songs and goes on with similar ones, no song twice.

        Parameters
        ----------
        songs : song or sequence of songs
        minutes : float
            Total length, met as closely as whole tracks allow.
        only, per_artist, per_album, weight, mix
            See `similar` and `path`.
        progress : Progress

        Raises
        ------
        LibraryError, AudioError, AnalysisError
        """
        playlists.check_positive(minutes=minutes, per_artist=per_artist, per_album=per_album)
        near = self._session.searchable(progress)
        vectors, first = find_songs(songs, self._catalogue(), near, progress)
        lookup, caps = self._session.track_lookup(only), playlists.Caps(per_artist, per_album)
        is_same = self._session.is_same(near)
        return playlists.playlist(near, between(vectors), first, 60 * minutes, caps, lookup, is_same, weight, mix)

    @bar_in_notebooks
    def duplicates(self, progress: Progress = silent) -> list[list[Track]]:
        """Return groups of tracks that are one recording in other formats, at other levels or from other masters.

        In each group the copy to keep comes first; see `copies.best_first`.
        """
        tracks, near = self._session.tracks_and_vectors(progress)
        return [best_first(group) for group in same_recordings(tracks, near, self._catalogue().analysis, progress)]

    def genres(self, note: bool = False) -> list[Suggestion]:
        """Return a genre for each track whose tags name none, by path.

        Parameters
        ----------
        note : bool
            Store the genres that the classifier is sure of in the catalogue, as `Track.genre`. Music files are never
            written to.
        """
        suggestions = suggest_genres(self.tracks())
        if note:
            self._catalogue().give_genre({each.track.id: each.genre for each in suggestions if each.sure})
        return suggestions

    @bar_in_notebooks
    def tag(
        self, write: Sequence[str], only: Filter = EVERYTHING, apply: bool = False, progress: Progress = silent
    ) -> TagReport:
        """Write tempo, key, genre and mood into the tags of files that have none; nothing else in a file changes.

        Parameters
        ----------
        write : sequence of str
            Of ``bpm``, ``key``, ``genre`` and ``mood``.
        only, progress
        apply : bool
            Write, after an undo file beside the library or, on PostgreSQL, in the folder of the default one; else the
            report only says what would be written.

        Raises
        ------
        LibraryError, OutputError
        """
        report = plan_tags(self.tracks(only), write, self._catalogue(), progress)
        if apply:
            write_tags(
                report, self.file or make_folder(default_path().parent) / "postgresql", self._catalogue(), progress
            )
        return report

    def untag(self, undo: str | os.PathLike[str], progress: Progress = silent) -> TagReport:
        """Take back what `tag` wrote, where it has not been changed since; see `tagging.untag`."""
        return untag(undo, self._catalogue(), progress)

    @bar_in_notebooks
    def map(self, path: str | os.PathLike[str], progress: Progress = silent, overwrite: bool = False) -> Path:
        """Draw the library as a picture (.png) or an interactive page (.html), and return its path.

        Raises
        ------
        LibraryError
            Another suffix.
        OutputError
            It cannot be written, or exists and `overwrite` is not set.
        """
        from retrotone.library.map import draw

        check_outputs([path], filter(None, [self._session.file]), overwrite=overwrite)
        tracks, near = self._session.tracks_and_vectors(progress)
        return draw(tracks, near.vectors, path, progress)

    def map_points(self) -> list[MapPoint]:
        """Return each track with its position and colour on the map."""
        from retrotone.library.map import map_points

        tracks, near = self._session.tracks_and_vectors()
        return map_points(tracks, near.vectors) if tracks else []

    def export(
        self,
        path: str | os.PathLike[str],
        tracks: Sequence[Track] | None = None,
        absolute: bool = False,
        overwrite: bool = False,
    ) -> Path:
        """Write tracks to a playlist (.m3u8, .m3u, .xspf), .csv or .json; see `retrotone.library.export.export`.

        Parameters
        ----------
        path, absolute
            See there.
        tracks : sequence of Track, optional
            By default all.
        overwrite : bool
            Whether a file that exists is replaced.

        Raises
        ------
        LibraryError, OutputError
        """
        check_outputs([path], filter(None, [self._session.file]), overwrite=overwrite)
        return export(self.tracks() if tracks is None else tracks, path, absolute)

    @bar_in_notebooks
    def check(self, progress: Progress = silent) -> list[str]:
        """Return the problems of the catalogue, a line each; `LibraryError` for those that `repair` cannot mend."""
        problems = repair.check(self._session.location, progress)
        if not problems:
            self._session.warn_of_outdated_analyses()
        return problems

    @bar_in_notebooks
    def repair(self, progress: Progress = silent) -> list[str]:
        """Repair the catalogue from the parts that can be read; return the problems. See `repair.repair`."""
        self.close()
        return repair.repair(self._session.location, progress)
