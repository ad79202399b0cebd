"""The second ear gives the logits of its authors' network, and reads their file without trusting it."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

import retrotone as rt
from retrotone.features import audioset
from retrotone.utils import pretrained


@pytest.fixture(scope="module")
def shared_ear(shared_music: Path) -> Path:
    folder = shared_music.parent / "audioset"
    if not folder.is_dir():
        pytest.skip(f"needs the weights in {folder}, which are not part of the repository")
    return folder


@pytest.fixture
def ear(shared_ear: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The second ear, downloaded."""
    monkeypatch.setenv(pretrained.FOLDER_VARIABLE, str(tmp_path))
    file = tmp_path / "audioset.pt"
    file.write_bytes((shared_ear / "mn04_as_mAP_432.pt").read_bytes())
    return file


def torch_logits(file: Path, spectrogram: np.ndarray) -> np.ndarray:
    """Return what PyTorch's own layers make of the authors' weights."""
    torch = pytest.importorskip("torch")
    from torch.nn import functional as f

    state = torch.load(file, weights_only=True)

    def layer(x: object, name: str, stride: int = 1) -> object:
        weights = state[f"{name}.0.weight"]
        groups = len(weights) if weights.shape[1] == 1 and weights.shape[0] == x.shape[1] else 1
        x = f.conv2d(x, weights, stride=stride, padding=weights.shape[2] // 2, groups=groups)
        parts = [state[f"{name}.1.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return f.batch_norm(x, *parts, eps=1e-3)

    x = f.hardswish(layer(torch.from_numpy(spectrogram)[None, None], "features.0", 2))
    for number, stride in enumerate((1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1), start=1):
        name, y, act = f"features.{number}.block", x, f.relu if number < 7 else f.hardswish
        layers = [k for k in range(4) if f"{name}.{k}.0.weight" in state]
        for k in layers[:-2]:
            y = act(layer(y, f"{name}.{k}"))
        y = act(layer(y, f"{name}.{layers[-2]}", stride))
        squeeze = f"{name}.{layers[-1] - 1}.conc_se_layers.0"
        if f"{squeeze}.fc1.weight" in state:
            fc = [state[f"{squeeze}.{part}"] for part in ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")]
            gains = torch.sigmoid(f.linear(f.relu(f.linear(y.mean((2, 3)), *fc[:2])), *fc[2:]))
            y = y * gains[..., None, None]
        y = layer(y, f"{name}.{layers[-1]}")
        x = x + y if x.shape == y.shape else y
    x = f.hardswish(layer(x, "features.16")).mean((2, 3))
    dense = [(state[f"classifier.{k}.weight"], state[f"classifier.{k}.bias"]) for k in (2, 5)]
    return f.linear(f.hardswish(f.linear(x, *dense[0])), *dense[1])[0].numpy()


def test_it_gives_the_logits_of_the_same_layers_in_pytorch(shared_ear: Path, shared_music: Path) -> None:
    file = shared_ear / "mn04_as_mAP_432.pt"
    song = rt.load(shared_music / "Kevin_MacLeod_-_Vibe_Ace.ogg", seconds=10).mono().resample(audioset.SAMPLE_RATE)
    spectrogram = audioset.log_mel(song.samples[0, 80_000:160_000])
    assert spectrogram.shape == (128, 250)
    ours = audioset.Network(audioset.read_weights(file))(spectrogram)
    np.testing.assert_allclose(ours, torch_logits(file, spectrogram), rtol=0, atol=1e-4)


def test_it_gives_the_published_logits_of_gtzan(ear: Path, shared_ear: Path, shared_music: Path) -> None:
    for track in ("jazz.00001", "rock.00003"):
        with np.load(shared_ear / "train_valid_evidence.npz") as arrays:
            theirs = arrays[f"{track}|audioset"].astype(np.float32)
        clip = rt.load(shared_music.parent / "gtzan" / "audio" / track[:-6] / f"{track}.ogg")
        ours = audioset.listen(clip.slice(10, 20))
        # theirs are of the whole clip, side by side, and have 16 bits
        np.testing.assert_allclose(ours, theirs[4:8], rtol=0, atol=0.2)


def test_where_it_was_downloaded_analyses_hold_what_it_heard(ear: Path, shared_music: Path) -> None:
    trumpet = shared_music / "sorohanro_-_solo-trumpet-06.ogg"
    analysis = rt.analyse(trumpet)
    assert analysis.sounds is not None
    again = rt.Analysis.from_bytes(analysis.to_bytes())
    np.testing.assert_array_equal(again.sounds, analysis.sounds)
    heard = audioset.sounds(analysis.sounds)
    assert {"music", "trumpet"} <= set(list(heard)[:5])
    assert heard["speech"] < 0.1
    # the first ear hears the same as without it, and a library compares both
    ear.unlink()
    alone = rt.analyse(trumpet)
    assert alone.sounds is None
    np.testing.assert_array_equal(alone.taggram, analysis.taggram)
    assert rt.Library.embed(alone) @ rt.Library.embed(analysis) > 0.9


def test_the_second_ear_tells_what_is_music(ear: Path, shared_music: Path) -> None:
    classifier = rt.GenreClassifier.from_pretrained()
    trumpet, dog = (
        classifier.answer(shared_music / name) for name in ("sorohanro_-_solo-trumpet-06.ogg", "pibble.ogg")
    )
    assert (trumpet.genre, trumpet.sure) == ("jazz", True)
    assert (dog.sure, dog.doubt) == (False, "it does not sound like music")
    # a chord whose tones swell and fade: musical, but in none of the genres
    seconds, drone_samples = np.arange(10 * 22_050) / 22_050, np.zeros(10 * 22_050)
    for ratio in (1, 1.25, 1.5):
        for harmonic in range(1, 9):
            swell = 1.2 + np.sin(2 * np.pi * 0.3 * harmonic * seconds + ratio * harmonic)
            drone_samples += swell * np.sin(2 * np.pi * 110 * ratio * harmonic * seconds) / harmonic**1.5
    drone = classifier.answer(rt.Audio(np.float32(0.03 * drone_samples)[None], 22_050))
    assert (drone.genre, drone.sure) == ("classical", False)
    assert drone.doubt == "it does not sound like the music this classifier knows"


def test_a_file_that_holds_more_than_weights_is_refused(ear: Path, tmp_path: Path) -> None:
    with ear.open("ab") as file:
        file.write(b"!")
    with pytest.raises(rt.ModelError, match="not what was published: delete it and download it again"):
        audioset.listen(rt.Audio(np.ones(32_000, np.float32), 32_000))
    marker = tmp_path / "marker"
    hostile = tmp_path / "hostile.pt"
    with zipfile.ZipFile(hostile, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Hostile(marker)))
    with pytest.raises(rt.ModelError, match="holds no plain weights"):
        audioset.read_weights(hostile)
    assert not marker.exists()


class Hostile:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return open, (str(self.marker), "w")
