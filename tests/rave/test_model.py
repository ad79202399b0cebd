"""Any RAVE export plays: in time, at length, repeatably, and never with anything left from an earlier call."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from rave_exports import Glutton, Saboteur, make_export, scripted

import retrotone as rt
from retrotone.audio.audio import Audio
from retrotone.errors import AudioError, ModelError, StyleError
from retrotone.rave.generation import path_at_random

# reproduces its input
FAITHFUL = {"latent_size": None, "noise": 0.0}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def music(seconds: float, sample_rate: int = 44_100, channels: int = 1, seed: int = 0) -> Audio:
    """Noise bursts and a tone: something whose position in time can be measured."""
    rng = np.random.default_rng(seed)
    n = round(seconds * sample_rate)
    time = np.arange(n) / sample_rate
    level = (np.floor(time * 5) % 3 == 0) * 0.2 + 0.02
    sound = rng.normal(0, 1, (channels, n)) * level + 0.1 * np.sin(2 * np.pi * 440 * time)
    return Audio(sound, sample_rate)


def residual_db(result: Audio, expected: Audio) -> float:
    gain = (result.samples * expected.samples).sum() / np.square(expected.samples).sum()
    difference = result.samples / gain - expected.samples
    return float(20 * np.log10(difference.std() / expected.samples.std()))


@pytest.mark.parametrize(
    ("export", "delay"),
    [
        ({"streaming": False}, 0),
        ({"encoder_delay": 700, "decoder_delay": 900}, 1600),
        ({"encoder_delay": 5000, "decoder_delay": 20_001, "ratio": 1024}, 25_001),
        # causal
        ({"encoder_delay": 0, "decoder_delay": 300}, 300),
        ({"encoder_delay": 640, "decoder_delay": 1000, "channels": 2, "sample_rate": 48_000}, 1640),
    ],
)
def test_a_faithful_model_gives_the_song_back_in_time(tmp_path: Path, export: dict[str, int], delay: int) -> None:
    model = rt.RaveModel.load(make_export(tmp_path / "model.ts", **FAITHFUL, **export))
    song = music(5.3, model.info.sample_rate, channels=2)
    assert abs(model.delay - delay) <= 1
    result = model.restyle(song)
    assert (result.channels, result.frames, result.sample_rate) == (2, song.frames, song.sample_rate)
    assert abs(result.loudness - song.loudness) < 0.1
    if model.delay == delay:
        assert residual_db(result, song) < -60


@pytest.fixture(scope="module")
def model_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool, int], rt.RaveModel]:
    """Return a model at 48 kHz, streaming or not, with so many channels; each is made once."""
    folder = tmp_path_factory.mktemp("models")

    @cache
    def make(streaming: bool, channels: int) -> rt.RaveModel:
        path = folder / f"{streaming}{channels}.ts"
        return rt.RaveModel.load(make_export(path, streaming=streaming, channels=channels, sample_rate=48_000))

    return make


@pytest.mark.parametrize("frames", [1, 37, 511, 512, 513, 44_100])
@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_length_rate_and_channels_come_back(
    model_of: Callable[[bool, int], rt.RaveModel], frames: int, streaming: bool, channels: int
) -> None:
    model = model_of(streaming, channels)
    for rate in (44_100, 48_000):
        song = Audio(np.random.default_rng(0).normal(0, 0.1, (3 - channels, frames)), rate)
        result = model.restyle(song)
        assert (result.channels, result.frames, result.sample_rate) == (3 - channels, frames, rate)


def test_windows_leave_no_seams(tmp_path: Path) -> None:
    """A model that listens 4,000 samples to both sides sounds the same in pieces as in one go."""
    export = make_export(tmp_path / "model.ts", streaming=False, filter_reach=4000, noise=0.0, level=1.0)
    model = rt.RaveModel.load(export)
    song = music(7)
    latent = model.encode(song)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        whole = torch.jit.load(export)
        expected = whole.encode(torch.from_numpy(song.samples)[None])[0].numpy()
        assert np.abs(latent - expected).max() < 1e-4
        sound = whole.decode(torch.from_numpy(latent)[None])[0].numpy()
    assert np.abs(model.decode(latent).samples - sound).max() < 1e-5


def test_streaming_in_pieces_is_the_offline_model(tmp_path: Path) -> None:
    settings = {"filter_reach": 300, "encoder_delay": 1024, **FAITHFUL}
    offline = rt.RaveModel.load(make_export(tmp_path / "a.ts", streaming=False, **settings))
    streaming = rt.RaveModel.load(make_export(tmp_path / "b.ts", streaming=True, **settings))
    song = music(6)
    assert np.abs(streaming.encode(song) - offline.encode(song)).max() < 1e-4
    assert np.abs(streaming.restyle(song).samples - offline.restyle(song).samples).max() < 1e-4


def test_same_seed_same_samples_and_nothing_of_the_song_before(tmp_path: Path) -> None:
    model = rt.RaveModel.load(make_export(tmp_path / "model.ts", noise=0.3))
    song = music(2, channels=2)
    chance = torch.get_rng_state()
    first = model.restyle(song, seed=3).samples
    model.restyle(music(1, seed=9).gain(20))
    assert np.array_equal(first, model.restyle(song, seed=3).samples)
    assert np.array_equal(first, rt.RaveModel.load(model.info.path).restyle(song, seed=3).samples)
    assert not np.array_equal(first, model.restyle(song, seed=4).samples)
    # the caller's own draws are left alone
    assert torch.equal(chance, torch.get_rng_state())


def test_two_songs_at_once_do_not_mix(tmp_path: Path) -> None:
    model = rt.RaveModel.load(make_export(tmp_path / "model.ts"))
    songs = [music(8, seed=seed) for seed in (1, 2)]
    alone = [np.concatenate(list(model.render(song, 1.0)), axis=1) for song in songs]
    together: list[list[np.ndarray]] = [[], []]
    for pair in zip(*(model.render(song, 1.0) for song in songs), strict=True):
        for parts, block in zip(together, pair, strict=True):
            parts.append(block)
    for expected, parts in zip(alone, together, strict=True):
        assert len(parts) > 1
        assert np.array_equal(expected, np.concatenate(parts, axis=1))


def test_equal_channels_stay_equal(tmp_path: Path) -> None:
    model = rt.RaveModel.load(make_export(tmp_path / "model.ts", noise=0.3))
    left, right = model.restyle(Audio(np.repeat(music(1).samples, 2, axis=0), 44_100)).samples
    assert np.array_equal(left, right)


def test_strength_goes_from_the_song_to_the_model_in_phase(tmp_path: Path) -> None:
    model = rt.RaveModel.load(make_export(tmp_path / "model.ts", **FAITHFUL))
    song = music(2)
    assert np.array_equal(model.restyle(song, 0.0).samples, song.samples)
    # any lag would comb
    assert residual_db(model.restyle(song, 0.5), song) < -60
    with pytest.raises(StyleError, match="strength"):
        model.restyle(song, 1.5)


def test_latents_can_be_changed_on_the_way(tmp_path: Path) -> None:
    model = rt.RaveModel.load(make_export(tmp_path / "model.ts", noise=0.0))
    song = music(1)
    one = model.restyle(song, scale=[1, 0], offset=[0, 2.0]).samples
    assert not np.allclose(one, model.restyle(song).samples, atol=1e-3)
    with pytest.raises(StyleError, match="one a latent dimension"):
        model.restyle(song, scale=np.ones(9))


def test_silence_does_no_harm(tmp_path: Path) -> None:
    model = rt.RaveModel.load(make_export(tmp_path / "model.ts", divide=True, noise=0.0))
    half = music(2)
    half.samples[:, :60_000] = 0
    assert np.isfinite(model.restyle(half).samples).all()
    assert np.isfinite(model.encode(Audio(np.zeros((1, 44_100)), 44_100))).all()
    with pytest.raises(AudioError, match="silent"):
        model.restyle(Audio(np.zeros((2, 1000)), 44_100))


def test_info_tells_what_the_file_says(tmp_path: Path) -> None:
    old = make_export(tmp_path / "old.ts", old=True, sample_rate=48_000, ratio=2048, prior=True)
    info = rt.RaveModel.load(old).info
    assert (info.sample_rate, info.ratio, info.latent_size, info.full_latent_size) == (48_000, 2048, 8, 2048)
    assert (info.channels_in, info.channels_out, info.streaming, info.has_prior) == (1, 1, True, True)
    new = rt.RaveModel.load(make_export(tmp_path / "new.ts", streaming=False, channels=2)).info
    assert (new.sample_rate, new.channels_in, new.streaming, new.has_prior) == (44_100, 2, False, False)


def test_what_is_no_model_is_refused_in_one_line_and_never_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str, str]]:
            return (open, (str(tmp_path / "sprung"), "w"))

    torch.save(Trap(), tmp_path / "pickle.ts")
    torch.save(Trap(), tmp_path / "legacy.ts", _use_new_zipfile_serialization=False)
    (tmp_path / "text.ts").write_text("hello")
    (tmp_path / "empty.ts").touch()
    whole = make_export(tmp_path / "whole.ts").read_bytes()
    (tmp_path / "cut.ts").write_bytes(whole[: len(whole) // 2])
    scripted(torch.nn.Linear(2, 2), tmp_path / "linear.ts")
    for name in ("pickle", "legacy", "text", "empty", "cut", "linear", "missing"):
        with pytest.raises(ModelError, match=rf"{name}\.ts") as refusal:
            rt.RaveModel.load(tmp_path / f"{name}.ts")
        assert "\n" not in str(refusal.value)
    assert not (tmp_path / "sprung").exists()


def test_what_could_do_harm_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    written = tmp_path / "written"
    scripted(Saboteur(str(written)), tmp_path / "saboteur.ts")
    scripted(Glutton(), tmp_path / "glutton.ts")
    model = make_export(tmp_path / "model.ts")
    twice, bomb = tmp_path / "twice.ts", tmp_path / "bomb.ts"
    for harmful in (twice, bomb):
        harmful.write_bytes(model.read_bytes())
    with zipfile.ZipFile(twice, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr(archive.namelist()[0], b"another")
    with (
        zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("bomb/data/99", "w", force_zip64=True) as entry,
    ):
        for _ in range(17):
            entry.write(bytes(1 << 26))
    for name, reason in (
        ("saboteur", "touch files"),
        ("glutton", "no RAVE model"),
        ("twice", "unlike any"),
        ("bomb", "memory"),
    ):
        with pytest.raises(ModelError, match=reason) as refusal:
            rt.RaveModel.load(tmp_path / f"{name}.ts")
        assert "\n" not in str(refusal.value)
    assert not written.exists()


def test_loading_warns_of_nothing(tmp_path: Path) -> None:
    export = make_export(tmp_path / "model.ts")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rt.RaveModel.load(export).generate(0.5)


# Out of nothing


@pytest.mark.parametrize("path", ["slerp", "linear", "smooth", "walk", "prior"])
@pytest.mark.parametrize("streaming", [True, False])
def test_every_path_makes_sound_of_the_length_asked_for(tmp_path: Path, path: str, streaming: bool) -> None:
    model = rt.RaveModel.load(make_export(tmp_path / "model.ts", streaming=streaming, prior=True))
    clip = model.generate(3.21, path=path, seed=5)
    assert (clip.frames, clip.sample_rate, clip.channels) == (round(3.21 * 44_100), 44_100, 1)
    assert abs(clip.loudness + 16) < 0.1
    # faded, no click
    assert np.abs(clip.samples[:, :4]).max() < 0.02
    assert np.array_equal(clip.samples, model.generate(3.21, path=path, seed=5).samples)
    assert not np.allclose(clip.samples, model.generate(3.21, path=path, seed=6).samples, atol=0.01)
    seconds = np.array_split(clip.samples[0], 6)
    assert min(np.square(part).mean() for part in seconds) > 0.01 * np.square(clip.samples).mean()


def test_a_rate_that_the_export_does_not_tell_stands_in_its_name(tmp_path: Path) -> None:
    untold = make_export(tmp_path / "model.ts", sample_rate=None)
    with pytest.raises(rt.ModelError, match=r"put it into the file's name, as in model-44100\.ts"):
        rt.RaveModel.load(untold)
    assert rt.RaveModel.load(untold, sample_rate=48_000).info.sample_rate == 48_000
    named = untold.rename(tmp_path / "model-32000-v2.ts")
    assert rt.RaveModel.from_pretrained(str(named)).info.sample_rate == 32_000


def test_a_clip_can_match_a_song(tmp_path: Path) -> None:
    model = rt.RaveModel.load(make_export(tmp_path / "model.ts", sample_rate=48_000))
    song = music(2.5, 44_100, channels=2).with_loudness(-27)
    clip = model.generate(match=song)
    assert clip.frames == round(2.5 * 48_000)
    assert abs(clip.loudness + 27) < 0.1


def test_between_two_recordings_it_goes_from_one_to_the_other(tmp_path: Path) -> None:
    model = rt.RaveModel.load(make_export(tmp_path / "model.ts", streaming=False, **FAITHFUL))
    time = np.arange(4 * 44_100) / 44_100
    low, high = (Audio(0.1 * np.sin(2 * np.pi * hertz * time)[None], 44_100) for hertz in (300, 3000))
    clip = model.generate(3, recordings=(low, high)).samples[0]
    spectrum = [np.abs(np.fft.rfft(part, 44_100)) for part in (clip[:20_000], clip[-20_000:])]
    assert spectrum[0][250:350].max() > 3 * spectrum[0][2900:3100].max()
    assert spectrum[1][2900:3100].max() > 3 * spectrum[1][250:350].max()


@pytest.mark.parametrize("streaming", [True, False])
def test_any_model_plays_records(tmp_path: Path, streaming: bool) -> None:
    model = rt.RaveModel.load(make_export(tmp_path / "model.ts", streaming=streaming, **FAITHFUL))
    time = np.arange(8 * 44_100) / 44_100
    records = [Audio(0.1 * np.sin(2 * np.pi * hertz * time)[None], 44_100) for hertz in (300, 3000)]
    bank = model.bank(records)
    clip = model.generate(8, bank=bank, seed=1)
    spectrum = np.abs(np.fft.rfft(clip.samples[0].reshape(16, -1), 44_100, axis=1))
    high = spectrum[:, 2900:3100].max(axis=1) > spectrum[:, 250:350].max(axis=1)
    # in turns, never more than a few seconds of one
    runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[-1], high, [-1]]))))
    assert len(runs) >= 2
    assert runs.max() <= 7
    assert np.array_equal(clip.samples, model.generate(8, bank=bank, seed=1).samples)
    assert not np.allclose(clip.samples, model.generate(8, bank=bank, seed=2).samples, atol=0.01)
    with pytest.raises(StyleError, match="plays no records"):
        model.generate(1, bank=bank, path="walk")
    with pytest.raises(StyleError, match="without records"):
        model.generate(1, path="records")


def test_temperature_is_how_far_it_goes(tmp_path: Path) -> None:
    model = rt.RaveModel.load(make_export(tmp_path / "model.ts"))
    for path in ("slerp", "walk"):
        spreads = [path_at_random(path, model.info, 400, 1, heat, 1.0).std() for heat in (0.5, 1.0)]
        assert spreads[0] == pytest.approx(spreads[1] / 2, rel=1e-4)


def test_a_path_that_cannot_be_taken_says_so(tmp_path: Path) -> None:
    model = rt.RaveModel.load(make_export(tmp_path / "model.ts"))
    for settings, words in (
        ({"path": "zigzag"}, "slerp"),
        ({"path": "prior"}, "no prior"),
        ({"seconds": 0}, "seconds"),
        ({"seconds": float("nan")}, "seconds"),
        ({"temperature": -1}, "temperature"),
        ({"offset": np.inf}, "finite"),
    ):
        with pytest.raises(StyleError, match=words):
            model.generate(**{"seconds": 1, **settings})
    with pytest.raises(StyleError, match=r"\(8, frames\)"):
        model.decode(np.zeros((7, 10)))
    dead = rt.RaveModel.load(make_export(tmp_path / "dead.ts", level=0.0))
    with pytest.raises(ModelError, match="silent"):
        dead.generate(1)


def test_a_model_is_a_style_of_its_own(tmp_path: Path) -> None:
    model = rt.RaveModel.load(make_export(tmp_path / "model.ts"))
    music(2, channels=2).gain(-12).save(tmp_path / "song.wav")
    done = rt.StyleTransfer(seed=2).stylize_file(tmp_path / "song.wav", model, tmp_path / "out.wav")
    assert done.method == "rave"
    assert abs(done.loudness_change_lu) < 0.5
    song, out = rt.load(tmp_path / "song.wav"), rt.load(tmp_path / "out.wav")
    assert out.samples.shape == song.samples.shape
    direct = model.restyle(song, seed=2)
    assert residual_db(out, direct) < -40
    with pytest.raises(StyleError, match="is a model"):
        rt.StyleTransfer("transport").stylize(song, model)
    with pytest.raises(StyleError, match="RaveModel"):
        rt.StyleTransfer("rave").stylize(song, song)
