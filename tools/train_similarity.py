"""Learn the space of the library's similarity, and compare it with others on artists it was not trained on.

From the published features of GTZAN's 443 fault-filtered train tracks alone::

    .venv/bin/python tools/train_similarity.py ../shared/gtzan HEARD

The folder and HEARD are those of ``train_genre.py``; without HEARD nothing is said of the second ear. Five folds that
keep artists apart, three draws: what is learned is learned on four folds, the genre classifier included. Genre
precision@5 is that of a held-out track's neighbours in the other four; "held out" is that of its neighbours by other
artists in its own fold, of as many as there can be: as in a library of which nothing was learned from. Artist
precision@5 is the share of a held-out track's neighbours, all other tracks allowed, that are by its artist, of as many
as there can be. Hubness is the skewness of how often a track is among the five (Radovanovic et al. 2010).
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from train_genre import published, stored

from retrotone.features.analysis import Analysis
from retrotone.features.gtzan import COLUMNS
from retrotone.genre.classifier import GenreClassifier
from retrotone.genre.datasets import LabelledTrack, folds, gtzan_split
from retrotone.library.embedding import FILE, genre_part, learn, to_bytes

ASSETS = Path(__file__).resolve().parents[1] / "src" / "retrotone" / "assets" / "library"
DRAWS, FOLDS, K = 3, 5, 5

Rows = NDArray[np.float64]
# takes a mask of the tracks to learn from, (n,), and returns the vectors of all tracks, (n, d)
Embed = Callable[[NDArray[np.bool_]], Rows]


def evidence_rows(analyses: list[Analysis]) -> Rows:
    """Return the evidence of tracks, (n, numbers); `embedding.numbers` would need the file that is made here."""
    from retrotone.genre.evidence import evidence

    rows = [evidence(analysis, "statistics+columns") for analysis in analyses]
    return np.array([each.mean(axis=0) for each in rows if each is not None])


def score(tracks: list[LabelledTrack], embed: Embed) -> tuple[float, float, float, float]:
    """Return genre precision@5, that among held-out tracks alone, artist precision@5 and hubness."""
    genres = np.array([track.genre for track in tracks])
    artists = np.array([track.artist or f"{index} unknown" for index, track in enumerate(tracks)])
    others = (artists[:, None] == artists).sum(axis=1) - 1
    genre, held_out, artist, hubness = [], [], [], []
    for seed in range(DRAWS):
        fold, counts = folds(tracks, FOLDS, seed), np.zeros(len(tracks))
        for k in range(FOLDS):
            held = fold == k
            vectors = embed(~held)
            vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
            queries = np.flatnonzero(held)
            cosines = vectors[queries] @ vectors.T
            apart = np.argsort(-np.where(held, -2, cosines), axis=1)[:, :K]
            genre.extend((genres[apart] == genres[queries, None]).mean(axis=1))
            np.add.at(counts, apart, 1)
            strangers = held & (artists != artists[queries, None])
            near = np.argsort(-np.where(strangers, cosines, -2), axis=1)[:, :K]
            alike = strangers & (genres == genres[queries, None])
            hits, possible = np.take_along_axis(alike, near, 1).sum(axis=1), np.minimum(alike.sum(axis=1), K)
            held_out.extend(hits[possible > 0] / possible[possible > 0])
            cosines[np.arange(len(queries)), queries] = -2
            nearest = np.argsort(-cosines, axis=1)[:, :K]
            hits = (artists[nearest] == artists[queries, None]).sum(axis=1)
            possible = np.minimum(others[queries], K)
            artist.extend(hits[possible > 0] / possible[possible > 0])
        hubness.append(np.mean((counts - counts.mean()) ** 3) / counts.std() ** 3)
    return float(np.mean(genre)), float(np.mean(held_out)), float(np.mean(artist)), float(np.mean(hubness))


def learned_vectors(tracks: list[LabelledTrack], analyses: list[Analysis]) -> tuple[Embed, Embed]:
    """Return what embeds tracks by their genre alone, and as the library does."""
    genres, artists = (np.array([getattr(track, name) for track in tracks]) for name in ("genre", "artist"))
    rows = evidence_rows(analyses)

    @functools.cache
    def learned(known: bytes) -> Rows:
        chosen = np.flatnonzero(np.frombuffer(known, bool))
        classifier = GenreClassifier().fit([analyses[i] for i in chosen], genres[chosen], artists[chosen])
        return np.array([genre_part(classifier.answer(analysis)) for analysis in analyses])

    def genre_alone(known: NDArray[np.bool_]) -> Rows:
        return learned(known.tobytes())

    def ours(known: NDArray[np.bool_]) -> Rows:
        return learn(rows[known], genres[known]).embed(rows, genre_alone(known))

    return genre_alone, ours


def by_second_ear(
    tracks: list[LabelledTrack], analyses: list[Analysis], heard: Path
) -> tuple[list[LabelledTrack], dict[str, Embed]]:
    """Return the tracks that the second ear heard, and what embeds them without it and with it."""
    second = [stored(heard, track) for track in tracks]
    pairs = [(analysis, other) for analysis, other in zip(analyses, second, strict=True) if other is not None]
    there = [track for track, other in zip(tracks, second, strict=True) if other is not None]
    both = [replace(analysis, sounds=other.sounds) for analysis, other in pairs]
    return there, {
        f"ours, on the {len(there)} with audio": learned_vectors(there, [analysis for analysis, _ in pairs])[1],
        "ours by both ears, on these": learned_vectors(there, both)[1],
    }


def print_rows(tracks: list[LabelledTrack], vectors: dict[str, Embed]) -> None:
    """Print a row of the table for each kind of vectors."""
    for name, embed in vectors.items():
        figures = score(tracks, embed)
        print(f"| {name} | {' | '.join(f'{v:.3f}' for v in figures[:3])} | {figures[3]:.2f} |", flush=True)


def main() -> None:
    """Compare, learn, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("heard", type=Path, nargs="?")
    given = parser.parse_args()
    tracks = gtzan_split("train")
    analyses = published(given.folder, tracks)
    genres = np.array([track.genre for track in tracks])
    columns = np.array([analysis.columns for analysis in analyses])
    assert columns.shape[1] == len(COLUMNS)
    tags = np.array([analysis.taggram.mean(axis=0) for analysis in analyses if analysis.taggram is not None])
    rows = evidence_rows(analyses)

    def scaled(values: Rows) -> Embed:
        return lambda known: (values - values[known].mean(axis=0)) / values[known].std(axis=0)

    def whitened(known: NDArray[np.bool_]) -> Rows:
        x = scaled(rows)(known)
        covariance = np.cov(x[known].T)
        covariance = 0.7 * covariance + 0.3 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        variances, axes = np.linalg.eigh(covariance)
        return x @ axes / np.sqrt(variances)

    def discriminants(known: NDArray[np.bool_]) -> Rows:
        x = scaled(rows)(known)
        space = LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.45).fit(x[known], genres[known])
        return np.asarray(space.transform(x))

    genre_alone, ours = learned_vectors(tracks, analyses)
    print("| Vector | Genre precision@5 | Held out | Artist precision@5 | Hubness |\n|---|---|---|---|---|")
    named = {
        "the study's: 57 columns, standardised": scaled(columns),
        "mean taggram": lambda known: tags,
        "evidence, standardised": scaled(rows),
        "evidence, whitened": whitened,
        "evidence, linear discriminants": discriminants,
        "genre alone": genre_alone,
        "sound alone": lambda known: ours(known)[:, len(set(genres)) :],
        "**ours**": ours,
    }
    print_rows(tracks, named)
    if given.heard is not None:
        print_rows(*by_second_ear(tracks, analyses, given.heard))
    ASSETS.mkdir(parents=True, exist_ok=True)
    path = ASSETS / FILE
    path.write_bytes(to_bytes(learn(rows, genres)))
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
