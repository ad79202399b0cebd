"""A medium as a TorchScript module: it sounds like the medium itself, in buffers of any size."""

from __future__ import annotations

import warnings
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.signal import hilbert, welch

from retrotone.audio.audio import Audio, load
from retrotone.cli.main import run
from retrotone.style.eras import ERAS
from retrotone.style.media.chain import medium_blocks
from retrotone.style.media.dynamics import Compression, Limiter
from retrotone.style.media.noise import Crackle, Hum, Noise
from retrotone.style.media.spectrum import NoiseSpectrum
from retrotone.style.media.wow import Wobble
from retrotone.style.medium import Medium
from retrotone.style.torchscript.dials import DIALS
from retrotone.style.torchscript.medium import MediumModule
from retrotone.utils.assets import bundled_song

RATE = 48_000


def song(seconds: float) -> np.ndarray:
    return load(bundled_song()).slice(5, 5 + seconds).resample(RATE).with_loudness(-20).samples


def through_module(
    medium: Medium, samples: np.ndarray, strength: float = 1.0, size: int = 2048, dials: tuple[float, ...] = (1, 1, 1)
) -> np.ndarray:
    """A stereo recording through the module of a medium, its delay removed, shape (2, n)."""
    module, turned = MediumModule(medium, RATE), torch.tensor([strength, *dials])
    module.last[:] = turned[:, None]
    padded = np.pad(samples, ((0, 0), (0, -samples.shape[1] % 2048 + 2048)))
    with torch.no_grad():
        pieces = [module(piece, turned) for piece in torch.from_numpy(padded).split(size, 1)]
    return torch.cat(pieces, 1).numpy()[:, module.delay :][:, : samples.shape[1]]


def through_medium(medium: Medium, samples: np.ndarray, strength: float = 1.0) -> np.ndarray:
    return np.concatenate(list(medium_blocks([samples], 2, RATE, medium, strength)), axis=1)


def difference_db(made: np.ndarray, wanted: np.ndarray) -> float:
    return float(10 * np.log10(np.square(made - wanted).mean() / np.square(wanted).mean()))


@pytest.mark.parametrize("era", ["1930s", "1970s", "1990s"])
def test_band_width_saturation_and_converter_are_those_of_the_era(era: str) -> None:
    steady, sound = ERAS[era].without("noise", "hum", "crackle", "wow"), song(0.5)
    assert difference_db(through_module(steady, sound), through_medium(steady, sound)) < -45


def test_a_late_channel_is_late() -> None:
    late, sound = Medium(name="late", delay_s=0.0003), song(0.5)
    assert difference_db(through_module(late, sound), through_medium(late, sound)) < -70


def test_noise_and_hum_have_their_levels() -> None:
    spectrum = NoiseSpectrum(hz=(60, 500, 4000, 12_000), level_db=(-50, -62, -55, -70))
    medium = Medium(
        name="floor",
        noises=(Noise(-45.0, 800.0, 2500.0, swish=0.25), spectrum),
        hums=(Hum(120.0, -50.0),),
        turns_hz=1.3,
    )
    silence = np.zeros((2, 4 * RATE), np.float32)
    made, wanted = (welch(floor, RATE, nperseg=4096)[1] for floor in (f(medium, silence) for f in BOTH))
    # in bands of about an octave
    edges = np.searchsorted(np.fft.rfftfreq(4096, 1 / RATE), [60, 200, 500, 1000, 2000, 4000, 8000, 16_000])
    octaves = [np.add.reduceat(power, edges, axis=1) for power in (made, wanted)]
    np.testing.assert_allclose(*(10 * np.log10(power) for power in octaves), atol=1.0)
    floor = through_module(medium, silence[:, : RATE // 2])
    assert abs(np.corrcoef(floor)[0, 1]) < 0.5
    assert not through_module(medium, silence[:, :RATE], dials=(0.0, 1.0, 1.0)).any()


def test_there_are_as_many_clicks_of_each_size() -> None:
    medium = Medium(name="clicks", crackle=Crackle(300.0, -40.0, 3000.0, 0.0003))
    silence = np.zeros((2, 3 * RATE), np.float32)
    made, wanted = (np.abs(f(medium, silence)) for f in BOTH)
    for level_db in (-55, -45, -35):
        threshold = 10 ** (level_db / 20)
        assert (made > threshold).mean() == pytest.approx((wanted > threshold).mean(), rel=0.25)
    assert not through_module(medium, silence[:, :RATE], dials=(1.0, 0.0, 1.0)).any()


def test_a_scratch_comes_once_a_turn() -> None:
    medium = Medium(name="scratch", crackle=Crackle(0.0, -30.0, 3000.0, 0.0003, scratch=True), turns_hz=2.5)
    made = through_module(medium, np.zeros((2, 2 * RATE), np.float32))[0]
    at = np.flatnonzero(np.abs(made) > 1e-4) / RATE
    assert set(np.round(at / 0.4).astype(int)) == set(range(1, 6))
    assert np.abs(at - np.round(at / 0.4) * 0.4).max() < 0.005


def test_the_speed_wavers_as_much() -> None:
    medium = Medium(name="wow", wobbles=(Wobble(4.0, 0.004), Wobble(9.0, 0.004, random=True)))
    moments = np.arange(3 * RATE) / RATE
    tone = np.tile(0.3 * np.sin(2 * np.pi * 1000 * moments), (2, 1)).astype(np.float32)

    def wavering(sound: np.ndarray) -> float:
        """Deviation of the frequency of a tone."""
        inside = hilbert(sound[0].astype(np.float64))[RATE // 4 : -RATE // 4]
        return float(np.diff(np.unwrap(np.angle(inside))).std() * RATE / (2 * np.pi * 1000))

    made, wanted = (wavering(f(medium, tone)) for f in BOTH)
    assert made == pytest.approx(wanted, rel=0.2)
    assert wavering(through_module(medium, tone[:, :RATE], dials=(1.0, 1.0, 0.0))) < 0.3 * wanted


def test_the_size_of_the_buffers_changes_nothing() -> None:
    sound = song(0.2)
    made = [through_module(ERAS["1930s"], sound, size=size) for size in (256, 2048)]
    assert difference_db(*made) < -80


def test_it_is_torchscript() -> None:
    parts = {"delay_s": 0.0003, "compression": Compression(-30.0, 4.0, 0.01, 0.2), "limiter": Limiter(-24.0)}
    module = MediumModule(replace(ERAS["1970s"], **parts), RATE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        scripted = torch.jit.script(deepcopy(module))
    sound, dials = torch.from_numpy(song(0.1)[:, :4096]), torch.full((len(DIALS),), 0.7)
    with torch.no_grad():
        assert torch.allclose(scripted(sound, dials), module(sound, dials), atol=1e-5)


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_compressor_and_limiter_turn_down_what_the_medium_does(strength: float) -> None:
    sound = song(1.0)
    compressed = Medium(name="radio", compression=Compression(-30.0, 4.0, 0.01, 0.2))
    limited = Medium(name="transfer", limiter=Limiter(-30.0))
    for medium in (compressed, limited):
        made, wanted = (f(medium, sound, strength) for f in BOTH)
        assert difference_db(made, wanted) < -45
        # each takes off more than that
        assert difference_db(wanted, sound) > -30


def test_strength_is_that_of_the_medium() -> None:
    steady, sound = ERAS["1930s"].without("noise", "hum", "crackle", "wow"), song(0.5)
    for strength, least_db in ((0.001, -60), (0.25, -60), (0.7, -30)):
        made, wanted = (f(steady, sound, strength) for f in BOTH)
        # filters are computed for every eighth and interpolated between them
        assert difference_db(made, wanted) < least_db


def test_a_neutone_model_is_as_loud_as_the_era(tmp_path: Path) -> None:
    sdk = pytest.importorskip("neutone_sdk.utils", reason="needs pip install 'retrotone[neutone]'")
    path = tmp_path / "1930s.nm"
    assert run(["models", "export", "shellac", "-o", str(path), "--neutone"]) == 0
    model, facts = sdk.load_neutone_model(str(path))
    assert (facts["model_name"], facts["native_sample_rates"]) == ("1930s", [RATE])
    assert [each["name"] for each in facts["neutone_parameters"].values()] == list(DIALS)
    sound = song(8.0)[:, : 180 * 2048]
    model.set_daw_sample_rate_and_buffer_size(RATE, 2048)
    with torch.no_grad():
        # it gives the same buffer again at every call
        played = torch.cat([model(piece).clone() for piece in torch.from_numpy(sound).split(2048, 1)], 1).numpy()
    aged = ERAS["1930s"].apply(Audio(sound, RATE))
    assert Audio(played, RATE).loudness == pytest.approx(aged.loudness, abs=1.0)


BOTH = (through_module, through_medium)
