"""The tagging network gives the numbers of the original TensorFlow one on real audio."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import retrotone as rt


@pytest.fixture(scope="module")
def reference(shared_music: Path) -> dict[str, np.ndarray]:
    with np.load(shared_music / "musicnn_msd_reference.npz") as arrays:
        return dict(arrays)


def test_tags_and_embeddings_equal_the_originals(reference: dict[str, np.ndarray], shared_music: Path) -> None:
    assert tuple(reference["labels"]) == rt.musicnn.LABELS
    songs = [name.removesuffix(":tags") for name in reference if name.endswith(":tags")]
    assert len(songs) == 3
    for song in songs:
        patches = rt.musicnn.listen(shared_music / song)
        tags, embedding = reference[f"{song}:tags"], reference[f"{song}:penultimate"]
        assert patches.tags.dtype == np.float32
        np.testing.assert_allclose(patches.tags, tags, rtol=0, atol=1e-4)
        np.testing.assert_allclose(patches.embedding, embedding, rtol=0, atol=1e-4 * np.abs(embedding).max())


def test_overlapping_patches_equal_single_ones(shared_music: Path) -> None:
    song = rt.load(shared_music / "Kevin_MacLeod_-_Vibe_Ace.ogg", seconds=80)
    every_third = rt.musicnn.taggram(song, hop=62)[::3]
    alone = rt.musicnn.taggram(song, hop=186)
    frames = int(song.duration * 62.5) + 1
    # an end that is too short for a patch is dropped
    assert len(alone) == (frames - 187) // 186 + 1
    np.testing.assert_allclose(every_third[: len(alone)], alone, rtol=0, atol=1e-5)
    # with gaps between the patches
    apart = rt.musicnn.taggram(song, hop=372)
    np.testing.assert_allclose(apart, alone[::2], rtol=0, atol=1e-5)


def test_hop_62_gives_the_published_taggrams_of_gtzan(shared_music: Path) -> None:
    folder = shared_music.parent / "gtzan"
    if not folder.is_dir():
        pytest.skip(f"needs the data in {folder}, which is not part of the repository")
    with np.load(folder / "train_taggrams_msd_musicnn.npz") as arrays:
        published, ids = arrays["X"], arrays["IDS"]
    for track in ("hiphop.00002", "jazz.00001", "rock.00003"):
        genre = track.split(".")[0]
        theirs = published[ids == f"{genre}/{track}.au"]
        assert len(theirs)
        ours = rt.musicnn.taggram(folder / "audio" / genre / f"{track}.ogg", hop=62)
        assert ours.shape == theirs.shape
        # theirs were made of the WAV, through a front end of 16-bit floats
        assert np.corrcoef(ours.mean(axis=0), theirs.mean(axis=0))[0, 1] > 0.99
