"""``retrotone genre predict`` and ``evaluate``: what they print, what they draw, and what they say of bad input."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from retrotone.audio.audio import Audio, load
from retrotone.cli.main import run
from retrotone.genre.datasets import GTZAN_GENRES, gtzan_index

Capture = pytest.CaptureFixture[str]

RATE = 22_050
HUNGARIAN_DANCE = "Hungarian_Dance_number_5_-_Allegro_in_F_sharp_minor_(string_orchestra).ogg"
DOG = "pibble.ogg"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: str | Path, seconds: float = 3.2, pitch: float = 0.0, seed: int = 0) -> None:
    """Write noise, or hum of a pitch with some."""
    rng, times = np.random.default_rng(seed), np.arange(round(seconds * RATE)) / RATE
    sound = 0.1 * rng.standard_normal(len(times))
    if pitch:
        sound = 0.1 * sound + sum(np.sin(2 * np.pi * pitch * k * times) / (8 * k) for k in range(1, 6))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, RATE)


@pytest.fixture(scope="module")
def dance(shared_music: Path) -> Audio:
    """Ten seconds of a Hungarian dance."""
    return load(shared_music / HUNGARIAN_DANCE, 20).slice(10)


@pytest.fixture
def dance_file(dance: Audio, folder: Path) -> str:
    """The dance, as a file."""
    return dance.save("dance.flac").name


def test_a_dance_and_a_dog_as_json(dance_file: str, shared_music: Path, capsys: Capture) -> None:
    assert run(["genre", "predict", "--json", dance_file, str(shared_music / DOG)]) == 0
    dance, dog = map(json.loads, capsys.readouterr().out.splitlines())
    assert list(dance) == ["file", "genre", "confidence", "sure", "probabilities", "plot", "damage"]
    assert (dance["file"], dance["genre"], dance["sure"]) == (dance_file, "classical", True)
    assert tuple(dance["probabilities"]) == GTZAN_GENRES
    assert dance["confidence"] == max(dance["probabilities"].values())
    assert sum(dance["probabilities"].values()) == pytest.approx(1)
    assert not dog["sure"]


def test_a_sentence_and_a_picture_each(dance_file: str, capsys: Capture) -> None:
    write("noise.wav")
    assert run(["genre", "predict", "--plot", dance_file, "noise.wav"]) == 0
    dance, noise = capsys.readouterr().out.splitlines()
    assert dance.startswith(f"{dance_file}: classical 0.")
    assert noise.startswith("noise.wav: not sure, it does not sound like")
    for name in ("dance-genre.png", "noise-genre.png"):
        assert Path(name).read_bytes().startswith(b"\x89PNG")


def _drawn(excerpts: tuple[float, ...], patches: int, hop: float, duration: float) -> tuple[np.ndarray, ...]:
    """Return the middle of each second of a picture of evidence, and whether something is drawn there."""
    from retrotone.figures.genre import evidence_figure
    from retrotone.genre.classifier import Answer

    times = np.concatenate([start + np.arange(patches) * hop for start in excerpts]).astype(np.float32)
    timeline = np.tile([0.25, 0.75], (len(times), 1))
    answer = Answer("rock", 0.75, True, "", {"jazz": 0.25, "rock": 0.75}, 0.5, times, timeline)
    axes, shares = evidence_figure(answer, "song", duration).axes
    assert shares.get_xticklabels()[-1].get_text() == "100%"
    assert axes.get_xlim() == (0, duration)
    shaded = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches]
    cells = [path.get_extents() for path in axes.collections[0].get_paths()]
    seconds = np.arange(duration) + 0.5
    drawn = np.array([any(cell.x0 <= second < cell.x1 for cell in cells) for second in seconds])
    # what was not analysed is shaded
    assert shaded
    assert not drawn[[any(low <= second < high for low, high in shaded) for second in seconds]].any()
    return seconds, drawn


@pytest.mark.parametrize(("patches", "hop"), [(28, 0.992), (6, 4.992)])
def test_the_picture_of_a_long_song_has_gaps_where_nothing_was_analysed(patches: int, hop: float) -> None:
    seconds, drawn = _drawn((25.0, 105.0, 185.0), patches, hop, 240.0)
    assert drawn[(seconds > 27) & (seconds < 52)].all()
    assert not drawn[(seconds > 57) & (seconds < 103)].any()


def test_the_picture_of_a_song_analysed_from_end_to_end_has_none() -> None:
    _, drawn = _drawn((0.0, 22.5), 4, 4.992, 45.0)
    assert drawn[:40].all()


def test_one_bad_file_is_one_line_and_among_others_does_not_stop_them(folder: Path, capsys: Capture) -> None:
    write("good.wav", 1.0)
    Path("text.wav").write_text("no sound\n" * 50)
    Path("cut.wav").write_bytes(Path("good.wav").read_bytes()[:20])
    soundfile.write("nan.wav", np.full(RATE, np.nan), RATE, subtype="FLOAT")
    Path("empty").mkdir()
    for name in ("text.wav", "cut.wav", "nan.wav", "empty", "missing.wav"):
        assert run(["genre", "predict", name]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert name in err
    assert run(["genre", "predict", "text.wav", "good.wav", "nan.wav"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("good.wav: ")
    assert out.count("\n") == 1
    assert [line.split()[1] for line in err.splitlines()] == ["text.wav", "nan.wav", "2"]
    assert run(["genre", "predict", "text.wav", "nan.wav"]) == 2
    assert "2 of 2 songs failed" in capsys.readouterr().err
    assert run(["genre", "predict", "--plot", "good.wav", "other/good.wav"]) == 2
    assert "would both become good-genre" in capsys.readouterr().err


def test_own_genres_are_learned_with_artists_apart_and_with_artists_leaking(folder: Path, capsys: Capture) -> None:
    for genre, base in (("hum", 60), ("whistle", 900)):
        for artist in range(3):
            for track in range(2):
                write(f"music/{genre}/{artist}/{track}.wav", 1.0, base * (1 + artist / 9), track)
    assert run(["genre", "evaluate", "music"]) == 0
    out = capsys.readouterr().out
    apart, leaking = (next(line for line in out.splitlines() if word in line) for word in ("artists apart", "leak"))
    assert " 12 " in apart
    assert "100.0%" in apart
    assert "inflated" in leaking
    # hum is none of the bundled classifier's ten genres
    assert "bundled" not in out
    confusion = [line.split() for line in out.splitlines() if line.split()[:1] in (["hum"], ["whistle"])]
    assert ["hum", "6"] in confusion


def test_a_part_of_gtzan_is_scored_by_the_bundled_classifier(shared_music: Path, folder: Path, capsys: Capture) -> None:
    audio = shared_music.parent / "gtzan" / "audio"
    if not audio.is_dir():
        pytest.skip(f"needs {audio}, which is not part of the repository")
    # of the validation tracks, from which it has learned
    for name in ("classical.00000", "classical.00001", "metal.00000", "metal.00001"):
        link = folder / "gtzan" / name.split(".")[0] / f"{name}.ogg"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(audio / name.split(".")[0] / link.name)
    for name in (entry.track.name for entry in gtzan_index().values() if entry.split == "train"):
        if not (genre := folder / "gtzan" / name.split(".")[0]).exists():
            write(genre / f"{name}.wav", 30.0)
    (folder / "gtzan" / "jazz" / "jazz.00054.wav").write_bytes(b"RIFF")
    assert run(["genre", "evaluate", "gtzan", "--split", "valid"]) == 0
    out, err = capsys.readouterr()
    assert re.search(r"bundled, has learned from some of these +4 +100\.0%", out)
    assert "jazz.00054.wav is corrupt" in err
    assert run(["genre", "evaluate", "gtzan", "--split", "test"]) == 2
    assert "holds no clip of GTZAN's test split" in capsys.readouterr().err
    assert run(["genre", "evaluate", "gtzan", "--split", "best"]) == 2
    assert "no split best" in capsys.readouterr().err


def test_folders_that_cannot_be_judged_are_one_line(folder: Path, capsys: Capture) -> None:
    Path("empty").mkdir()
    for genre in (*GTZAN_GENRES, "soul"):
        write(f"eleven/{genre}/{genre}.00000.wav", 1.0)
    for genre in ("hum", "ring"):
        for name in ("one", "two"):
            write(f"pairs/{genre}/{name}.wav", 1.0)
    write("single/hum/one.wav", 1.0)
    for name, arguments in (
        ("empty holds no recordings", ["empty"]),
        ("missing is no folder", ["missing"]),
        ("soul is none of GTZAN's ten", ["eleven"]),
        ("soul is none of GTZAN's ten", ["eleven", "--split", "train"]),
        ("single/hum holds 1 track", ["single"]),
        ("too few to learn from and test on", ["pairs"]),
    ):
        assert run(["genre", "evaluate", *arguments]) == 2
        out, err = capsys.readouterr()
        assert name in err
        assert (out, err.count("\n")) == ("", 1)


@pytest.fixture(scope="module")
def training(made_music: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Folder that holds the classifier ``mine``, and what its training printed."""
    folder = tmp_path_factory.mktemp("own")
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert run(["genre", "train", str(made_music), "-o", str(folder / "mine")]) == 0
    return folder, out.getvalue()


@pytest.fixture
def own_classifier(training: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder holds the classifier ``mine``."""
    monkeypatch.chdir(training[0])


def test_training_prints_its_accuracy_and_draws_its_figures(training: tuple[Path, str]) -> None:
    folder, out = training
    assert "of 4 validation tracks right (95 % interval" in out
    for picture in ("confusion", "reliability"):
        assert (folder / f"mine/{picture}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("own_classifier")
@pytest.mark.parametrize("model", ["mine", "mine/classifier.safetensors"])
def test_a_classifier_of_ones_own_predicts(model: str, made_music: Path, capsys: Capture) -> None:
    song = str(made_music / "organ" / "Ada.flac")
    assert run(["genre", "predict", "--json", "--model", model, song]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert tuple(answer["probabilities"]) == ("buzz", "melody", "organ", "pulse")
    assert answer["genre"] == "organ"


@pytest.mark.usefixtures("own_classifier")
def test_a_classifier_of_ones_own_is_evaluated(made_music: Path, capsys: Capture) -> None:
    assert run(["genre", "evaluate", "--json", "--model", "mine", str(made_music)]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["classifier"] == "taught on these, artists unknown"
    own = scores["others"]["mine, has learned from some of these"]
    assert own["tracks"] == np.sum(own["confusion"]) == 12
    assert own["interval"][0] < own["accuracy"] <= own["interval"][1]
    assert {"macro_f1", "calibration_error", "genres"} <= set(own)


@pytest.mark.usefixtures("own_classifier")
@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        ("train", ["--network", "m5", "-o", "mine"], "mine holds another classifier"),
        ("train", ["--epochs", "3"], "leave these options out"),
        ("train", ["--network", "lstm"], "choose among embedding, m5, crnn, transformer"),
        ("predict", ["--model", "nowhere"], "there is no nowhere"),
        ("evaluate", ["--model", "nowhere"], "there is no nowhere"),
    ],
)
def test_wrong_options_are_one_line(
    command: str, options: list[str], message: str, made_music: Path, capsys: Capture
) -> None:
    source = made_music / "organ" / "Ada.flac" if command == "predict" else made_music
    assert run(["genre", command, str(source), *options]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert (out, err.count("\n")) == ("", 1)


def test_one_artist_is_too_few_to_tell_a_genre_from_its_artist(folder: Path, capsys: Capture) -> None:
    for genre in ("hum", "whistle"):
        for track in range(2):
            write(f"music/{genre}/solo/{track}.wav", 1.0, 100)
    assert run(["genre", "evaluate", "music"]) == 2
    assert "add tracks by another artist" in capsys.readouterr().err
