"""The similarity of tracks: what vectors bring together, and what they are made from."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import retrotone as rt
from retrotone.features.analysis import Analysis
from retrotone.features.gtzan import COLUMNS
from retrotone.genre.classifier import GenreClassifier
from retrotone.genre.datasets import LabelledTrack, folds, gtzan_split
from retrotone.genre.evidence import evidence
from retrotone.library.embedding import genre_part, learn, sound_part

K = 5
Vectors = NDArray[np.floating]


@pytest.fixture(scope="module")
def gtzan(shared_music: Path) -> tuple[list[LabelledTrack], list[Analysis]]:
    """The train tracks of GTZAN and what is published of them."""
    folder = shared_music.parent / "gtzan"
    if not folder.is_dir():
        pytest.skip(f"needs the published features in {folder}, which are not part of the repository")
    tracks = gtzan_split("train")
    wanted = {f"{track.name}.wav" for track in tracks}
    with (folder / "features_30_sec.csv").open() as file:
        columns = {
            row["filename"]: [float(row[column]) for column in COLUMNS]
            for row in csv.DictReader(file)
            if row["filename"] in wanted
        }
    arrays = np.load(folder / "train_taggrams_msd_musicnn.npz")
    names = np.array([Path(name).stem for name in arrays["IDS"]])
    taggrams = {track.name: arrays["X"][names == track.name] for track in tracks}
    return tracks, [
        Analysis.from_arrays(taggram=taggrams[track.name], columns=columns[f"{track.name}.wav"]) for track in tracks
    ]


def test_tracks_by_unheard_artists_find_their_genre_and_each_other(
    gtzan: tuple[list[LabelledTrack], list[Analysis]],
) -> None:
    tracks, analyses = gtzan
    genres, artists = (np.array([getattr(track, name) for track in tracks]) for name in ("genre", "artist"))
    known = folds(tracks, 3) != 0
    learned = np.flatnonzero(known)
    classifier = GenreClassifier().fit([analyses[i] for i in learned], genres[known], artists[known])
    rows = np.array([evidence(analysis, "statistics+columns").mean(axis=0) for analysis in analyses])  # type: ignore[union-attr]
    parts = np.array([genre_part(classifier.answer(analysis)) for analysis in analyses])
    ours = learn(rows[known], genres[known]).embed(rows, parts)
    tags = np.array([analysis.taggram.mean(axis=0) for analysis in analyses])  # type: ignore[union-attr]

    def precision(vectors: Vectors) -> tuple[float, float]:
        """Return how many of a held-out track's neighbours are of its genre, and how many of all by its artist."""
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        cosines = unit[~known] @ unit.T
        cosines[np.arange((~known).sum()), np.flatnonzero(~known)] = -2
        apart = np.argsort(-np.where(known, cosines, -2), axis=1)[:, :K]
        nearest = np.argsort(-cosines, axis=1)[:, :K]
        return tuple(
            float((names[found] == names[~known, None]).mean())
            for names, found in ((genres, apart), (artists, nearest))
        )  # type: ignore[return-value]

    genre, artist = precision(ours)
    rival_genre, rival_artist = precision(tags)
    assert genre > rival_genre + 0.05
    assert artist > rival_artist + 0.05


def test_what_is_not_known_costs_little(gtzan: tuple[list[LabelledTrack], list[Analysis]]) -> None:
    _, analyses = gtzan
    for analysis in analyses[::40]:
        whole = rt.Library.embed(analysis)
        part = rt.Library.embed(Analysis.from_arrays(taggram=analysis.taggram))
        assert whole.shape == part.shape == (128,)
        assert whole.dtype == part.dtype == np.float32
        assert [np.linalg.norm(vector) for vector in (whole, part)] == pytest.approx([1, 1], abs=1e-6)
        others = [rt.Library.embed(other) @ part for other in analyses[5::40]]
        assert whole @ part > max(others)
    with pytest.raises(rt.AnalysisError, match="needs a taggram"):
        rt.Library.embed(Analysis.from_arrays(columns=analyses[0].columns))


def test_what_sounds_like_no_music_is_compared_by_sound(
    gtzan: tuple[list[LabelledTrack], list[Analysis]], made_music: Path
) -> None:
    song = rt.Library.embed(gtzan[1][0])
    organ, buzz = (rt.Library.embed(rt.analyse(made_music / kind / "Ada.flac")) for kind in ("organ", "buzz"))
    length = {name: float(np.linalg.norm(v[:10])) for name, v in (("song", song), ("organ", organ))}
    assert length["organ"] < length["song"] / 2
    by_sound = sound_part(np.stack([organ, buzz]))
    assert organ @ buzz == pytest.approx(float(by_sound[0] @ by_sound[1]), abs=0.15)
