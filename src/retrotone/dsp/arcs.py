"""Spherical linear interpolation (Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# sine of the angle below which two directions count as one
PARALLEL = 1e-6
# product of two lengths below which there is no direction
SHORTEST = 1e-12


def arc(
    start: NDArray[np.floating], stop: NDArray[np.floating], share: float | NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return points on great arcs between vectors, the radius changing evenly.

    Parameters
    ----------
    start, stop : ndarray, shape (d,) or (d, n)
        Vectors in columns. Opposite or parallel ones, and the origin, have no unique arc: a line takes its place.
    share : float, or ndarray of shape (n,)
        How far each point is on its arc, in [0, 1].

    Returns
    -------
    ndarray, shape (d,) or (d, n)

    Examples
    --------
    >>> import numpy as np
    >>> print(arc(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 0.5).round(3))
    [0.707 0.707]
    """
    radius_start, radius_stop = (np.linalg.norm(ends, axis=0) for ends in (start, stop))
    radius = radius_start + share * (radius_stop - radius_start)
    norms = np.maximum(radius_start * radius_stop, SHORTEST)
    angle = np.arccos(np.clip((start * stop).sum(axis=0) / norms, -1, 1))
    sine = np.sin(angle)
    straight = start + share * (stop - start)
    turning = (sine > PARALLEL) & (norms > SHORTEST)
    sine = np.where(turning, sine, 1.0)
    bent = (
        np.sin((1 - share) * angle) / sine * start / np.maximum(radius_start, SHORTEST)
        + np.sin(share * angle) / sine * stop / np.maximum(radius_stop, SHORTEST)
    ) * radius
    return np.asarray(np.where(turning, bent, straight), np.float64)
