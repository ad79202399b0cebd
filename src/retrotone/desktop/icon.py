"""The icon of the window and of the desktop entry: a record, drawn here and nowhere copied from."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

# red, green, blue: disc, grooves, label
DISC, GROOVE, LABEL = (28, 28, 28), (74, 74, 74), (181, 83, 47)
# Radii, as shares of half the width.
EDGE, INNER_GROOVE, LABEL_EDGE, HOLE = 0.98, 0.48, 0.4, 0.07
GROOVES = 7
# Each pixel is the mean of so many squared.
OVERSAMPLING = 4


def icon_png(size: int) -> bytes:
    """Return the icon as a PNG file.

    Parameters
    ----------
    size : int
        Width and height in pixels.
    """
    fine = size * OVERSAMPLING
    at = (np.arange(fine) + 0.5) / fine * 2 - 1
    radius = np.hypot(at[:, None], at[None, :])
    # (fine, fine, 4)
    pixels = np.zeros((fine, fine, 4))
    pixels[radius < EDGE] = (*DISC, 255)
    turns = (radius - INNER_GROOVE) / (EDGE - INNER_GROOVE) * GROOVES
    pixels[(turns > 0) & (turns < GROOVES - 0.5) & (turns % 1 < 0.3)] = (*GROOVE, 255)
    pixels[radius < LABEL_EDGE] = (*LABEL, 255)
    pixels[radius < HOLE] = 0
    return _png(_reduced(pixels, size))


def _reduced(pixels: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """Return the mean of each square of pixels; a transparent one adds no colour."""
    opaque = pixels[..., 3:] / 255
    squares = (size, OVERSAMPLING, size, OVERSAMPLING, -1)
    alpha = opaque.reshape(squares).mean(axis=(1, 3))
    colour = (pixels[..., :3] * opaque).reshape(squares).mean(axis=(1, 3)) / np.maximum(alpha, 1e-6)
    return np.concatenate([colour, 255 * alpha], axis=2).round().astype(np.uint8)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    """Write pixels, shape (height, width, 4), as PNG: Tk and this need no library for pictures."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    # each line begins with its filter: none
    lines = np.pad(pixels.reshape(height, -1), ((0, 0), (1, 0)))
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines.tobytes())) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data
