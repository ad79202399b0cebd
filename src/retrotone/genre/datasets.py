"""Music in folders, one a genre: GTZAN with its index, and other collections.

A data set is a list of tracks. Tracks are split; pieces are cut from a track afterwards (`segments`), so that two
pieces of one song never lie on both sides of a split.
"""

from __future__ import annotations

import csv
import os
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrotone.audio.audio import Audio, load
from retrotone.audio.files import AudioFile
from retrotone.audio.folders import recordings_in
from retrotone.errors import AudioError, GenreError
from retrotone.utils.assets import asset
from retrotone.utils.logs import log
from retrotone.utils.text import counted

Split = Literal["train", "valid", "test"]

GTZAN_GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
# Hz.
GTZAN_RATE = 22_050
# Where copies have the ten genre folders.
GTZAN_FOLDERS = ("", "genres", "genres_original", "Data/genres_original")
# Damaged in the usual WAV copy.
CORRUPT = "jazz.00054"
# Seconds: codecs add and drop up to a few thousand samples.
LENGTH_TOLERANCE = 0.5
# Of a genre: one to learn from, one to test on.
MIN_TRACKS = 2


@dataclass(frozen=True)
class LabelledTrack:
    """A recording, its genre and its artist.

    Attributes
    ----------
    name : str
        Its file's name without suffix.
    genre : str
    artist : str or None
        None where unknown.
    path : Path or None
        None where only its published features are here.
    """

    name: str
    genre: str
    artist: str | None = None
    path: Path | None = None

    @property
    def key(self) -> str:
        """``genre/artist/name``, without the artist where unknown: the same wherever the collection lies."""
        return "/".join(part for part in (self.genre, self.artist, self.name) if part)


@dataclass(frozen=True)
class GtzanEntry:
    """An entry of GTZAN's index, with or without audio.

    Attributes
    ----------
    track : LabelledTrack
        Joint recordings go by one of their artists: the one with the most clips.
    split : {"train", "valid", "test"} or None
        In the fault-filtered, artist-separated split of Kereliuk, Sturm and Larsen (2015); None for the 70 clips that
        it leaves out.
    frames : int
        Its length at 22,050 Hz.
    fault : str
        Why it is left out: ``repeats`` another clip (the same recording, or another take), ``distorted``, or
        ``left out`` where our sources do not say; empty for the others. Mislabelled clips are not marked.
    """

    track: LabelledTrack
    split: Split | None
    frames: int
    fault: str


@cache
def gtzan_index() -> dict[str, GtzanEntry]:
    """Return the 1000 clips of GTZAN by name; sources: ``tools/make_gtzan_index.py``."""
    text = asset("gtzan.csv").read_text("utf-8")
    return {
        row["track"]: GtzanEntry(
            LabelledTrack(row["track"], row["track"].split(".")[0], row["artist"] or None),
            row["split"] or None,  # type: ignore[arg-type]
            int(row["frames"]),
            row["fault"],
        )
        for row in csv.DictReader(text.splitlines())
    }


def gtzan_split(split: Split) -> list[LabelledTrack]:
    """Return the tracks of a part of GTZAN, without audio: 443 train, 197 valid, 290 test."""
    return [entry.track for entry in gtzan_index().values() if entry.split == split]


class Collection:
    """Recordings in folders, one a genre.

    Parameters
    ----------
    folder : path-like
        ``genre/track.wav``, or ``genre/artist/track.wav`` where the artists are known; any of these may be links.
        Hidden files and those without a sound file's suffix are ignored.

    Attributes
    ----------
    folder : Path
    tracks : list of LabelledTrack
        In the order of their paths.
    genres : tuple of str
        In alphabetical order.

    Raises
    ------
    GenreError
        No folder of a genre, or a genre with one track.
    AudioError
        No such folder, no recordings in it, or a file whose content does not match its suffix; the message names it.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.tracks = _find(self.folder)
        for track in self.tracks:
            _header(track)
        counts = Counter(track.genre for track in self.tracks)
        self.genres = tuple(sorted(counts))
        for genre, count in counts.items():
            if count < MIN_TRACKS:
                raise GenreError(
                    f"{self.folder / genre} holds {count} track: a genre needs at least {MIN_TRACKS}, "
                    "one to learn from and one to test on"
                )


class Gtzan:
    """A copy of GTZAN, whole or in part, checked against its index.

    Parameters
    ----------
    folder : path-like
        With one folder a genre and ``genre.00000.wav`` (or .au, .ogg, .mp3, .flac) in each; these may lie in ``genres``
        or ``genres_original``, as its archives have them.

    Attributes
    ----------
    folder : Path
        Where the genres are.
    tracks : list of LabelledTrack
        All that can be read, in the order of their names, the 70 faulty ones among them.
    genres : tuple of str
        Those of the ten that are here.
    problems : list of str
        One line each: clips missing, the corrupt ``jazz.00054``, clips of the wrong length. Each is logged, too.

    Raises
    ------
    GenreError
        No such folder, a genre that is none of GTZAN's, or a file that is no clip of GTZAN.
    AudioError
        Another clip than ``jazz.00054`` that cannot be read; the message names it.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = _gtzan_root(Path(folder))
        self.problems: list[str] = []
        found = {track.name: track for track in reversed(_find(self.folder))}
        self.genres = tuple(sorted({track.genre for track in found.values()}))
        if odd := sorted(set(self.genres) - set(GTZAN_GENRES)):
            raise GenreError(
                f"{self.folder} holds {counted(len(self.genres), 'genre')}: {', '.join(odd)} is none of GTZAN's ten"
            )
        for track in found.values():
            if not _is_clip(track):
                raise GenreError(f"{track.path} is no clip of GTZAN's {track.genre}: take it out of the folder")
        self.tracks = [
            replace(entry.track, path=found[name].path)
            for name, entry in gtzan_index().items()
            if name in found and self._is_sound(found[name], entry)
        ]
        if len(found) < len(gtzan_index()):
            missing = [genre for genre in GTZAN_GENRES if genre not in self.genres]
            without = f", none of {', '.join(missing)}" if missing else ""
            self.problems.append(f"{self.folder} holds {len(found)} of GTZAN's {len(gtzan_index())} clips{without}")
        for problem in self.problems:
            log.warning(problem)

    def split(self, split: Split) -> list[LabelledTrack]:
        """Return the tracks of a part of the fault-filtered split."""
        return [track for track in self.tracks if gtzan_index()[track.name].split == split]

    def _is_sound(self, track: LabelledTrack, entry: GtzanEntry) -> bool:
        try:
            duration = _header(track).duration
        except AudioError:
            if track.name != CORRUPT:
                raise
            self.problems.append(f"{track.path} is corrupt, as it is in most copies: left out")
            return False
        expected = entry.frames / GTZAN_RATE
        if abs(duration - expected) > LENGTH_TOLERANCE:
            self.problems.append(f"{track.path} lasts {duration:.1f} s and not {expected:.1f} s: copy it again")
        return True


def open_folder(folder: str | os.PathLike[str]) -> Gtzan | Collection:
    """Open a folder as GTZAN where most recordings have its clips' names, or else as a collection."""
    found = _find(_gtzan_root(Path(folder)))
    return Gtzan(folder) if 2 * sum(map(_is_clip, found)) > len(found) else Collection(folder)


def folds(tracks: Sequence[LabelledTrack], k: int, seed: int = 0) -> NDArray[np.int64]:
    """Return which of `k` folds each track is tested in.

    An artist's tracks share a fold; a track whose artist is unknown counts as an artist of its own. The genres are as
    balanced as that allows: a genre with fewer than `k` artists is missing from some folds.

    Parameters
    ----------
    tracks : sequence of LabelledTrack
    k : int
        At least 2.
    seed : int

    Returns
    -------
    ndarray, shape (len(tracks),), int64
        0 to k - 1: train on ``folds != 0``, test on ``folds == 0``, and so on.

    Raises
    ------
    GenreError
        Fewer than 2 folds, or more than `most_folds`.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    genres, artists = [track.genre for track in tracks], artists_of(tracks)
    most = most_folds(tracks)
    if most < 2:
        raise GenreError("one track a genre, or one artist, cannot be split: add tracks by another artist")
    if not 2 <= k <= most:
        raise GenreError(f"{k} folds do not fit: take 2 to {most}, by the largest genre and the artists")
    with warnings.catch_warnings():
        # a genre with fewer tracks than folds is allowed
        warnings.simplefilter("ignore", UserWarning)
        splitter = StratifiedGroupKFold(k, shuffle=True, random_state=seed)
        result = np.zeros(len(tracks), np.int64)
        for fold, (_, test) in enumerate(splitter.split(genres, genres, artists)):
            result[test] = fold
    return result


def most_folds(tracks: Sequence[LabelledTrack]) -> int:
    """Return how many `folds` there can be: as many as the largest genre has tracks, and as there are artists."""
    largest = max(Counter(track.genre for track in tracks).values(), default=0)
    return min(largest, len(set(artists_of(tracks))))


def artists_of(tracks: Sequence[LabelledTrack]) -> list[str]:
    """Return an artist for each track: an unknown one gets a name of its own, from the track's index."""
    return [f"{index} unknown" if track.artist is None else track.artist for index, track in enumerate(tracks)]


def segments(track: LabelledTrack, seconds: float, hop_seconds: float | None = None) -> Iterator[Audio]:
    """Yield pieces of a track, at its own rate and channels.

    Parameters
    ----------
    track : LabelledTrack
        With a path.
    seconds : float
        Of each piece; what is left at the end is dropped. A track that is no longer than this gives itself.
    hop_seconds : float, optional
        From the start of one to the start of the next; by default `seconds`, so that they do not overlap.

    Raises
    ------
    GenreError
        The track has no path.
    AudioError
        Its file cannot be read.
    """
    if track.path is None:
        raise GenreError(f"{track.name} has no audio here: only its published features")
    audio = load(track.path)
    length, hop = (round(wanted * audio.sample_rate) for wanted in (seconds, hop_seconds or seconds))
    for start in range(0, max(audio.frames - length, 0) + 1, hop):
        yield audio.with_samples(audio.samples[:, start : start + length])


def _find(folder: Path) -> list[LabelledTrack]:
    """Return the tracks in ``genre/track`` and ``genre/artist/track``, unopened."""
    tracks = []
    for path in recordings_in(folder):
        parts = path.relative_to(folder).parts
        if len(parts) > 1:
            tracks.append(LabelledTrack(path.stem, parts[0], parts[1] if len(parts) > 2 else None, path))
    if not tracks:
        raise GenreError(f"{folder} holds no folder with recordings: it needs one for each genre")
    return tracks


def _is_clip(track: LabelledTrack) -> bool:
    """Whether a track has the name of one of GTZAN's clips."""
    return track.name in gtzan_index() and track.name.startswith(f"{track.genre}.")


def _header(track: LabelledTrack) -> AudioFile:
    """Open a track's file, which raises AudioError if it is no sound."""
    assert track.path is not None
    return AudioFile(track.path)


def _gtzan_root(folder: Path) -> Path:
    candidates = (folder / name for name in GTZAN_FOLDERS)
    return next((path for path in candidates if any((path / genre).is_dir() for genre in GTZAN_GENRES)), folder)
