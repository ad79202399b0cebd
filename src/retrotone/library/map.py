"""The map: a library in two dimensions, similar tracks near each other, as a picture or an interactive page.

Positions are those of t-SNE (van der Maaten and Hinton 2008) on cosine distances, started from the principal axes, so
that the same library gives the same map. In a large library only evenly chosen tracks, the landmarks, are placed so;
each other track lies at a weighted mean of its nearest landmarks.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrotone.errors import LibraryError
from retrotone.library.records import Track
from retrotone.progress import Progress, silent
from retrotone.utils.files import write_whole
from retrotone.utils.templates import render_page
from retrotone.utils.text import counted

# about 30 s on one core
LANDMARKS = 3000
# van der Maaten and Hinton recommend 5 to 50
PERPLEXITY = 30.0
# landmarks between which another track lies
NEAREST = 5
# tracks placed at once
BLOCK = 4096
OTHER, UNKNOWN = "other", "not sure"
# a colour for each of the most frequent genres, as distinct with any colour vision as ten can be
GENRE_COLOURS = (
    "#2f5d73", "#b5532f", "#6f7f3f", "#c2912e", "#7a4f74", "#4f8a83", "#8c2f39", "#9bb1c9", "#5b4a3a", "#d98e73",
)  # fmt: skip
OTHER_COLOURS = {OTHER: "#8f887c", UNKNOWN: "#cdc5b6"}
INCHES = 9.0

Positions = NDArray[np.float32]


@dataclass(frozen=True)
class MapPoint:
    """A track's position on the map, x and y in [-1, 1], and the genre and colour that it is shown in."""

    track: Track
    x: float
    y: float
    genre: str
    colour: str


def map_points(tracks: Sequence[Track], vectors: NDArray[np.float32]) -> list[MapPoint]:
    """Return the map points of n tracks, vectors (n, d), those of the most frequent genre first; see `draw`."""
    genres, names = _shown_genres(tracks)
    colours = _colours(names)
    found = [
        (genre, MapPoint(track, float(x), float(y), names[genre], colours[genre]))
        for track, genre, (x, y) in zip(tracks, genres, positions(vectors), strict=True)
    ]
    return [point for _, point in sorted(found, key=lambda each: each[0])]


def draw(
    tracks: Sequence[Track], vectors: NDArray[np.float32], path: str | os.PathLike[str], progress: Progress = silent
) -> Path:
    """Write a map of tracks and return its path.

    Parameters
    ----------
    tracks : sequence of Track, length n
    vectors : ndarray, shape (n, d)
        Unit vectors.
    path : path-like
        .png or .html.
    progress : Progress

    Raises
    ------
    LibraryError
        Another suffix, or no tracks.
    OutputError
        It cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in (".png", ".html"):
        raise LibraryError(f"{path}: a map is written as .png or .html, not '{path.suffix}'")
    if not tracks:
        raise LibraryError("there is nothing to draw: scan a folder of music first")
    progress(0.0, f"placing {counted(len(tracks), 'track')}")
    xy = positions(vectors)
    genres, names = _shown_genres(tracks)
    progress(0.9, "drawing")
    if path.suffix.lower() == ".png":
        data = _picture(xy, genres, names)
    else:
        data = _page(tracks, xy, genres, names).encode("utf-8", "backslashreplace")
    write_whole(path, data)
    return path


def positions(vectors: NDArray[np.float32]) -> Positions:
    """Return where tracks lie on the map, shape (n, 2), in [-1, 1].

    Parameters
    ----------
    vectors : ndarray, shape (n, d)
        Unit vectors.
    """
    step = -(-len(vectors) // LANDMARKS)
    landmarks = vectors[::step]
    known = _tsne(landmarks)
    if step == 1:
        return known
    xy = np.empty((len(vectors), 2), np.float32)
    for start in range(0, len(vectors), BLOCK):
        cosines = vectors[start : start + BLOCK] @ landmarks.T
        near = np.argpartition(-cosines, NEAREST, axis=1)[:, :NEAREST]
        # (block, NEAREST)
        weights = np.exp(20 * np.take_along_axis(cosines, near, axis=1))
        xy[start : start + BLOCK] = (known[near] * weights[..., None]).sum(axis=1) / weights.sum(axis=1, keepdims=True)
    xy[::step] = known
    return xy


def _tsne(vectors: NDArray[np.float32]) -> Positions:
    """Return t-SNE's positions of unit vectors, (n, d), shape (n, 2), in [-1, 1]."""
    from sklearn.manifold import TSNE

    count = len(vectors)
    centred = vectors - vectors.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
    axes = np.pad(axes * np.sign(axes.sum(axis=1, keepdims=True) + 1e-9), ((0, 2 - len(axes)), (0, 0)))
    start = (centred @ axes.T).astype(np.float32)
    if count >= 4:
        model = TSNE(
            perplexity=min(PERPLEXITY, (count - 1) / 3),
            init=1e-4 * start / max(float(start[:, 0].std()), 1e-9),
            random_state=0,
            n_jobs=1,
        )
        # between unit vectors, squared distances are 2 - 2 cosines
        start = model.fit_transform(vectors)
    start = start - (start.max(axis=0) + start.min(axis=0)) / 2
    placed: Positions = (start / max(float(np.abs(start).max()), 1e-9)).astype(np.float32)
    return placed


def _shown_genres(tracks: Sequence[Track]) -> tuple[list[int], list[str]]:
    """Return the genre of each track as an index into the names that are shown, and these names."""
    given = [track.best_genre.casefold() or UNKNOWN for track in tracks]
    counts = Counter(genre for genre in given if genre != UNKNOWN)
    names = sorted(counts, key=lambda genre: (-counts[genre], genre))[: len(GENRE_COLOURS)]
    other = {genre for genre in counts if genre not in names}
    names += [OTHER] if other else []
    names += [UNKNOWN] if UNKNOWN in given else []
    return [names.index(OTHER if genre in other else genre) for genre in given], names


def _colours(names: Sequence[str]) -> list[str]:
    return [OTHER_COLOURS.get(name, GENRE_COLOURS[k % len(GENRE_COLOURS)]) for k, name in enumerate(names)]


def _picture(xy: Positions, genres: Sequence[int], names: Sequence[str]) -> bytes:
    import matplotlib
    from matplotlib.figure import Figure

    from retrotone.figures.base import DPI, PAPER, STYLE, png

    # area of a marker, in square points
    size = min(max(400 / np.sqrt(len(xy)), 1.5), 7.0) ** 2
    of = np.asarray(genres)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(INCHES, INCHES), dpi=DPI, facecolor=PAPER, layout="constrained")
        axes = figure.subplots()
        for genre, (name, colour) in enumerate(zip(names, _colours(names), strict=True)):
            x, y = xy[of == genre].T
            axes.scatter(x, y, s=size, c=colour, alpha=0.8, linewidths=0, label=name.replace("$", r"\$"))
        axes.set(xticks=[], yticks=[], aspect="equal", title=counted(len(xy), "track"))
        for spine in axes.spines.values():
            spine.set_visible(False)
        legend = figure.legend(loc="outside lower center", ncols=min(len(names), 6))
        for handle in legend.legend_handles:
            handle.set_sizes([30])  # type: ignore[union-attr]
        return png(figure)


def _page(tracks: Sequence[Track], xy: Positions, genres: Sequence[int], names: Sequence[str]) -> str:
    from retrotone.figures.base import FAINT, INK, PAPER

    points: list[list[Any]] = [
        [round(float(x), 4), round(float(y), 4), genre, track.name, Path(track.path).name, list(track.tags)[:3]]
        for (x, y), genre, track in zip(xy, genres, tracks, strict=True)
    ]
    return render_page(
        "library/map.html.j2",
        data=_script_safe({"points": points, "genres": names, "colours": _colours(names)}),
        count=counted(len(tracks), "track"),
        paper=PAPER,
        ink=INK,
        faint=FAINT,
    )


def _script_safe(value: object) -> str:
    """Return JSON that cannot end the script it stands in."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
