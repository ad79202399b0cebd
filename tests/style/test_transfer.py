"""StyleTransfer, the one door: what comes out keeps the song's shape, and has the style's sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from retrotone.audio.audio import Audio, load
from retrotone.audio.files import AudioFile
from retrotone.dsp.stft import istft, stft
from retrotone.errors import AudioError, Cancelled, OutputError, StyleError
from retrotone.metrics import Profile, chroma_cosine, envelope_gain, onset_f1, style_gain
from retrotone.progress import Progress
from retrotone.style.eras import ERAS
from retrotone.style.gram import GramTransfer
from retrotone.style.resynthesis import griffin_lim, resynthesise
from retrotone.style.sample import reference_magnitude
from retrotone.style.transfer import StyleTransfer

SHAPES = [(8_000, 2), (22_050, 1), (44_100, 2), (192_000, 1)]


TRANSPORT = StyleTransfer("transport")
WITHOUT_NOISE = StyleTransfer("transport", noise=0.0)


def tune(sample_rate: int, frames: int, channels: int = 1, seed: int = 0, peak: float = 0.1) -> Audio:
    """Plucked notes over a little noise."""
    rng = np.random.default_rng(seed)
    samples = 0.003 * rng.standard_normal((channels, frames))
    t = np.arange(sample_rate) / sample_rate
    pluck = np.exp(-6 * t) * np.minimum(1, (1 - t) * 10)
    for start in range(0, frames, sample_rate // 4):
        pitch = 220 * 2 ** (rng.integers(0, 24) / 12)
        partials = [k for k in range(1, 9) if pitch * k < 0.45 * sample_rate]
        note = pluck * sum(np.sin(2 * np.pi * pitch * k * t) / k for k in partials)
        samples[:, start : start + sample_rate] += rng.uniform(0.3, 1, (channels, 1)) * note[: frames - start]
    return Audio((peak * samples / np.abs(samples).max()).astype(np.float32), sample_rate, name="tune")


def worn(sample_rate: int = 22_050, seconds: float = 2.0, noise: float = 0.004) -> Audio:
    """A dull, crushed, hissing recording of another tune."""
    clean = tune(sample_rate, round(seconds * sample_rate), seed=9, peak=0.5).samples[0]
    dull = np.convolve(np.tanh(4 * clean), np.hanning(12) / 6, "same")
    return Audio(dull + noise * np.random.default_rng(1).standard_normal(len(dull)), sample_rate, name="worn record")


def decibels(value: float) -> float:
    return float(20 * np.log10(max(value, 1e-12)))


def residual(a: Audio, b: Audio) -> float:
    """RMS of the difference, relative to a's, in dB."""
    return decibels(float(np.sqrt(np.mean((a.samples - b.samples) ** 2) / np.mean(a.samples**2))))


def check_shape(content: Audio, output: Audio, loudness: float = 0.5) -> None:
    assert output.sample_rate == content.sample_rate
    assert output.samples.shape == content.samples.shape
    assert output.samples.dtype == np.float32
    assert np.isfinite(output.samples).all()
    assert decibels(output.true_peak) <= -0.9
    assert abs(output.loudness - content.loudness) <= loudness


def excerpt(folder: Path, pattern: str, start: float, seconds: float) -> Audio:
    return load(next(folder.glob(pattern)), start + seconds).slice(start)


@pytest.fixture(scope="module")
def strings(shared_music: Path) -> Audio:
    return excerpt(shared_music, "Hungarian_Dance*.ogg", 10, 13).mono().resample(22_050)


@pytest.fixture(scope="module")
def ragtime(shared_music: Path) -> Audio:
    return excerpt(shared_music, "*ragtime.ogg", 10, 13).mono().resample(22_050)


@pytest.fixture(scope="module")
def profiles(strings: Audio, ragtime: Audio) -> tuple[Profile, Profile]:
    return Profile(strings), Profile(ragtime)


@pytest.fixture(scope="module")
def restyled(strings: Audio, ragtime: Audio) -> Profile:
    """The strings with the sound of the piano."""
    return Profile(TRANSPORT.stylize(strings, ragtime))


@pytest.fixture(scope="module")
def song(shared_music: Path) -> Audio:
    return excerpt(shared_music, "Karissa*.ogg", 40, 12).mono().resample(22_050)


@pytest.fixture(scope="module")
def stereo_song(shared_music: Path) -> Audio:
    return excerpt(shared_music, "*Vibe_Ace.ogg", 20, 8)


class Steps:
    """A progress callback that remembers, and can stop the work."""

    def __init__(self, stop_at: float = 2.0) -> None:
        self.stop_at, self.seen = stop_at, [0.0]

    def __call__(self, fraction: float, message: str) -> None:
        self.seen.append(fraction)
        if fraction >= self.stop_at:
            raise Cancelled("stopped")

    def check(self) -> None:
        assert len(self.seen) > 2
        assert all(before <= after for before, after in zip(self.seen, self.seen[1:], strict=False))
        assert self.seen[-1] == pytest.approx(1.0)


# --- what every result keeps ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("sample_rate", "channels"), SHAPES)
def test_rate_channels_length_and_loudness_stay(sample_rate: int, channels: int) -> None:
    content = tune(sample_rate, sample_rate + 137, channels)
    check_shape(content, TRANSPORT.stylize(content, worn()))


@pytest.mark.parametrize(
    ("sample_rate", "channels", "frames"),
    [(8_000, 1, 1), (8_000, 2, 100), (44_100, 2, 1), (44_100, 2, 5000), (192_000, 1, 3)],
)
def test_a_content_may_be_as_short_as_one_sample(sample_rate: int, channels: int, frames: int) -> None:
    content = Audio(np.full((channels, 1), 0.1), sample_rate)
    if frames > 1:
        content = tune(sample_rate, frames, channels, peak=0.05)
    check_shape(content, TRANSPORT.stylize(content, worn()))


@pytest.mark.parametrize("style_rate", [8_000, 96_000])
def test_the_style_may_have_another_rate_and_more_channels(style_rate: int) -> None:
    content = tune(22_050, 40_000)
    style = worn(style_rate)
    check_shape(content, TRANSPORT.stylize(content, style))
    twice = style.with_samples(np.repeat(style.samples, 2, axis=0))
    assert residual(TRANSPORT.stylize(content, style), TRANSPORT.stylize(content, twice)) < -60


@pytest.mark.parametrize("era", ["1930s", "1980s"])
def test_an_era_keeps_them_too(era: str, stereo_song: Audio) -> None:
    check_shape(stereo_song, StyleTransfer().stylize(stereo_song, era))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"noise": 0.0},
        {"resynthesis": "griffinlim"},
        {"resynthesis": "random"},
        {"method": "gram", "gram": GramTransfer(steps=2, n_features=64)},
    ],
    ids=["plain", "noise", "griffinlim", "random", "gram"],
)
def test_the_same_input_and_seed_give_the_same_samples(settings: dict[str, object]) -> None:
    content, style = tune(11_025, 15_000, 2), worn()
    transfer = StyleTransfer(**{"method": "transport", "seed": 3} | settings)
    first, second = (transfer.stylize(content, style) for _ in range(2))
    np.testing.assert_array_equal(first.samples, second.samples)


def test_files_give_the_same_bytes_and_what_stylize_gives(tmp_path: Path) -> None:
    content = tune(22_050, 33_000, 2)
    content.save(tmp_path / "song.wav", 32)
    worn().save(tmp_path / "style.wav", 32)
    outputs = [tmp_path / "a.flac", tmp_path / "b.flac"]
    for output in outputs:
        transfer = TRANSPORT.stylize_file(tmp_path / "song.wav", tmp_path / "style.wav", output)
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    in_memory = TRANSPORT.stylize(AudioFile(tmp_path / "song.wav"), str(tmp_path / "style.wav"))
    assert residual(in_memory, load(outputs[0])) < -80
    assert (transfer.output, transfer.method) == (outputs[1], "transport")
    assert transfer.seconds > 0
    assert transfer.realtime_factor == pytest.approx(content.duration / transfer.seconds)
    assert transfer.loudness_change_lu == pytest.approx(load(outputs[1]).loudness - content.loudness, abs=0.05)


def test_songs_and_styles_are_never_overwritten_and_other_files_only_on_request(tmp_path: Path) -> None:
    song = tune(8_000, 8_000).save(tmp_path / "song.wav")
    (tmp_path / "records").mkdir()
    record = worn(8_000).save(tmp_path / "records/record.wav")
    before = {path: path.read_bytes() for path in (song, record)}
    (tmp_path / "link.wav").symlink_to(song)
    (tmp_path / "hard.wav").hardlink_to(record)
    for style, output in ((record, song), (str(record), tmp_path / "link.wav"), (str(record.parent), "hard.wav")):
        with pytest.raises(OutputError, match="is an input"):
            StyleTransfer().stylize_file(song, style, tmp_path / output, overwrite=True)
    taken = tmp_path / "taken.wav"
    taken.write_bytes(b"older")
    before[taken] = b"older"
    with pytest.raises(OutputError, match="is there already"):
        StyleTransfer().stylize_file(song, "1930s", taken)
    with pytest.raises(OutputError, match="is there already"):
        load(song).save(taken)
    assert {path: path.read_bytes() for path in before} == before
    StyleTransfer().stylize_file(song, "1930s", taken, overwrite=True)
    assert load(taken).frames == 8_000


# --- strength ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["1930s", "recording"])
@pytest.mark.parametrize("peak", [0.2, 1.0])
def test_strength_0_gives_the_content_back(style: str, peak: float) -> None:
    content = tune(44_100, 66_150, 2, peak=peak)
    output = TRANSPORT.stylize(content, worn() if style == "recording" else style, strength=0)
    assert residual(content, output) < -60


def test_a_little_strength_changes_a_little(ragtime: Audio, strings: Audio) -> None:
    output = StyleTransfer("transport", strength=0.01).stylize(strings, ragtime)
    assert -60 < residual(strings, output) < -20


def test_more_strength_brings_the_song_closer_to_the_style(
    strings: Audio, ragtime: Audio, profiles: tuple[Profile, Profile], restyled: Profile
) -> None:
    content, style = profiles
    target = style.frame_moments()

    def moment_distance(recording: Profile) -> float:
        """Distance of second moments: the style distance without the network."""
        return float(np.square(recording.frame_moments() - target).sum())

    outputs = [Profile(TRANSPORT.stylize(strings, ragtime, strength)) for strength in (0.3, 0.6)]
    outputs.append(restyled)
    distances = [moment_distance(each) for each in (content, *outputs)]
    assert distances == sorted(distances, reverse=True)
    gains = [0.0, *(envelope_gain(content, style, each) for each in outputs)]
    assert gains == sorted(gains)
    assert gains[1] > 0.1


@pytest.mark.parametrize("strength", [-0.1, 1.5, np.nan, np.inf])
def test_a_strength_out_of_range_says_so(strength: float) -> None:
    with pytest.raises(StyleError, match="between 0 and 1"):
        StyleTransfer(strength=strength)
    with pytest.raises(StyleError, match="between 0 and 1"):
        StyleTransfer().stylize(tune(8_000, 8_000), "1930s", strength=strength)


# --- how far it gets on real music -----------------------------------------------------------------------------


def test_strings_take_on_a_piano_and_stay_the_piece(profiles: tuple[Profile, Profile], restyled: Profile) -> None:
    content, style = profiles
    check_shape(content.audio, restyled.audio)
    # measured: 0.95
    assert style_gain(content, style, restyled) > 0.92
    # 0.98
    assert envelope_gain(content, style, restyled) > 0.95
    # 0.965
    assert chroma_cosine(content, restyled) > 0.94
    # 0.86
    assert onset_f1(content, restyled) > 0.80


def test_a_song_takes_on_strings_and_stays_the_song(song: Audio, strings: Audio) -> None:
    content, style = Profile(song), Profile(strings)
    output = TRANSPORT.stylize(song, strings)
    check_shape(song, output)
    result = Profile(output)
    # measured: 0.97
    assert envelope_gain(content, style, result) > 0.94
    # 0.975
    assert chroma_cosine(content, result) > 0.95
    # 0.99
    assert onset_f1(content, result) > 0.94


# --- stereo ------------------------------------------------------------------------------------------------------


def test_what_was_panned_stays_panned() -> None:
    left, right = (tune(22_050, 33_000, seed=seed).samples[0] for seed in (1, 2))
    content = Audio(np.stack([left + 0.1 * right, 0.3 * left]), 22_050)
    output = WITHOUT_NOISE.stylize(content, worn())
    check_shape(content, output)
    balance = [decibels(float(np.std(each.samples[0]) / np.std(each.samples[1]))) for each in (content, output)]
    assert balance[1] == pytest.approx(balance[0], abs=1.0)


@pytest.mark.parametrize("silent_channel", [0, 1])
def test_a_silent_channel_stays_silent(silent_channel: int) -> None:
    content = tune(22_050, 33_000, 2)
    content.samples[silent_channel] = 0
    output = WITHOUT_NOISE.stylize(content, worn())
    check_shape(content, output)
    assert np.abs(output.samples[silent_channel]).max() == 0


def test_two_equal_channels_stay_equal_and_sound_like_one() -> None:
    content = tune(22_050, 30_000)
    both = WITHOUT_NOISE.stylize(content.with_samples(np.repeat(content.samples, 2, axis=0)), worn())
    np.testing.assert_array_equal(both.samples[0], both.samples[1])
    one = WITHOUT_NOISE.stylize(content, worn())
    level = np.std(one.samples) / np.std(both.samples)
    assert residual(one, one.with_samples(level * both.samples[:1])) < -50


def test_channels_that_cancel_each_other_do_not_blow_up(stereo_song: Audio) -> None:
    middle = stereo_song.mono().samples
    content = stereo_song.with_samples(np.concatenate([middle, -middle]))
    output = WITHOUT_NOISE.stylize(content, worn())
    check_shape(content, output, loudness=1.0)
    np.testing.assert_allclose(output.samples[0], -output.samples[1], atol=1e-5)
    alone = WITHOUT_NOISE.stylize(stereo_song.with_samples(middle), worn())
    crests = [each.peak / np.std(each.samples) for each in (alone, output)]
    assert crests[1] < 2 * crests[0]


def test_delay_and_polarity_of_a_channel_do_not_change_the_reference() -> None:
    rng = np.random.default_rng(0)
    one = (rng.standard_normal((1, 5, 9)) + 1j * rng.standard_normal((1, 5, 9))).astype(np.complex64)
    np.testing.assert_array_equal(reference_magnitude(one), np.abs(one[0]))
    for turn in (1, -1, 1j):
        both = np.concatenate([one, np.complex64(turn) * one])
        np.testing.assert_allclose(reference_magnitude(both), np.abs(one[0]), rtol=1e-5)


# --- styles and methods by name ------------------------------------------------------------------------------------


def test_an_era_is_a_medium_by_default_and_a_style_on_request(tmp_path: Path) -> None:
    path = tune(22_050, 44_100).save(tmp_path / "song.wav")
    results = {}
    for method in (None, "era", "transport"):
        transfer = StyleTransfer(method=method).stylize_file(path, "1930s", tmp_path / "out.wav", overwrite=True)
        results[method] = transfer.method, load(tmp_path / "out.wav").samples
    assert [results[method][0] for method in (None, "era", "transport")] == ["era", "era", "transport"]
    np.testing.assert_array_equal(results[None][1], results["era"][1])
    assert not np.array_equal(results["era"][1], results["transport"][1])


def test_an_era_object_and_its_name_are_one() -> None:
    content = tune(22_050, 22_050)
    by_name, by_object = (StyleTransfer().stylize(content, era) for era in ("1950s", ERAS["1950s"]))
    np.testing.assert_array_equal(by_name.samples, by_object.samples)


def test_an_unknown_era_lists_those_there_are() -> None:
    with pytest.raises(StyleError) as caught:
        StyleTransfer().stylize(tune(8_000, 8_000), "1830s")
    assert all(name in str(caught.value) for name in ERAS)


def test_a_style_that_is_not_there_is_named(tmp_path: Path) -> None:
    for missing in ("no/such/style.wav", tmp_path / "style", tmp_path / "style.flac"):
        with pytest.raises(AudioError, match=Path(missing).name):
            StyleTransfer().stylize(tune(8_000, 8_000), missing)


def test_method_era_with_a_recording_says_what_to_do() -> None:
    with pytest.raises(StyleError, match="use medium for a recording"):
        StyleTransfer(method="era").stylize(tune(8_000, 8_000), worn())


@pytest.mark.parametrize("method", [None, "gram"])
def test_silence_is_neither_content_nor_style(method: str | None) -> None:
    silence = Audio(np.zeros((1, 16_000)), 8_000, name="nothing")
    for content, style in ((silence, worn()), (tune(8_000, 8_000), silence), (silence, "1930s")):
        with pytest.raises(AudioError, match="nothing is silent"):
            StyleTransfer(method=method).stylize(content, style)


def test_a_style_of_a_tenth_of_a_second_is_too_short() -> None:
    with pytest.raises(StyleError, match="longer style"):
        TRANSPORT.stylize(tune(8_000, 8_000), worn(seconds=0.1))


@pytest.mark.parametrize("wrong", [None, 42, np.zeros(8000)])
def test_what_is_no_recording_is_refused(wrong: object) -> None:
    for content, style in ((wrong, worn()), (tune(8_000, 8_000), wrong)):
        with pytest.raises(StyleError, match="give Audio or a path"):
            TRANSPORT.stylize(content, style)


@pytest.mark.parametrize(
    "setting",
    [{"method": "magic"}, {"resynthesis": "none"}, {"noise": -1.0}, {"noise": np.nan}, {"noise": np.inf}, {"seed": -1}],
    ids=str,
)
def test_a_setting_that_does_not_exist_is_refused_at_once(setting: dict[str, object]) -> None:
    with pytest.raises(StyleError, match=next(iter(setting))):
        StyleTransfer(**setting)


def test_an_output_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    path = tune(8_000, 8_000).save(tmp_path / "song.wav")
    steps = Steps()
    for output in ("out.xyz", "missing/out.wav"):
        with pytest.raises(OutputError):
            TRANSPORT.stylize_file(path, worn(), tmp_path / output, progress=steps)
    assert steps.seen == [0.0]
    assert list(tmp_path.iterdir()) == [path]


# --- other ways: the descent, other phases, the style's noise ---------------------------------------------------------


def test_the_studys_descent_gets_closer_to_the_style(song: Audio, ragtime: Audio) -> None:
    content = song.slice(0, 3)
    settings = GramTransfer(steps=3, n_features=256)
    output = StyleTransfer(method="gram", gram=settings).stylize(content, ragtime)
    check_shape(content, output)
    target = Profile(ragtime).frame_moments()
    before, after = (float(np.square(Profile(each).frame_moments() - target).sum()) for each in (content, output))
    assert after < before

    def spectrogram(audio: Audio) -> NDArray[np.float32]:
        return np.log1p(30 * np.abs(np.concatenate(list(stft(audio.blocks(), 2048)), axis=1)[0])).T

    losses = settings.run(spectrogram(content), spectrogram(ragtime)).losses
    assert len(losses) == 4
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("resynthesis", ["content", "griffinlim", "random"])
def test_whatever_the_phase_length_and_level_stay(resynthesis: str, song: Audio, ragtime: Audio) -> None:
    content = song.slice(0, 3)
    check_shape(content, StyleTransfer("transport", resynthesis=resynthesis).stylize(content, ragtime))


def test_another_seed_gives_another_random_phase() -> None:
    content = tune(8_000, 8_000)
    first, second = (
        StyleTransfer("transport", resynthesis="random", seed=seed).stylize(content, worn()).samples for seed in (1, 2)
    )
    assert not np.allclose(first, second, atol=1e-3)


def inconsistency(spectrum: NDArray[np.complex64], magnitude: NDArray[np.float32], frames: int) -> float:
    """Error of the rendered signal's magnitudes relative to those that were asked for."""
    signal = np.concatenate(list(istft([spectrum], 2048, frames)), axis=1)
    rendered = np.abs(np.concatenate(list(stft([signal], 2048)), axis=1))
    return float(np.linalg.norm(rendered - magnitude) / np.linalg.norm(magnitude))


def test_griffin_lim_makes_magnitudes_consistent(song: Audio, ragtime: Audio) -> None:
    content = song.slice(0, 3)
    spectrum = np.concatenate(list(stft(content.blocks(), 2048)), axis=1)
    other = np.concatenate(list(stft(ragtime.slice(0, 3).blocks(), 2048)), axis=1)
    wanted = np.abs(spectrum) * np.minimum(np.abs(other) / (np.abs(spectrum) + 1e-3), 3.0).astype(np.float32)
    results = {method: resynthesise(wanted, spectrum, method, seed=0) for method in ("content", "griffinlim", "random")}
    for result in results.values():
        assert result.dtype == np.complex64
        np.testing.assert_allclose(np.abs(result), wanted, rtol=1e-3, atol=1e-4)
    missed = {method: inconsistency(result, wanted, content.frames) for method, result in results.items()}
    assert missed["griffinlim"] < 0.8 * missed["content"]
    start = np.exp(1j * np.random.default_rng(0).uniform(-np.pi, np.pi, wanted.shape)).astype(np.complex64)
    assert missed["random"] < 0.6 * inconsistency(wanted * start, wanted, content.frames)


def test_griffin_lim_leaves_a_consistent_spectrogram_alone(song: Audio) -> None:
    spectrum = np.concatenate(list(stft([song.samples[:, : 80 * 512]], 2048)), axis=1)
    magnitude = np.abs(spectrum)
    phase = spectrum / np.maximum(magnitude, 1e-12)
    result = griffin_lim(magnitude, phase, 4)
    assert np.linalg.norm(result - spectrum) < 1e-2 * np.linalg.norm(spectrum)


def test_a_silent_gap_stays_silent_unless_the_styles_noise_is_wanted() -> None:
    content = tune(22_050, 66_150)
    content.samples[:, 22_050:44_100] = 0
    gap = slice(22_050 + 3000, 44_100 - 3000)
    style = worn(noise=0.02)
    quiet, noisy = (StyleTransfer("transport", noise=noise).stylize(content, style).samples[0] for noise in (0.0, 1.0))
    assert np.abs(quiet[gap]).max() < 1e-6
    assert np.std(noisy[gap]) > 3e-4
    more = StyleTransfer("transport", noise=2.0).stylize(content, style).samples[0]
    ratio = np.std(more[gap]) / np.std(noisy[gap]) * np.std(noisy[:20_000]) / np.std(more[:20_000])
    assert 1.3 < ratio < 2.2


# --- progress and stopping ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "style"), [(None, "1930s"), ("transport", "1930s"), (None, "recording")])
def test_progress_rises_to_the_end(tmp_path: Path, method: str | None, style: str) -> None:
    path = tune(8_000, 16_000).save(tmp_path / "song.wav")
    transfer = StyleTransfer(method=method, gram=GramTransfer(steps=3, n_features=32))
    given = worn() if style == "recording" else style
    for run in (
        lambda steps: transfer.stylize_file(path, given, tmp_path / "out.wav", progress=steps),
        lambda steps: transfer.stylize(path, given, progress=steps),
    ):
        steps = Steps()
        run(steps)
        steps.check()


def test_progress_of_the_descent_rises_over_chunks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrotone.dsp.stft.CHUNK_FRAMES", 60)
    steps = Steps()
    transfer = StyleTransfer(method="gram", gram=GramTransfer(steps=3, n_features=32))
    transfer.stylize(tune(8_000, 40_000), worn(8_000), progress=steps)
    steps.check()


@pytest.mark.parametrize(
    ("style", "stop_at"), [("recording", 0.1), ("recording", 0.5), ("recording", 0.95), ("1930s", 0.3), ("1930s", 0.95)]
)
def test_stopping_leaves_neither_the_output_nor_a_trace(tmp_path: Path, style: str, stop_at: float) -> None:
    path = tune(22_050, 22_050).save(tmp_path / "song.wav")
    stop: Progress = Steps(stop_at)
    with pytest.raises(Cancelled):
        TRANSPORT.stylize_file(path, worn() if style == "recording" else style, tmp_path / "out.wav", progress=stop)
    assert list(tmp_path.iterdir()) == [path]


def test_a_held_chord_stays_a_held_chord() -> None:
    """It varies next to nothing, so that its edges and ripples could take the map over: near silence between bursts."""
    time = np.arange(5 * 44_100) / 44_100
    chord = sum(0.05 * np.sin(2 * np.pi * hz * time) for hz in (220.0, 277.2, 329.6, 440.0, 554.4))
    output = TRANSPORT.stylize(Audio(chord, 44_100), worn()).samples[0]
    levels = 10 * np.log10(np.square(output).reshape(50, -1).mean(axis=1))
    assert np.ptp(levels) < 12
    assert np.ptp(levels[5:-5]) < 8
