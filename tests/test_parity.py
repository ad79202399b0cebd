"""What the study measured with librosa, mir_eval and torch comes out as they give it: the only file that needs librosa.

One file, because several processes that let Numba compile librosa at a time can break its cache.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from retrotone.audio.audio import Audio, load
from retrotone.dsp.filterbanks import mel
from retrotone.dsp.stft import n_fft_for, stft
from retrotone.features.gtzan import COLUMNS, gtzan_columns
from retrotone.features.spectral import chromagram, mel_spectrogram, spectral_centroid
from retrotone.metrics import Profile, measure, onset_matches
from retrotone.style.gram import GramTransfer
from retrotone.style.random_network import gram_matrix, random_network

librosa = pytest.importorskip("librosa", reason="needs librosa: pip install librosa")

RATE, N_FFT, HOP = 22_050, 2048, 512


@pytest.fixture(scope="module")
def yardstick(shared_music: Path) -> ModuleType:
    """The independent measure of transfers, which lies beside the recordings."""
    path = shared_music.parent / "tools" / "measure_transfer.py"
    if not path.exists():
        pytest.skip(f"needs {path}, which is not part of the repository")
    spec = importlib.util.spec_from_file_location("measure_transfer", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def song(shared_music: Path) -> NDArray[np.float32]:
    """Eight seconds of a song, mono at 22.05 kHz, as the measures hear it."""
    return Profile(load(shared_music / "Karissa_Hobbs_-_Lets_Go_Fishin.ogg", 28).slice(20)).samples


@pytest.mark.parametrize("sample_rate", [8_000, 22_050, 44_100, 192_000])
def test_stft_agrees_on_the_shared_grid(sample_rate: int) -> None:
    n_fft = n_fft_for(sample_rate)
    signal = np.random.default_rng(0).standard_normal((2, 5 * n_fft + 123)).astype(np.float32)
    ours = np.concatenate(list(stft([signal], n_fft)), axis=1)
    theirs = librosa.stft(signal, n_fft=n_fft, hop_length=n_fft // 4, pad_mode="symmetric").transpose(0, 2, 1)
    # of magnitudes of 20 to 100
    np.testing.assert_allclose(ours[:, 1 : 1 + theirs.shape[1]], theirs, atol=1e-3)


def test_mel_bands_are_librosas() -> None:
    theirs = librosa.filters.mel(sr=RATE, n_fft=N_FFT, n_mels=40, fmin=60.0)
    np.testing.assert_allclose(mel(sample_rate=RATE, n_fft=N_FFT, n_mels=40, fmin=60.0), theirs, rtol=1e-5)


def test_gtzan_columns_are_those_of_librosa(song: NDArray[np.float32]) -> None:
    same = {"y": song, "pad_mode": "symmetric"}
    harmonic, percussive = librosa.effects.hpss(song)
    cepstrum = librosa.feature.mfcc(sr=RATE, n_mfcc=20, **same)
    frames = {
        "chroma_stft": librosa.feature.chroma_stft(sr=RATE, **same),
        "rms": librosa.feature.rms(**same),
        "spectral_centroid": librosa.feature.spectral_centroid(sr=RATE, **same),
        "spectral_bandwidth": librosa.feature.spectral_bandwidth(sr=RATE, **same),
        "rolloff": librosa.feature.spectral_rolloff(sr=RATE, **same),
        "zero_crossing_rate": librosa.feature.zero_crossing_rate(song),
        **{f"mfcc{k + 1}": cepstrum[k] for k in range(20)},
    }
    ours = dict(zip(COLUMNS, gtzan_columns(Audio(song, RATE)), strict=True))
    for name, values in frames.items():
        assert ours[f"{name}_mean"] == pytest.approx(values.mean(), rel=2e-3, abs=1e-3), name
        assert ours[f"{name}_var"] == pytest.approx(values.var(), rel=2e-3, abs=1e-3), name
    # as in beat_track
    onsets = librosa.onset.onset_strength(y=song, sr=RATE, aggregate=np.median)
    assert ours["tempo"] == pytest.approx(librosa.feature.tempo(onset_envelope=onsets, sr=RATE)[0])
    assert ours["harmony_var"] == pytest.approx(harmonic.var(), rel=0.01)
    assert ours["perceptr_var"] == pytest.approx(percussive.var(), rel=0.01)


def test_onsets_are_those_of_librosa(song: NDArray[np.float32]) -> None:
    theirs = librosa.onset.onset_detect(y=song, sr=RATE, units="time")
    assert len(theirs) > 10
    np.testing.assert_allclose(Profile(Audio(song, RATE)).onsets, theirs)


@pytest.mark.parametrize("detuned", [0.0, 0.4])
def test_chroma_is_that_of_librosa(song: NDArray[np.float32], detuned: float) -> None:
    # faster by some tenths of a semitone
    higher = np.interp(np.arange(0, len(song) - 1, 2 ** (detuned / 12)), np.arange(len(song)), song).astype(np.float32)
    theirs, ours = librosa.feature.chroma_cqt(y=higher, sr=RATE), chromagram(Audio(higher, RATE))
    assert ours.shape == theirs.shape
    # librosa leaves out the least hundredth of each of its filters
    assert np.abs(ours - theirs).mean() < 2e-3
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.9995


def test_drawn_features_are_those_of_librosa(song: NDArray[np.float32]) -> None:
    audio, same = Audio(song, RATE), {"y": song, "sr": RATE, "pad_mode": "symmetric"}
    power = librosa.feature.melspectrogram(**same)
    theirs = librosa.power_to_db(power, amin=1e-10, top_db=None)
    np.testing.assert_allclose(mel_spectrogram(audio), theirs, atol=0.1)
    np.testing.assert_allclose(spectral_centroid(audio), librosa.feature.spectral_centroid(**same)[0], rtol=1e-4)


def test_onsets_match_as_mir_eval_matches_them() -> None:
    onset = pytest.importorskip("mir_eval.onset", reason="needs mir_eval: pip install mir_eval")
    rng = np.random.default_rng(0)
    for count in (5, 40, 200):
        # so dense that pairing each with its nearest would not do
        a, b = (np.sort(rng.uniform(0, 8, count)) for _ in range(2))
        precision = onset.f_measure(a, b, window=0.05)[1]
        assert onset_matches(a, b) == round(precision * count)


def test_measures_agree_with_the_yardstick_on_real_stereo_files(
    yardstick: ModuleType, shared_music: Path, tmp_path: Path
) -> None:
    content = load(shared_music / "Kevin_MacLeod_-_Vibe_Ace.ogg", 23).slice(20)
    style = load(shared_music / "Hungarian_Dance_number_5_-_Allegro_in_F_sharp_minor_(string_orchestra).ogg", 4)
    medium = butter(3, [200, 4500], "bandpass", fs=content.sample_rate, output="sos")
    noise = np.random.default_rng(0).standard_normal(content.samples.shape) * 0.01
    output = content.with_samples(0.6 * sosfilt(medium, np.tanh(2 * content.samples) + noise, axis=1))
    files = [
        audio.save(tmp_path / f"{name}.wav", bit_depth=32)
        for name, audio in {"content": content, "style": style.slice(2), "output": output.slice(0, 2.5)}.items()
    ]
    theirs, ours = yardstick.measures(*files), measure(*map(load, files))
    assert ours.style_gain == pytest.approx(theirs["style_gain"], abs=1e-3)
    assert ours.envelope_gain == pytest.approx(theirs["envelope_gain"], abs=1e-3)
    assert ours.chroma_cosine == pytest.approx(theirs["chroma_cosine"], abs=1e-3)
    assert ours.onset_f1 == pytest.approx(theirs["onset_f1"], abs=1e-3)


def test_network_gram_and_loss_equal_the_yardsticks(yardstick: ModuleType, shared_music: Path) -> None:
    import torch

    names = ["Karissa_Hobbs_-_Lets_Go_Fishin.ogg", "Kevin_MacLeod_-_Vibe_Ace.ogg"]
    content, style = (yardstick.logmag(yardstick.load(shared_music / name, seconds=2)) for name in names)
    theirs = yardstick.net()
    ours = random_network(1025)
    assert torch.equal(theirs.weight, ours.weight)
    assert theirs.bias is not None
    assert torch.equal(theirs.bias, ours.bias)
    grams = [yardstick.gram(theirs, spectrum) for spectrum in (content, style)]
    with torch.no_grad():
        torch.testing.assert_close(gram_matrix(ours(content)[0]), grams[0], rtol=0, atol=0)

    spectra = [spectrum[0].numpy() for spectrum in (content, style)]
    relative = float((grams[0] - grams[1]).square().sum() / grams[1].square().sum())
    assert GramTransfer(steps=1).run(*spectra).losses[0] == pytest.approx(relative, rel=1e-3)
    for kind, clamp in (("mse", False), ("mse", True), ("mae", True)):
        start = yardstick.gram(theirs, content.clamp(0, 1)) if clamp else grams[0]
        difference = yardstick.W * (start - grams[1])
        expected = float(difference.square().mean() if kind == "mse" else difference.abs().mean())
        run = GramTransfer.study(loss=kind, clamp=clamp, style_weight=yardstick.W, steps=1).run(*spectra)
        assert run.losses[0] == pytest.approx(expected, rel=1e-4)
        assert np.isfinite(run.spectrogram).all()
