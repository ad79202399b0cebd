"""Genre networks: they learn what holds for unseen artists, go on where they were stopped, say what is wrong."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import retrotone as rt
from retrotone.cli.main import run
from retrotone.errors import AudioError, Cancelled, GenreError, ModelError, RetrotoneError
from retrotone.figures.training import genre_training_figure
from retrotone.genre.clips import gather
from retrotone.genre.models import open_model
from retrotone.genre.networks import NETWORKS, load
from retrotone.genre.splits import sides
from retrotone.genre.training import Point, Recipe, Training, train

RATE = 8_000
GENRES = ("clicks", "noise", "tones")
RECIPE = Recipe(width=8, seconds=1.0, epochs=3, batch=8, learning_rate=5e-3)


def sound(genre: str, seed: int, seconds: float = 2.0) -> rt.Audio:
    """Each artist (seed) has a level, a pitch and a pace of their own."""
    rng, time = np.random.default_rng(seed), np.arange(round(seconds * RATE)) / RATE
    level, pitch, pace = rng.uniform(0.1, 0.5), rng.uniform(200, 1200), rng.uniform(4, 12)
    if genre == "noise":
        samples = rng.normal(size=len(time)) / 4
    elif genre == "tones":
        samples = np.sin(2 * np.pi * pitch * time)
    else:
        samples = (np.diff(np.floor(pace * time), prepend=0) > 0) * 1.0
    samples = level * samples + 0.001 * rng.normal(size=len(time))
    return rt.Audio(samples.astype(np.float32), RATE, genre)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three genres of five artists with two tracks each."""
    folder = tmp_path_factory.mktemp("music")
    for genre in GENRES:
        for artist in range(5):
            (folder / genre / f"artist {artist}").mkdir(parents=True)
            for track in range(2):
                audio = sound(genre, artist + 100 * track)
                audio.save(folder / genre / f"artist {artist}" / f"{artist}{track}.wav", bit_depth=16)
    return folder


def stop_at(text: str) -> rt.progress.Progress:
    def progress(fraction: float, message: str) -> None:
        if text in message:
            raise Cancelled("stopped")

    return progress


@pytest.mark.parametrize("network", NETWORKS)
def test_it_learns_what_holds_for_unseen_artists(network: str, music: Path, tmp_path: Path) -> None:
    width, epochs = {"m5": (16, 16), "crnn": (8, 6), "transformer": (16, 8)}[network]
    result = train(music, tmp_path / "work", replace(RECIPE, network=network, width=width, epochs=epochs))
    assert tuple(result.model.classes_) == GENRES
    assert result.probabilities.sum(axis=1) == pytest.approx(1)
    answers = np.array(GENRES)[result.probabilities.argmax(axis=1)]
    assert len(answers) == 6
    assert np.mean(answers == result.truth) >= 5 / 6

    saved = load(result.model.save(tmp_path / "model"))
    fresh = [sound(genre, seed, 2.5) for seed in (997, 998, 999) for genre in GENRES]
    found = saved.predict_proba(fresh)
    assert np.array_equal(found, result.model.predict_proba(fresh))
    assert np.mean(found.argmax(axis=1) == np.tile(np.arange(3), 3)) >= 6 / 9
    with pytest.raises(AudioError, match=r"is 0.1 s long: too short"):
        saved.predict_proba(fresh[1].slice(0, 0.1))


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not(music: Path, tmp_path: Path) -> None:
    # with dropout and masks, so that everything random is drawn
    recipe = replace(RECIPE, network="crnn", width=4)
    whole = train(music, tmp_path / "a", recipe, seeds=2)
    for stop in ("seed 0, epoch 2", "seed 1, epoch 3"):
        with pytest.raises(Cancelled):
            train(music, tmp_path / "b", recipe, seeds=2, progress=stop_at(stop))
    resumed = train(music, tmp_path / "b", seeds=2)
    for one, other in zip(whole.trainings, resumed.trainings, strict=True):
        assert len(one.history) == recipe.epochs
        assert one.history == other.history
    assert np.array_equal(whole.probabilities, resumed.probabilities)
    assert whole.trainings[0].history != whole.trainings[1].history


def test_the_weights_kept_are_those_of_the_lowest_validation_loss(music: Path, tmp_path: Path) -> None:
    kept: dict[int, dict[str, torch.Tensor]] = {}

    def note(trainings: list[Training]) -> None:
        state = trainings[0].network.state_dict()
        kept[len(trainings[0].history)] = {name: value.clone() for name, value in state.items()}

    recipe = replace(RECIPE, epochs=40, patience=2, learning_rate=0.05)
    training = train(music, tmp_path, recipe, saved=note).trainings[0]
    losses = [point.valid_loss for point in training.history]
    assert training.best == 1 + int(np.argmin(losses))
    assert len(losses) == training.best + recipe.patience < recipe.epochs
    weights = training.trained().networks[0].state_dict()
    assert all(torch.equal(value, kept[training.best][name]) for name, value in weights.items())


def test_nothing_of_a_validation_track_is_seen_in_training(music: Path, tmp_path: Path) -> None:
    learnt_from, checked_on = sides(music)
    artists = [{(track.genre, track.artist) for track in side} for side in (learnt_from, checked_on)]
    assert not artists[0] & artists[1]
    assert {track.genre for track in checked_on} == set(GENRES)
    # validation tracks hold another tone than the others, whatever level and mixture they come in
    for hertz, side in ((500, learnt_from), (1500, checked_on)):
        for track in side:
            assert track.path
            copy = tmp_path / track.path.relative_to(music)
            copy.parent.mkdir(parents=True, exist_ok=True)
            rt.Audio(0.3 * np.sin(2 * np.pi * hertz / RATE * np.arange(2 * RATE)), RATE).save(copy, bit_depth=16)
    learnt_from, checked_on = sides(tmp_path)
    clips = gather([*learnt_from, *checked_on], RATE, tmp_path)
    inside = clips.grid(range(len(learnt_from)), RATE)
    outside = clips.grid(range(len(learnt_from), len(clips.tracks)), RATE)
    training = Training(clips, inside, outside, RECIPE)
    for epoch in range(5):
        for waves, _ in training.batches(epoch):
            assert np.median(np.abs(np.fft.rfft(waves))[:, [500, 1500]] @ [-1, 100]) < 0
    assert (np.abs(np.fft.rfft(clips.cut(outside, RATE)))[:, [500, 1500]] @ [-100, 1] > 0).all()


def test_segments_lie_within_their_track(music: Path, tmp_path: Path) -> None:
    tracks = sides(music)[0]
    clips = gather(tracks, RATE, tmp_path)
    whole = rt.load(tracks[1].path or "").samples[0]
    positions = clips.grid([1], RATE // 2)
    assert np.allclose(clips.cut(positions, RATE // 2).ravel(), whole, atol=1e-4)
    assert np.allclose(clips.cut(np.array([[1, -50], [1, 10**6]]), RATE), [whole[:RATE], whole[-RATE:]], atol=1e-4)
    assert np.allclose(clips.cut(np.array([[1, 7]]), 3 * RATE)[0], np.resize(whole, 3 * RATE), atol=1e-4)


def test_bad_folders_give_one_clear_line(music: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def folder(name: str, *tracks: str) -> Path:
        for track in tracks:
            path = tmp_path / name / track
            path.parent.mkdir(parents=True, exist_ok=True)
            sound("noise", 0, 1.0).save(path)
        (tmp_path / name).mkdir(exist_ok=True)
        return tmp_path / name

    text = folder("text", "a/1.wav", "a/2.wav", "b/1.wav", "b/2.wav")
    (text / "b" / "2.wav").write_text("no sound")
    for recordings, error, words in (
        (tmp_path / "none", AudioError, "is no folder"),
        (folder("empty"), AudioError, "holds no recordings"),
        (folder("single", "a/1.wav", "a/2.wav", "b/1.wav"), GenreError, "holds 1 track"),
        (folder("alone", "a/1.wav", "a/2.wav"), GenreError, "two such genres"),
        (folder("one artist", "a/x/1.wav", "a/x/2.wav", "b/y/1.wav", "b/y/2.wav"), GenreError, "two artists"),
        (text, AudioError, "2.wav"),
    ):
        with pytest.raises(error, match=words) as caught:
            train(recordings, tmp_path / "work", RECIPE)
        assert "\n" not in str(caught.value)
        assert run(["genre", "train", str(recordings), "--network", "m5", "-o", str(tmp_path / "out")]) == 2
        assert capfd.readouterr().err.count("\n") == 1
        assert not (tmp_path / "work").exists()
        assert not (tmp_path / "out").exists()
    with pytest.raises(ModelError, match="choose among m5, crnn, transformer"):
        train(music, tmp_path / "work", Recipe(network="lstm"))


def test_a_training_is_not_mixed_with_another(music: Path, tmp_path: Path) -> None:
    train(music, tmp_path / "work", replace(RECIPE, epochs=1))
    other = tmp_path / "other"
    for genre in GENRES:
        for artist in range(2):
            (other / genre / str(artist)).mkdir(parents=True)
            sound(genre, artist).save(other / genre / str(artist) / "song.wav")
    with pytest.raises(GenreError, match="train anew"):
        train(other, tmp_path / "work")


def test_models_and_checkpoints_are_never_unpickled(music: Path, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "owned"),)

    model = train(music, tmp_path / "work", replace(RECIPE, epochs=1)).model.save(tmp_path / "model")
    for damaged in (tmp_path / "work" / "seed0.pt", model / "model.safetensors"):
        damaged.write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(ModelError, match="cannot be read"):
        train(music, tmp_path / "work")
    for folder in (model, tmp_path / "nowhere"):
        with pytest.raises(RetrotoneError, match="genre network"):
            load(folder)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "classifier.safetensors").write_bytes(pickle.dumps(Evil(), protocol=2))
    for path in (model, tmp_path / "mine", tmp_path / "work" / "seed0.pt"):
        with pytest.raises(ModelError, match="damaged"):
            open_model(path)
    assert not (tmp_path / "owned").exists()


def command(music: Path, out: Path) -> list[str]:
    return ["genre", "train", str(music), "--network", "m5", "-o", str(out), "--epochs", "1"]


@pytest.fixture(scope="module")
def trained(music: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A folder that the command has trained into (copy it to write to it), and what it printed."""
    folder, out, err = tmp_path_factory.mktemp("trained") / "model", io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        assert run(command(music, folder)) == 0
    return folder, out.getvalue(), err.getvalue()


def test_the_command_reports_and_draws_what_it_trained(trained: tuple[Path, str, str]) -> None:
    folder, out, err = trained
    assert err == ""
    assert "of 6 validation tracks right (95 % interval" in out
    for picture in ("curves", "confusion", "reliability"):
        assert (folder / f"{picture}.png").read_bytes().startswith(b"\x89PNG")
    assert tuple(load(folder).classes_) == GENRES


def test_the_command_resumes_only_what_was_begun_and_only_if_asked_to(
    music: Path, trained: tuple[Path, str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "model"
    assert run([*command(music, out), "--resume"]) == 2
    assert "start without --resume" in capfd.readouterr().err
    shutil.copytree(trained[0], out, dirs_exist_ok=True)
    assert run(command(music, out)) == 2
    assert "go on with --resume" in capfd.readouterr().err
    assert run([*command(music, out), "--resume", "--seeds", "2"]) == 0
    assert "seed 1: epoch 1 of 1" in capfd.readouterr().out
    assert len(load(out).networks) == 2


def test_a_trained_folder_predicts(
    music: Path, trained: tuple[Path, str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    [song] = (music / "noise" / "artist 4").glob("40.wav")
    silence = tmp_path / "silence.wav"
    rt.Audio(np.zeros(2 * RATE, np.float32), RATE).save(silence)
    assert run(["genre", "predict", "--json", "--model", str(trained[0]), str(song), str(silence)]) == 1
    output = capfd.readouterr()
    [answer] = map(json.loads, output.out.splitlines())
    assert list(answer["probabilities"].values()) == pytest.approx(load(trained[0]).predict_proba(song)[0])
    assert f"{silence} is silent" in output.err


def test_a_trained_folder_is_evaluated(
    music: Path, trained: tuple[Path, str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for genre in GENRES:
        for artist in range(2):
            link = tmp_path / "few" / genre / f"artist {artist}"
            link.mkdir(parents=True)
            (link / "new.wav").symlink_to(music / genre / link.name / f"{artist}0.wav")
    assert run(["genre", "evaluate", "--json", "--model", str(trained[0]), str(tmp_path / "few")]) == 0
    scores = json.loads(capfd.readouterr().out)
    assert (scores["classifier"], scores["tracks"], scores["genres"]) == (str(trained[0]), 6, list(GENRES))


def test_labels_smoothed_and_pairs_mixed_are_tempered_away(music: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, network="crnn", width=8, epochs=6, label_smoothing=0.4)
    result = train(music, tmp_path / "work", recipe)
    plain = result.trainings[0].validate()
    assert result.model.temperature < 1
    assert result.probabilities.max(axis=1).mean() > plain.max(axis=1).mean()
    assert (result.probabilities.argmax(axis=1) == plain.argmax(axis=1)).all()
    assert load(result.model.save(tmp_path / "model")).temperature == result.model.temperature


def test_the_curves_mark_the_epoch_whose_weights_are_kept() -> None:
    losses = (0.9, 0.4, 0.5, 0.7)
    history = [Point(epoch, 1 / epoch, loss, 0.5) for epoch, loss in enumerate(losses, start=1)]
    figure = genre_training_figure({"one": history, "two": history[:1]})
    for axes, (epoch, loss) in zip(figure.axes, ((2, 0.4), (1, 0.9)), strict=True):
        lines = {str(line.get_label()): line for line in axes.get_lines()}
        assert lines["weights kept"].get_xydata().tolist() == [[epoch, loss]]
        assert lines["validation"].get_ydata()[0] == 0.9
        assert lines["training"].get_ydata()[0] == 1.0
    # whole epochs, of the first one alone, too
    (first,) = genre_training_figure({"one": history[:1]}).axes
    assert all(tick == round(tick) for tick in first.get_xticks())
