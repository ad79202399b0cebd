"""Our own RAVE: its filter bank, its stream, its export. The network is untrained; detail passes from the start."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import retrotone as rt
from retrotone.rave.export import export, principal, weights_of
from retrotone.rave.nn import pqmf
from retrotone.rave.nn.network import Rave
from retrotone.rave.nn.streaming import interleaved
from retrotone.rave.shape import Shape
from retrotone.rave.torchscript import load_export

SHAPE = Shape()


@pytest.fixture(scope="module")
def network() -> Rave:
    """A network in which every branch is audible."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Rave(SHAPE)
        for weights in network.parameters():
            # the last layers of residual units start at zero
            if weights.requires_grad and not weights.any():
                torch.nn.init.normal_(weights, 0, 0.05)
    return network.eval()


@pytest.fixture(scope="module")
def model(network: Rave, tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(SHAPE.full_latent_size, SHAPE.full_latent_size))
    latents = (mixing @ rng.normal(size=(SHAPE.full_latent_size, 500)) + 3).astype(np.float32)
    path = tmp_path_factory.mktemp("own") / "own.ts"
    export(weights_of(network, [latents]), path)
    return path


def noise(seconds: float, top: float, seed: int = 0) -> rt.Audio:
    """Band-limited noise: what the latents of detail carry as it is."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=round(seconds * SHAPE.sample_rate)))
    spectrum[round(top * seconds) :] = 0
    samples = np.fft.irfft(spectrum, round(seconds * SHAPE.sample_rate))
    return rt.Audio(0.1 * samples[None].astype(np.float32) / samples.std(), SHAPE.sample_rate, "noise")


def test_the_filter_bank_gives_back_what_it_was_given() -> None:
    bands, taps = SHAPE.bands, SHAPE.bands * pqmf.TAPS_PER_BAND
    sound = torch.from_numpy(noise(1.0, 11_000.0).samples[None, :, : 1024 * bands])
    with torch.no_grad():
        back = interleaved(pqmf.synthesis(bands)(pqmf.analysis(bands)(sound)), bands)
    delay = taps - bands
    error = back[..., delay + taps :] - sound[..., taps:-delay]
    assert float(error.square().mean() / sound.square().mean()) < 1e-5


def test_bands_keep_to_themselves() -> None:
    bands, rate = SHAPE.bands, SHAPE.sample_rate
    # of the third band
    middle = 2.5 * rate / 2 / bands
    tone = torch.sin(2 * torch.pi * middle / rate * torch.arange(1024 * bands))[None, None]
    with torch.no_grad():
        energy = pqmf.analysis(bands)(tone)[..., pqmf.TAPS_PER_BAND :].square().mean(-1)[0]
    others = torch.cat([energy[:1], energy[4:]])
    assert energy.argmax() == 2
    assert float(others.max() / energy[2]) < 1e-8


@pytest.mark.parametrize("method", ["encode", "encode_full", "forward"])
def test_a_stream_in_chunks_is_the_whole(model: Path, method: str) -> None:
    own, info = load_export(model)
    sound = noise(2.4, 9000.0).samples[:, : 100 * info.ratio]
    whole = own.voice(0)(method, sound)
    streaming, cuts = own.voice(0), np.cumsum([1, 7, 30, 2, 20, 40]) * info.ratio
    chunks = [streaming(method, chunk) for chunk in np.split(sound, cuts, axis=1) if chunk.size]
    assert np.abs(np.concatenate(chunks, axis=1) - whole).max() < 1e-5
    assert np.abs(whole).max() > 0.01


def test_training_and_stream_are_one_network(network: Rave, model: Path) -> None:
    own, _ = load_export(model)
    sound = noise(1.5, 9000.0).samples[:, : 50 * SHAPE.ratio]
    with torch.no_grad():
        mean, _ = network.encoder(network.pqmf(torch.from_numpy(sound[None]))).chunk(2, 1)
        turned = own.module.latent_pca @ (mean[0] - own.module.latent_mean[:, None])
    assert np.abs(own.voice(0)("encode_full", sound) - turned.numpy()).max() < 1e-4


def test_a_recording_comes_back_in_time(model: Path) -> None:
    rave = rt.RaveModel.load(model)
    song = noise(3.0, 2000.0).resample(44_100)
    back = rave.restyle(song)
    assert back.samples.shape == song.samples.shape
    spectra = [np.fft.rfft(audio.samples[0], 2 * song.frames) for audio in (back, song)]
    match = np.fft.irfft(spectra[0] * spectra[1].conj())
    assert np.argmax(np.abs(match)) in (0, 1, 2 * song.frames - 1)


def test_edited_latents_are_audible(model: Path) -> None:
    rave = rt.RaveModel.load(model)
    song = noise(2.0, 6000.0)
    plain, same = rave.restyle(song, scale=1.0 + 1e-7), rave.restyle(song)
    moved = rave.restyle(song, offset=[2.0])
    assert np.abs(moved.samples - plain.samples).max() > 1e-3
    # edits go without the detail
    assert np.abs(plain.samples - same.samples).max() > 1e-3


def test_channels_do_not_hear_each_other(model: Path) -> None:
    rave = rt.RaveModel.load(model)
    left, right = noise(2.0, 3000.0, 1), noise(2.0, 3000.0, 2)
    both = rt.Audio(np.concatenate([left.samples, right.samples]), SHAPE.sample_rate, "both")
    wet = np.concatenate(list(rave.render(both, 1.0)), axis=1)
    alone = np.concatenate(list(rave.render(right, 1.0)), axis=1)
    assert np.array_equal(wet[1:], alone)


def test_exported_latents_are_uncorrelated_and_of_unit_variance() -> None:
    rng = np.random.default_rng(0)
    latents = (rng.normal(size=(6, 6)) @ rng.normal(size=(6, 4000)) + 2).astype(np.float32)
    turn = principal(latents)
    turned = turn.forward @ (latents - turn.mean[:, None])
    assert np.allclose(np.cov(turned), np.eye(6), atol=1e-3)
    assert np.allclose(turn.inverse @ turn.forward, np.eye(6), atol=1e-6)
    assert np.all(np.diff(turn.fidelity) >= 0)
    assert turn.fidelity[5] == pytest.approx(1)
