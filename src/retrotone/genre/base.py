"""What all genre classifiers share: their input, their answer, and their files' names."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrotone.audio.audio import Audio
from retrotone.audio.files import AudioFile
from retrotone.errors import GenreError
from retrotone.features.analysis import Analysis

Recording = Analysis | Audio | AudioFile | str | os.PathLike[str]
KINDS = (Analysis, Audio, AudioFile, str, os.PathLike)

# In a model's folder: the weights of a network, and what is known of any model.
WEIGHTS, FACTS = "model.safetensors", "model.json"

UNCLEAR = "no genre stands out"
STRANGE = "it does not sound like the music this classifier knows"
NO_MUSIC = "it does not sound like music"
# below it another answer is as likely as the first
LEAST_CONFIDENCE = 0.5
PATCH_SECONDS = 3.0


@dataclass(frozen=True)
class Answer:
    """A classifier's answer for a track.

    Attributes
    ----------
    genre : str
        The most probable one, sure or not.
    confidence : float
        Its probability.
    sure : bool
    doubt : str
        Why not sure: empty if sure.
    probabilities : dict of str to float
        Of all genres; they add up to 1.
    strangeness : float or None
        Distance of columns and tags from known music's, raised where no key is clear. Over 1 the answer is unsure,
        unless the second ear hears an instrument clearly. None without columns.
    times : ndarray, shape (patches,), float32, or None
        Where each patch starts, in seconds; None where unknown.
    timeline : ndarray, shape (patches, genres), or None
        The probabilities of each patch by itself, of 3 s as a rule, in the order of `classes_`; None without a taggram.
    duration : float or None
        Of the track, in seconds; None where unknown.
    """

    genre: str
    confidence: float
    sure: bool
    doubt: str
    probabilities: dict[str, float]
    strangeness: float | None = None
    times: NDArray[np.float32] | None = None
    timeline: NDArray[np.float64] | None = None
    duration: float | None = None

    def _repr_html_(self) -> str:
        from retrotone.utils.templates import render_page

        heading = self.genre if self.sure else f"not sure: {self.doubt}"
        likeliest = sorted(self.probabilities.items(), key=lambda each: -each[1])
        rows = [(genre, f"{probability:.0%}") for genre, probability in likeliest]
        return render_page("notebook.html.j2", heading=heading, rows=rows, points=[], source="")


def tracks_of(X: Recording | Iterable[Recording]) -> list[Recording]:
    """Return tracks as a list, a single one as a list of one; GenreError for anything else."""
    tracks = list(X) if isinstance(X, Iterable) and not isinstance(X, KINDS) else [X]
    for track in tracks:
        if not isinstance(track, KINDS):
            raise GenreError(f"{type(track).__name__} is no track: give an Analysis, an Audio or a path")
    return tracks


def stretches(times: NDArray[np.float32], duration: float) -> NDArray[np.float64]:
    """Return the stretch that each patch covers in a picture, shape (patches, 2): start and end in seconds.

    Adjacent patches meet half way between their middles. Between two that are more than two steps apart nothing was
    analysed, and each covers half a step.

    Parameters
    ----------
    times : ndarray, shape (patches,)
        Where each patch starts, in seconds.
    duration : float
        Of the track, in seconds.
    """
    middles = times.astype(float) + PATCH_SECONDS / 2
    apart = np.diff(middles)
    step = float(np.median(apart)) if len(apart) else PATCH_SECONDS
    reach = np.where(apart > 2 * step, step, apart) / 2
    starts, stops = middles - np.insert(reach, 0, step / 2), middles + np.append(reach, step / 2)
    reached: NDArray[np.float64] = np.clip(np.stack([starts, stops], axis=1), 0.0, duration)
    return reached
