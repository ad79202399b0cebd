"""The range of known music: sound outside of it gets a genre, too, often with high confidence.

Two distances are added in squares, both Mahalanobis's (1936), by shrunk covariances: that of the columns from all known
music, and that of musicnn's tags from the tracks of the genre that was answered (Lee et al. 2018). Columns tell noise
and speech from music: each column of speech has a value that some music has, but no music has all of them. Tags tell
music of other genres: a drone is nearest to classical music, but no classical track has its tags.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrotone.features.analysis import Analysis
from retrotone.features.audioset import has_clear_instrument, is_music
from retrotone.features.key import is_clear
from retrotone.genre.base import LEAST_CONFIDENCE, NO_MUSIC, STRANGE, UNCLEAR
from retrotone.genre.evidence import Rows, evidence

# The share of known music that may be called strange.
STRANGE_SHARE = 0.05
# Without a clear key, as in speech, a track is strange at this distance already. 15 voices, aged as the 1910s to 1950s,
# lie from 0.89 on; of 39 clips of GTZAN and aged copies that have no clear key, one lies beyond 0.85.
KEYLESS_DISTANCE = 0.85
# Of the covariance of known music's columns towards a multiple of the identity, and of that of a genre's tags towards
# the identity. Half as much for the tags does as well.
COLUMN_SHRINKAGE, TAG_SHRINKAGE = 0.1, 0.8
TINY = 1e-9


@dataclass(frozen=True)
class Domain:
    """Where known music lies.

    Attributes
    ----------
    centre, axes : ndarray, shapes (numbers,) and (numbers, numbers)
        Mean of the columns, and what whitens them, in units of the distance at which columns alone are strange.
    columns_weight : ndarray, shape (), or None
        The factor of that distance where tags are known, too. None where they were not known of the known music.
    tag_centres, tag_axes : ndarray, shapes (genres, 50) and (genres, 50, 50), or None
        The same for the mean log-odds of each genre's tags, in units of the distance at which a track is strange.
    """

    centre: Rows
    axes: Rows
    columns_weight: Rows | None = None
    tag_centres: Rows | None = None
    tag_axes: Rows | None = None

    def strangeness(self, analysis: Analysis, genre: int) -> float | None:
        """Return how unlike known music a track is, strange over 1; None without columns.

        Parameters
        ----------
        analysis : Analysis
        genre : int
            The place of its answered genre.
        """
        columns, tags = _columns(analysis), _tags(analysis)
        if columns is None:
            return None
        distance = self._distance(columns, tags, genre)
        has_key = analysis.pitch_classes is None or is_clear(analysis.pitch_classes)
        return distance / (1.0 if has_key else KEYLESS_DISTANCE)

    def _distance(self, columns: Rows, tags: Rows | None, genre: int) -> float:
        distance = float(np.linalg.norm((columns - self.centre) @ self.axes))
        if tags is None or self.columns_weight is None or self.tag_centres is None or self.tag_axes is None:
            return distance
        from_genre = np.linalg.norm((tags - self.tag_centres[genre]) @ self.tag_axes[genre])
        return float(np.hypot(self.columns_weight * distance, from_genre))


def doubt_of(analysis: Analysis, strangeness: float | None, confidence: float) -> str:
    """Return why a classifier is not sure, empty if it is."""
    sounds = analysis.sounds
    # the second ear knows better what music is
    if sounds is not None and not is_music(sounds):
        return NO_MUSIC
    # a soloist is unlike the bands and orchestras of the known music, but an instrument that is heard clearly is music
    soloist = sounds is not None and has_clear_instrument(sounds)
    if strangeness is not None and strangeness > 1 and not soloist:
        return STRANGE
    return UNCLEAR if confidence < LEAST_CONFIDENCE else ""


def known_music(
    tracks: Sequence[Analysis], copies: Sequence[Sequence[Analysis]], truth: NDArray[np.intp], fold: NDArray[np.int64]
) -> Domain:
    """Return where music lies, in units that put the outermost recordings beyond 1.

    These units come from tracks left out.

    Parameters
    ----------
    tracks : sequence of Analysis, length n
        With columns; the distance counts the tags where all have a taggram.
    copies : sequence of sequence of Analysis, length n
        Of each track, on other media.
    truth : ndarray, shape (n,), int
        The genre of each track, counted from 0.
    fold : ndarray, shape (n,), int
        Of each track.
    """
    recordings = [
        [track, *(copy for copy in own if copy.columns is not None)] for track, own in zip(tracks, copies, strict=True)
    ]
    lengths = [len(own) for own in recordings]
    genre, of_fold = np.repeat(truth, lengths), np.repeat(fold, lengths)
    columns = np.array([_columns(each) for own in recordings for each in own])
    found = [_tags(each) for own in recordings for each in own]
    tags = None if any(each is None for each in found) else np.array(found)
    genres = int(truth.max()) + 1

    # distances of recordings left out: by columns alone, and by both
    alone, both = np.zeros(len(columns)), np.zeros(len(columns))
    for number in range(int(fold.max()) + 1):
        inside = of_fold != number
        domain = _domain(columns[inside], None if tags is None else tags[inside], genre[inside], genres)
        for i in np.flatnonzero(~inside):
            alone[i] = domain._distance(columns[i], None, genre[i])
            both[i] = domain._distance(columns[i], None if tags is None else tags[i], genre[i])

    limit_alone, limit = (np.quantile(distances, 1 - STRANGE_SHARE) for distances in (alone, both))
    whole = _domain(columns, tags, genre, genres)
    if whole.tag_axes is None:
        return Domain(whole.centre, whole.axes / limit_alone)
    weight = np.array(limit_alone / limit)
    return Domain(whole.centre, whole.axes / limit_alone, weight, whole.tag_centres, whole.tag_axes / limit)


def _domain(columns: Rows, tags: Rows | None, genre: NDArray[np.intp], genres: int) -> Domain:
    """Return the domain of recordings, in units of standard deviations."""
    centre, spread = columns.mean(axis=0), np.maximum(columns.std(axis=0), TINY)
    x = (columns - centre) / spread
    covariance = x.T @ x / len(x)
    level = max(float(np.trace(covariance)) / len(covariance), TINY)
    axes = _whitening(covariance, COLUMN_SHRINKAGE, level) / spread[:, None]
    if tags is None:
        return Domain(centre, axes)
    present = np.bincount(genre, minlength=genres) > 0
    # a genre that is not there gets the centre of all
    centres = np.array([tags[genre == k if present[k] else slice(None)].mean(axis=0) for k in range(genres)])
    away = tags - centres[genre]
    # of all genres together, which also is the unit of the identity below
    spread = np.maximum(away.std(axis=0), TINY)
    away /= spread
    tag_axes = [
        _whitening(away[genre == k].T @ away[genre == k] / max(int((genre == k).sum()), 1), TAG_SHRINKAGE, 1.0)
        for k in range(genres)
    ]
    return Domain(centre, axes, np.array(1.0), centres, np.array(tag_axes) / spread[:, None])


def _whitening(covariance: Rows, shrinkage: float, level: float) -> Rows:
    """Return the axes that whiten a covariance after its shrinkage towards `level` times the identity."""
    shrunk = (1 - shrinkage) * covariance + shrinkage * level * np.eye(len(covariance))
    variances, axes = np.linalg.eigh(shrunk)
    whitening: Rows = axes / np.sqrt(variances)
    return whitening


def _columns(analysis: Analysis) -> Rows | None:
    rows = evidence(analysis, "columns")
    return None if rows is None else rows[0]


def _tags(analysis: Analysis) -> Rows | None:
    """Return the mean log-odds of musicnn's tags, shape (50,); None without a taggram."""
    rows = evidence(analysis, "patches")
    return None if rows is None else rows.mean(axis=0)
