"""The genre classifier: what it answers, when it doubts, and how its scores are counted."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from retrotone.audio.audio import Audio, load
from retrotone.errors import GenreError, ModelError
from retrotone.features.analysis import Analysis, analyse
from retrotone.genre.calibration import temperature
from retrotone.genre.classifier import GenreClassifier
from retrotone.genre.datasets import GTZAN_GENRES
from retrotone.genre.evaluation import calibration_error, cross_validate, evaluate, wilson_interval

RATE = 22_050
SUGAR_PLUM = "Kevin_MacLeod_-_P_I_Tchaikovsky_Dance_of_the_Sugar_Plum_Fairy.ogg"

HUNGARIAN_DANCE = "Hungarian_Dance_number_5_-_Allegro_in_F_sharp_minor_(string_orchestra).ogg"


@pytest.fixture(scope="module")
def bundled() -> GenreClassifier:
    return GenreClassifier.from_pretrained()


@pytest.fixture(scope="module")
def sugar_plum(shared_music: Path) -> Analysis:
    return analyse(shared_music / SUGAR_PLUM)


def made_up(genres: int = 3, tracks: int = 12, seed: int = 0) -> tuple[list[Analysis], list[str], list[str]]:
    """Tracks of genres that differ in two tags each and in columns, by artists of three tracks."""
    rng = np.random.default_rng(seed)
    analyses, names, artists = [], [], []
    for genre in range(genres):
        for track in range(tracks):
            odds = rng.normal(-2, 1, 50) + rng.normal(0, 1, (6, 50))
            odds[:, 2 * genre : 2 * genre + 2] += 4
            columns = rng.uniform(1, 2, 57)
            columns[20 + genre] += 1
            analyses.append(Analysis.from_arrays(taggram=1 / (1 + np.exp(-odds)), columns=columns))
            names.append(f"genre {genre}")
            artists.append(f"{genre} artist {track // 3}")
    return analyses, names, artists


def test_a_ballet_is_classical_and_sure_of_it(bundled: GenreClassifier, sugar_plum: Analysis) -> None:
    answer = bundled.answer(sugar_plum)
    assert (answer.genre, answer.sure, answer.doubt) == ("classical", True, "")
    assert tuple(answer.probabilities) == GTZAN_GENRES
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert answer.confidence == max(answer.probabilities.values())
    assert bundled.predict([sugar_plum]) == ["classical"]


def test_the_timeline_has_probabilities_for_every_patch(bundled: GenreClassifier, sugar_plum: Analysis) -> None:
    answer = bundled.answer(sugar_plum)
    assert answer.timeline is not None
    assert answer.times is not None
    assert answer.timeline.shape == (len(answer.times), 10)
    np.testing.assert_allclose(answer.timeline.sum(axis=1), 1)


def test_level_hardly_matters(bundled: GenreClassifier, shared_music: Path) -> None:
    audio = load(shared_music / HUNGARIAN_DANCE, 40).slice(10)
    quiet = audio.with_samples(audio.samples * np.float32(0.5))
    loud, soft = bundled.predict_proba([audio, quiet])
    assert loud.argmax() == soft.argmax()
    np.testing.assert_allclose(loud, soft, atol=0.15)


def test_a_transfer_far_too_low_or_too_loud_gets_the_same_answer(bundled: GenreClassifier, shared_music: Path) -> None:
    audio = load(shared_music / SUGAR_PLUM, 20).slice(10).with_loudness(-17)
    answers = bundled.predict_proba([audio, audio.with_loudness(-45), audio.with_loudness(-6)])
    np.testing.assert_allclose(answers[1:], answers[:1].repeat(2, axis=0), atol=0.01)


def test_what_is_no_music_is_not_sure(bundled: GenreClassifier, shared_music: Path) -> None:
    rng, seconds = np.random.default_rng(0), np.arange(10 * RATE) / RATE
    noise = Audio((0.1 * rng.standard_normal(10 * RATE)).astype(np.float32), RATE)
    tone = Audio((0.1 * np.sin(2 * np.pi * 440 * seconds)).astype(np.float32), RATE)
    doubts = [bundled.answer(what) for what in (noise, tone, shared_music / "pibble.ogg")]
    assert not any(answer.sure for answer in doubts)
    assert all(answer.doubt for answer in doubts)


def test_what_has_no_key_is_less_like_known_music(bundled: GenreClassifier, sugar_plum: Analysis) -> None:
    answer, keyless = (bundled.answer(replace(sugar_plum, pitch_classes=x)) for x in (None, np.ones(12)))
    assert answer.strangeness is not None
    assert keyless.strangeness is not None
    assert answer.strangeness < keyless.strangeness < 1
    assert (bundled.answer(sugar_plum).strangeness, keyless.sure) == (answer.strangeness, True)


def test_tags_that_no_track_of_the_genre_has_are_strange() -> None:
    analyses, genres, artists = made_up()
    classifier = GenreClassifier().fit(analyses, genres, artists)
    usual, other = made_up(seed=1)[0][0], np.random.default_rng(2).normal(-2, 1, 50)
    # those of genre 0, and many more
    other[:20] += 4
    strange = Analysis.from_arrays(taggram=1 / (1 + np.exp(-other[None])), columns=usual.columns)
    known, unknown = classifier.answer(usual), classifier.answer(strange)
    assert (known.genre, known.sure) == ("genre 0", True)
    assert (unknown.sure, unknown.doubt) == (False, "it does not sound like the music this classifier knows")


def test_parts_that_are_missing_are_done_without(bundled: GenreClassifier, sugar_plum: Analysis) -> None:
    tags = Analysis.from_arrays(taggram=sugar_plum.taggram)
    columns = Analysis.from_arrays(columns=sugar_plum.columns)
    both = bundled.predict_proba([sugar_plum, tags, columns])
    np.testing.assert_allclose(both.sum(axis=1), 1)
    assert not np.allclose(both[0], both[1])
    assert bundled.answer(columns).timeline is None
    assert bundled.answer(tags).strangeness is None
    with pytest.raises(GenreError, match="needs its taggram or its columns"):
        bundled.predict([Analysis.from_arrays(embedding=sugar_plum.embedding)])


def test_a_single_track_is_a_row_and_anything_else_is_refused(
    bundled: GenreClassifier, sugar_plum: Analysis, shared_music: Path
) -> None:
    expected = bundled.predict_proba([sugar_plum])
    assert expected.shape == (1, 10)
    for one in (sugar_plum, shared_music / SUGAR_PLUM, str(shared_music / SUGAR_PLUM)):
        np.testing.assert_allclose(bundled.predict_proba(one), expected)
    assert bundled.predict(sugar_plum).tolist() == ["classical"]
    assert bundled.predict_proba([]).shape == (0, 10)
    for wrong in ([[sugar_plum]], [None], 7, np.zeros((2, 3))):
        for method in (bundled.predict, bundled.predict_proba):
            with pytest.raises(GenreError, match="is no track: give an Analysis, an Audio or a path"):
                method(wrong)  # type: ignore[arg-type]
    with pytest.raises(GenreError, match="list is no track"):
        bundled.answer([sugar_plum])  # type: ignore[arg-type]


def test_a_temperature_undoes_what_made_answers_too_modest_or_too_bold() -> None:
    rng = np.random.default_rng(0)
    honest = rng.dirichlet(np.full(5, 0.3), 4000)
    truth = np.array([rng.choice(5, p=row) for row in honest])
    for wrong in (0.4, 2.5):
        assert temperature(wrong * np.log(honest + 1e-12), truth) == pytest.approx(wrong, rel=0.1)
    # two that are both right are no reason for certainty
    few = np.log([[0.6, 0.4], [0.4, 0.6]])
    sharp = np.exp(few[0] / temperature(few, np.array([0, 1])))
    assert 0.6 < sharp[0] / sharp.sum() < 0.9


def test_it_learns_genres_of_ones_own_and_remembers_them(tmp_path: Path) -> None:
    analyses, genres, artists = made_up()
    others, truth, _ = made_up(seed=1)
    classifier = GenreClassifier().fit(analyses, genres, artists)
    assert classifier.classes_.tolist() == ["genre 0", "genre 1", "genre 2"]
    assert (classifier.predict(others) == truth).mean() > 0.9
    classifier.save_pretrained(tmp_path / "mine")
    again = GenreClassifier.from_pretrained(tmp_path / "mine" / "classifier.safetensors")
    np.testing.assert_allclose(again.predict_proba(others), classifier.predict_proba(others), atol=1e-4)
    assert [again.answer(a).sure for a in others] == [classifier.answer(a).sure for a in others]


def test_a_few_tracks_that_are_all_right_do_not_make_it_certain() -> None:
    analyses, genres, _ = made_up(2)
    known, truth, _ = made_up(2, 40, seed=1)
    # of a genre it has not learned
    strangers = made_up(3, 40)[0][80:]
    classifier = GenreClassifier().fit(analyses, genres)
    assert classifier.score(known, truth) > 0.95
    assert 0.9 < classifier.predict_proba(known).max(axis=1).mean() < 0.99
    assert classifier.predict_proba(strangers).max(axis=1).mean() < 0.8


def test_learning_is_the_same_every_time() -> None:
    analyses, genres, artists = made_up()
    first, second = (GenreClassifier(seed=3).fit(analyses, genres, artists) for _ in range(2))
    np.testing.assert_array_equal(first.predict_proba(analyses), second.predict_proba(analyses))


def test_what_is_saved_is_the_same_on_every_machine(tmp_path: Path) -> None:
    analyses, genres, artists = made_up()
    classifier = GenreClassifier().fit(analyses, genres, artists)
    first = classifier.save_pretrained(tmp_path / "here").read_bytes()
    # as another library may round them
    for heads in classifier._sharpness:
        classifier._sharpness[heads] *= 1 + 1e-13
    assert classifier.save_pretrained(tmp_path / "there").read_bytes() == first


def test_scikit_learn_clones_judges_and_stores_it() -> None:
    import joblib
    from sklearn.base import clone, is_classifier
    from sklearn.exceptions import NotFittedError
    from sklearn.model_selection import GroupKFold, cross_val_predict, cross_val_score
    from sklearn.utils.validation import check_is_fitted

    analyses, genres, artists = made_up()
    classifier = GenreClassifier(seed=3)
    assert is_classifier(classifier)
    assert clone(classifier).get_params() == {"seed": 3}
    assert clone(classifier).set_params().set_params(seed=4).seed == 4
    with pytest.raises(GenreError, match="no parameter depth"):
        classifier.set_params(depth=2)
    with pytest.raises(NotFittedError):
        check_is_fitted(classifier)
    apart = {"groups": artists, "cv": GroupKFold(2)}
    scores = cross_val_score(classifier, analyses, genres, **apart)
    answers = cross_val_predict(classifier, analyses, genres, **apart)
    assert scores.mean() == pytest.approx((answers == np.array(genres)).mean())
    assert scores.mean() > 0.8
    check_is_fitted(classifier.fit(analyses, genres))
    stored = io.BytesIO()
    joblib.dump(classifier, stored)
    stored.seek(0)
    np.testing.assert_array_equal(joblib.load(stored).predict_proba(analyses), classifier.predict_proba(analyses))
    assert classifier.score(analyses, genres) == (classifier.predict(analyses) == genres).mean()
    with pytest.raises(GenreError, match="one genre a track"):
        classifier.score(analyses, genres[:-1])


def test_what_cannot_be_learned_is_one_clear_line(tmp_path: Path) -> None:
    analyses, genres, artists = made_up(2, 4)
    with pytest.raises(GenreError, match="two genres or more"):
        GenreClassifier().fit(analyses[:4], genres[:4])
    with pytest.raises(GenreError, match="two tracks or more"):
        GenreClassifier().fit(analyses[:5], genres[:5])
    with pytest.raises(GenreError, match="one of each a track"):
        GenreClassifier().fit(analyses, genres[:-1], artists)
    with pytest.raises(GenreError, match="learned nothing yet"):
        GenreClassifier().predict(analyses)
    mixed = [Analysis(columns=a.columns) if i % 2 else Analysis(taggram=a.taggram) for i, a in enumerate(analyses)]
    with pytest.raises(GenreError, match="nothing is known of all tracks"):
        GenreClassifier().fit(mixed, genres)
    with pytest.raises(ModelError, match=r"there is no .*classifier\.safetensors"):
        GenreClassifier.from_pretrained(tmp_path)
    (tmp_path / "classifier.safetensors").write_bytes(b"not a classifier")
    with pytest.raises(ModelError, match="damaged"):
        GenreClassifier.from_pretrained(tmp_path)


def test_genres_that_are_only_their_artists_are_recognised_only_by_a_leak() -> None:
    _, genres, artists = made_up(tracks=15)
    # every artist has tags of their own and the genres none
    rng = np.random.default_rng(5)
    signature = {artist: rng.normal(0, 4, 50) for artist in artists}
    odds = [signature[artist] + rng.normal(0, 1, (6, 50)) for artist in artists]
    own = [Analysis.from_arrays(taggram=1 / (1 + np.exp(-o))) for o in odds]
    order = sorted(set(genres))
    apart = evaluate(genres, cross_validate(own, genres, artists, k=5), order)
    leaking = evaluate(genres, cross_validate(own, genres, None, k=5), order)
    assert leaking.accuracy > apart.accuracy + 0.2


def test_scores_follow_their_textbook_definitions() -> None:
    truth = ["a", "a", "a", "b", "b", "c"]
    answers = [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.9, 0], [0.2, 0.6, 0.2], [0.5, 0.3, 0.2]]
    result = evaluate(truth, answers, ["a", "b", "c"])
    assert result.confusion.tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert result.accuracy == pytest.approx(4 / 6)
    assert result.macro_f1 == pytest.approx((2 / 3 + 4 / 5 + 0) / 3)
    # 85 right of 100: Wilson's interval, worked out by hand
    assert wilson_interval(85, 100) == pytest.approx((0.7672, 0.9069), abs=1e-4)
    assert wilson_interval(10, 10)[1] == pytest.approx(1)
    # two bins: 0.95 sure and right, 0.55 sure and half right
    assert calibration_error([0.95, 0.55, 0.55], [True, True, False]) == pytest.approx((0.05 + 2 * 0.05) / 3)
    with pytest.raises(GenreError, match="d: the classifier knows a, b, c"):
        evaluate(["d", *truth[1:]], answers, ["a", "b", "c"])
