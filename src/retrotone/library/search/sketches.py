"""Sketches of fingerprints: some fifty numbers each, by which nearly all pairs that cannot agree are told at once.

A sketch of a stretch of a fingerprint is its slowest and broadest movement: the lowest terms of its cosine transform
over time and bands. As the transform is orthonormal, the correlation of two stretches is the product of their sketches
and a rest that is at most the product of what the sketches leave out.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrotone.dsp.hpss import TINY
from retrotone.types import Matrix

# Least correlation of fingerprints. Of 257 clips of GTZAN, copies as MP3 of 24 kbit/s, at another level, from another
# master or with a start up to 4 s later reach 0.78 and more, any two different ones 0.50 at most.
AGREEMENT = 0.65
# steps (2 s) by which the middle of one fingerprint may be late
SHIFT = 8
# steps (4 s); shorter fingerprints are not compared
LEAST = 16
# dB; a fingerprint that varies by less tells nothing, and agrees with none
STILL = 0.1
# Terms of the cosine transform over time, without the mean, and over bands.
TIME_TERMS, BAND_TERMS = 6, 8
# Steps from one shift to the next. The terms move so slowly that a step to either side matters little.
STRIDE = 3
# A sketch is a sample of its stretch: the correlation of two sketches strays from that of the stretches by
# (1 - r^2) / sqrt(terms). It may be lower by so many of these.
DEVIATIONS = 3.0


class Sketches(NamedTuple):
    """Sketches of several fingerprints of one length.

    Their products with others are not below `AGREEMENT` where the fingerprints may agree.

    Attributes
    ----------
    middles : ndarray, shape (n, terms)
        Of the middle of each.
    shifted : ndarray, shape (shifts, n, terms)
        Of windows up to `SHIFT` steps before and after the middle.
    """

    middles: Matrix
    shifted: Matrix

    @classmethod
    def of(cls, fingerprints: Matrix, steps: int) -> Sketches:
        """Return the sketches of fingerprints, shape (n, steps, 24), for windows of some steps."""
        length = fingerprints.shape[1]
        all_windows = windows(length, steps)
        chosen = all_windows[min(STRIDE // 2, len(all_windows) - 1) :: STRIDE]
        shifted = np.stack([_sketch(unit(fingerprints[:, window])) for window in chosen])
        return cls(_sketch(unit(fingerprints[:, middle(length, steps)])), shifted)

    def likely(self, others: Sketches) -> NDArray[np.bool_]:
        """Return which middles of n fingerprints may agree with which of m others, shape (n, m)."""
        highest = self.middles @ others.shifted[0].T
        for shifted in others.shifted[1:]:
            np.maximum(highest, self.middles @ shifted.T, out=highest)
        likely: NDArray[np.bool_] = highest >= AGREEMENT
        return likely


def compared_steps(length: int, other: int) -> int:
    """Return how many steps of two fingerprints are compared."""
    return max(min(length, other) - 2 * SHIFT, LEAST)


def middle(length: int, steps: int) -> slice:
    """Return the middle steps of a fingerprint."""
    start = (length - steps) // 2
    return slice(start, start + steps)


def windows(length: int, steps: int) -> list[slice]:
    """Return the steps of a fingerprint that are compared with the middle of another."""
    start = middle(length, steps).start
    starts = range(max(start - SHIFT, 0), min(start + SHIFT, length - steps) + 1)
    return [slice(first, first + steps) for first in starts]


def unit(stretches: Matrix) -> Matrix:
    """Return stretches, each band centred, scaled to length 1, shape (n, steps, 24); zeros if one does not vary."""
    centred: Matrix = stretches - stretches.mean(axis=1, keepdims=True)
    centred *= _inverse(centred)[:, None, None]
    return centred


def scale(stretches: Matrix) -> Matrix:
    """Return the factors by which `unit` scales stretches, shape (n,)."""
    return _inverse(stretches - stretches.mean(axis=1, keepdims=True))


def _inverse(centred: Matrix) -> Matrix:
    """Return one by the length of each, shape (n,), 0 for what does not vary."""
    lengths = np.linalg.norm(centred.reshape(len(centred), -1), axis=1)
    inverse: Matrix = np.where(lengths < STILL * np.sqrt(centred[0].size), 0.0, 1.0 / np.maximum(lengths, TINY))
    return inverse


def _sketch(stretches: Matrix) -> Matrix:
    """Return the sketches of unit stretches, shape (n, steps, 24).

    Two more terms make up for what is left out: it is taken to agree as well as `AGREEMENT` asks, and the sketches to
    agree less than the stretches by `DEVIATIONS`.
    """
    terms = (_cosines(stretches.shape[1])[:, 1 : TIME_TERMS + 1].T @ stretches) @ _cosines(stretches.shape[2])[
        :, :BAND_TERMS
    ]
    flat = terms.reshape(len(terms), -1)
    kept = np.square(flat).sum(axis=1)
    left_out = np.maximum(np.square(stretches).sum(axis=(1, 2)) - kept, 0.0)
    deviation = DEVIATIONS * (1 - AGREEMENT**2) / np.sqrt(flat.shape[1])
    return np.column_stack([flat, np.sqrt(deviation * kept), np.sqrt(AGREEMENT * left_out)]).astype(np.float32)


@cache
def _cosines(size: int) -> Matrix:
    """Return the orthonormal terms of the cosine transform (DCT-II), shape (size, size), a column each."""
    position = np.arange(size)
    terms = np.cos(np.pi / size * (position[:, None] + 0.5) * position) * np.sqrt(2 / size)
    terms[:, 0] /= np.sqrt(2)
    return np.asarray(terms, np.float32)
