"""Training a RAVE: it learns, it goes on where it was stopped, it says what is wrong."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from processes import in_a_fork

import retrotone as rt
from retrotone.cli.main import run
from retrotone.errors import AudioError, Cancelled, ModelError
from retrotone.rave.corpus import HELD_OUT, gather
from retrotone.rave.training import CHECKPOINT, Recipe, Training, train

Capture = pytest.CaptureFixture[str]

RATE = 22_050
RECIPE = Recipe(steps=6, batch=2, crop=8192, every=2)


def tune(seed: int, seconds: float = 2.0, rate: int = RATE) -> rt.Audio:
    """A few decaying notes with a little noise."""
    rng, time_axis = np.random.default_rng(seed), np.arange(round(seconds * rate)) / rate
    samples = 0.001 * rng.normal(size=len(time_axis))
    for start in np.arange(0, seconds, 0.25):
        since = np.clip(time_axis - start, 0, None)
        samples += 0.2 * np.sin(2 * np.pi * rng.uniform(100, 1500) * since) * np.exp(-8 * since) * (since > 0)
    return rt.Audio(samples[None].astype(np.float32), rate, f"tune {seed}")


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("songs") / "deeper"
    folder.mkdir()
    for seed in range(3):
        tune(seed, rate=(22_050, 44_100, 16_000)[seed]).save(folder / f"{seed}.flac", bit_depth=16)
    return folder.parent


def weights_of(training: Training) -> dict[str, torch.Tensor]:
    return training.average.state_dict()


def assert_same(a: Training, b: Training) -> None:
    assert [tuple(point)[:4] for point in a.history] == [tuple(point)[:4] for point in b.history]
    assert all(torch.equal(value, weights_of(b)[name]) for name, value in weights_of(a).items())


@pytest.fixture(scope="module")
def whole(songs: Path, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """A training that nothing interrupted."""
    return train(songs, tmp_path_factory.mktemp("whole"), recipe=RECIPE)


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not(songs: Path, whole: Training, tmp_path: Path) -> None:

    def stop(fraction: float, message: str) -> None:
        if "step 3" in message:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        train(songs, tmp_path, recipe=RECIPE, progress=stop)
    assert_same(whole, train(songs, tmp_path))
    assert whole.step == RECIPE.steps


def test_a_killed_training_loses_no_more_than_since_its_checkpoint(
    songs: Path, whole: Training, tmp_path: Path
) -> None:
    def die(fraction: float, message: str) -> None:
        if message.startswith("step 3"):
            os.kill(os.getpid(), signal.SIGKILL)

    child = in_a_fork(lambda: train(songs, tmp_path, recipe=RECIPE, progress=die))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    state = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    assert state["step"] >= 2
    assert_same(train(songs, tmp_path), whole)


def test_it_learns_to_answer_with_the_target(songs: Path, tmp_path: Path) -> None:
    softer = tmp_path / "softer" / "deeper"
    softer.mkdir(parents=True)
    for path in sorted((songs / "deeper").iterdir()):
        audio = rt.load(path)
        audio.with_samples(0.5 * audio.samples).save(softer / path.name, bit_depth=16)
    recipe = Recipe(steps=40, batch=2, crop=8192, every=10, learning_rate=4e-3)
    training = train(songs, tmp_path, softer.parent, recipe)
    assert training.history[-1].spectral < 0.85 * training.history[0].spectral


def test_discriminators_join_in_and_leave_the_encoder_alone(songs: Path, tmp_path: Path) -> None:
    early = train(songs, tmp_path, recipe=Recipe(steps=1, batch=2, crop=8192, every=1)).network.encoder
    encoder = [weights.clone() for weights in early.parameters()]
    other = tmp_path / "other"
    other.mkdir()
    recipe = Recipe(steps=3, batch=2, crop=8192, every=1, adversarial_from=1 / 3)
    judged = train(songs, other, recipe=recipe)
    # the first step, before the discriminators, moves it as far as in the short training up to the schedule
    assert all(
        torch.allclose(a, b, atol=1e-4) for a, b in zip(encoder, judged.network.encoder.parameters(), strict=True)
    )
    blank = Training(judged.corpus, recipe, judged.shape).discriminators.state_dict()
    assert any(not torch.equal(value, blank[name]) for name, value in judged.discriminators.state_dict().items())


def test_a_model_for_players_at_48_khz_learns_at_half_of_it(songs: Path, tmp_path: Path, capfd: Capture) -> None:
    model = tmp_path / "mine.ts"
    words = ["models", "train", str(songs), "-o", str(model), "--steps", "1", "--batch", "2", "--rate", "48000"]
    assert run(words) == 0
    assert gather(songs, None, tmp_path / "mine.training", RATE, 8192).sample_rate == 24_000
    info = rt.RaveModel.load(model).info
    assert (info.sample_rate, info.ratio) == (48_000, 1024)
    (tmp_path / "mine.training" / CHECKPOINT).unlink()
    capfd.readouterr()
    assert run([*words[:-2], "--overwrite"]) == 2
    assert "at 24000 Hz: delete it to begin anew" in capfd.readouterr().err


def test_recordings_are_held_out_whole(tmp_path: Path) -> None:
    folder = tmp_path / "songs"
    folder.mkdir()
    for number in range(HELD_OUT):
        # the last one is held out
        period = 50 if number == HELD_OUT - 1 else 20
        square = 0.2 * np.sign(np.sin(2 * np.pi * (np.arange(12_000) + 0.5) / period))[None].astype(np.float32)
        rt.Audio(square, RATE, "square").save(folder / f"{number:02}.wav", bit_depth=16)
    corpus = gather(folder, None, tmp_path, RATE, 8192)
    rng = np.random.default_rng(0)

    def turns(held_out: bool) -> list[int]:
        crops, _ = corpus.crops(30, 8192, rng, held_out)
        return [int((np.diff(np.sign(crop[0])) != 0).sum()) for crop in crops]

    assert min(turns(held_out=False)) > 2 * 8192 / 20 - 4
    assert max(turns(held_out=True)) < 2 * 8192 / 50 + 4


def test_what_cannot_be_used_is_left_out_and_named(songs: Path, tmp_path: Path) -> None:
    songs = shutil.copytree(songs, tmp_path / "songs")
    (songs / "broken.wav").write_bytes(b"no sound")
    tune(9, seconds=0.1).save(songs / "short.wav")
    (songs / "notes.txt").write_text("no song")
    corpus = gather(songs, None, tmp_path, RATE, 8192)
    assert sorted(corpus.skipped) == ["broken.wav", "short.wav"]
    assert corpus.hours == pytest.approx(6 / 3600, rel=0.01)


def test_other_recordings_are_not_mistaken_for_those_before(songs: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    gather(songs / "deeper", None, work, RATE, 8192)
    for recordings, targets in ((songs, None), (songs / "deeper", songs)):
        with pytest.raises(AudioError, match="holds other recordings"):
            gather(recordings, targets, work, RATE, 8192)
    (work / "corpus.json").write_text('{"names": []}')
    with pytest.raises(AudioError, match="damaged: delete"):
        gather(songs / "deeper", None, work, RATE, 8192)


def test_bad_folders_are_named(songs: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for recordings, targets in ((tmp_path / "none", None), (tmp_path / "empty", None), (songs, tmp_path / "empty")):
        with pytest.raises(AudioError, match=r"is no folder|holds no recording") as caught:
            train(recordings, tmp_path / "work", targets, RECIPE)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "work").exists()


def test_a_stop_while_recordings_are_read_leaves_nothing(songs: Path, tmp_path: Path) -> None:
    def stop(fraction: float, message: str) -> None:
        if fraction:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        gather(songs, None, tmp_path / "work", RATE, 8192, stop)
    assert not (tmp_path / "work").exists()


def test_a_checkpoint_is_never_unpickled(songs: Path, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "owned"),)

    gather(songs, None, tmp_path, RATE, 8192)
    (tmp_path / CHECKPOINT).write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ModelError, match="cannot be read"):
        train(songs, tmp_path, recipe=RECIPE)
    assert not (tmp_path / "owned").exists()
