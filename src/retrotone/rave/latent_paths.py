"""Paths through a latent space, which a model decodes into sound without any input.

All take and give arrays of shape (latent_size, frames); the same generator state gives the same path.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retrotone.dsp.arcs import arc
from retrotone.errors import StyleError
from retrotone.types import Latent

Real = NDArray[np.float64]


def drawn(path: str, rng: np.random.Generator, latent_size: int, frames: int, spacing: float, memory: float) -> Latent:
    """Return a random path, its points drawn from a unit Gaussian.

    Parameters
    ----------
    path : {"linear", "slerp", "smooth", "walk"}
        Between random anchors, or `walk`.
    rng : numpy.random.Generator
    latent_size, frames : int
    spacing : float
        Frames from one anchor to the next.
    memory : float
        Of a walk, in frames.

    Returns
    -------
    ndarray, shape (latent_size, frames)

    Raises
    ------
    StyleError
        Unknown path.
    """
    if path == "walk":
        return walk(rng, latent_size, frames, memory)
    if path not in PATHS:
        known = ", ".join(["records", *PATHS, "walk", "prior"])
        raise StyleError(f"path {path!r} does not exist: use one of {known}")
    anchors = rng.standard_normal((latent_size, max(round(frames / spacing), 1) + 1))
    return PATHS[path](anchors, frames)


def over_codes(path: Latent, codes: int) -> Latent:
    """Spread a Gaussian path evenly over the entries 0 to codes - 1 of a codebook, which have no centre."""
    from scipy.special import ndtr

    entries: Latent = np.floor(ndtr(path) * (codes - 1e-3)).astype(np.float32)
    return entries


def linear(anchors: ArrayLike, frames: int) -> Latent:
    """Go from anchor to anchor on straight lines.

    Parameters
    ----------
    anchors : array_like, shape (latent_size, n), n >= 2
    frames : int
        Length of the path; the first frame is the first anchor, the last the last.

    Returns
    -------
    ndarray, shape (latent_size, frames)
    """
    points, index, share = _segments(anchors, frames)
    start, stop = points[:, index], points[:, index + 1]
    return (start + share * (stop - start)).astype(np.float32)


def slerp(anchors: ArrayLike, frames: int) -> Latent:
    """Go from anchor to anchor along great arcs (Shoemake 1985), the radius changing evenly.

    In many dimensions a straight line between two draws from a Gaussian passes closer to the origin than nearly all
    draws do; an arc does not. Parameters and result are those of `linear`.
    """
    points, index, share = _segments(anchors, frames)
    return arc(points[:, index], points[:, index + 1], share).astype(np.float32)


def smooth(anchors: ArrayLike, frames: int) -> Latent:
    """Go through the anchors on a Catmull-Rom spline (1974): no corner at any of them.

    Parameters and result are those of `linear`.
    """
    points, index, share = _segments(anchors, frames)
    padded = np.concatenate([points[:, :1], points, points[:, -1:]], axis=1)
    before, start, stop, after = (padded[:, index + k] for k in range(4))
    # uniform form: tangents are half the chord between the neighbours
    curve: Real = (
        2 * start
        + share * (stop - before)
        + share**2 * (2 * before - 5 * start + 4 * stop - after)
        + share**3 * (3 * start - before - 3 * stop + after)
    ) / 2
    return curve.astype(np.float32)


def walk(rng: np.random.Generator, latent_size: int, frames: int, memory: float) -> Latent:
    """Walk at random: an Ornstein-Uhlenbeck process, whose distribution stays a unit Gaussian at any length.

    Parameters
    ----------
    rng : numpy.random.Generator
    latent_size, frames : int
    memory : float
        Frames after which the correlation with the past has fallen to 1/e.

    Returns
    -------
    ndarray, shape (latent_size, frames)
    """
    from scipy.signal import lfilter

    keep = np.exp(-1 / memory)
    steps = rng.standard_normal((latent_size, frames)) * np.sqrt(1 - keep**2)
    # the first frame is an independent draw
    steps[:, 0] /= np.sqrt(1 - keep**2)
    wandered: Real = lfilter([1.0], [1.0, -keep], steps, axis=1)
    return wandered.astype(np.float32)


def between(start: Latent, stop: Latent, frames: int) -> Latent:
    """Go from one recording's encoding to another's: slerp frame by frame, with a share that rises from 0 to 1.

    Parameters
    ----------
    start, stop : ndarray, shape (latent_size, n)
        Encodings of any length; one that is too short is repeated forwards and backwards.
    frames : int

    Returns
    -------
    ndarray, shape (latent_size, frames)
    """
    share = np.linspace(0, 1, frames)
    first, last = (z[:, _forwards_and_backwards(z.shape[1], frames)].astype(np.float64) for z in (start, stop))
    return arc(first, last, share).astype(np.float32)


def edited(latent: Latent, scale: ArrayLike, offset: ArrayLike) -> Latent:
    """Return scale x latent + offset, each a number or one number a dimension.

    Parameters
    ----------
    latent : ndarray, shape (..., latent_size, frames)
    scale, offset : array_like, shape () or (up to latent_size,)
        Dimensions beyond the end of a shorter list stay as they are.

    Raises
    ------
    StyleError
        More numbers than dimensions, or one that is not finite.
    """
    size = latent.shape[-2]
    factor, shift = (_per_dimension(values, size, rest) for values, rest in ((scale, 1.0), (offset, 0.0)))
    return (latent * factor + shift).astype(np.float32)


PATHS: dict[str, Callable[[ArrayLike, int], Latent]] = {"linear": linear, "slerp": slerp, "smooth": smooth}


def _per_dimension(values: ArrayLike, size: int, rest: float) -> NDArray[np.float32]:
    given = np.asarray(values, np.float32)
    if given.ndim > 1 or given.size > size or not np.isfinite(given).all():
        raise StyleError(f"scale and offset take one finite number, or up to {size}: one a latent dimension")
    if given.ndim == 0:
        return np.full((size, 1), given, np.float32)
    padded = np.full((size, 1), rest, np.float32)
    padded[: given.size, 0] = given
    return padded


def _segments(anchors: ArrayLike, frames: int) -> tuple[Real, NDArray[np.int64], Real]:
    """Return the anchors, and for each frame the anchor before it and the share of the way to the next."""
    points = np.asarray(anchors, np.float64)
    if points.ndim != 2 or points.shape[1] < 2:
        raise StyleError(f"a path needs two anchors or more, not an array of shape {points.shape}")
    position = np.linspace(0, points.shape[1] - 1, frames)
    index = np.minimum(position.astype(np.int64), points.shape[1] - 2)
    return points, index, position - index


def _forwards_and_backwards(length: int, frames: int) -> NDArray[np.int64]:
    """Indices 0, 1, ... to the end, back to the start, and so on."""
    if length == 1:
        return np.zeros(frames, np.int64)
    period = 2 * (length - 1)
    phase = np.arange(frames) % period
    return np.minimum(phase, period - phase)
