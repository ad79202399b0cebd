"""Every network of `retrotone genre train` on GTZAN's split and on one that leaks, beside the study's M5."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tools.study_m5 import AUDIO, CURED, GENRES, STUDY, learn, tracks

from benchmarks.page import MissingDataError, Page, drawing, table
from retrotone.features.analysis import Analysis, analyse
from retrotone.figures.base import COLOURS
from retrotone.genre.classifier import GenreClassifier
from retrotone.genre.datasets import LabelledTrack, segments
from retrotone.genre.evaluation import Evaluation, evaluate
from retrotone.genre.training import by_track
from retrotone.utils.threads import one_thread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EMBEDDING, STUDY_M5 = "embedding", "the study's M5"
RECIPES = {  # as in docs/genre-study.md
    STUDY_M5: STUDY,
    "m5": CURED,
    "crnn": replace(CURED, network="crnn", epochs=15),
    "transformer": replace(CURED, network="transformer", epochs=15),
}
FEW_EPOCHS = 4  # of the short form, which trains the study's M5 alone
SLICE = 10.0  # s, of the embedding: a third of a clip, eight patches
WORKERS = 2


@dataclass(frozen=True)
class Verdict:
    """What a network scores with artists apart, and with slices of a track on both sides."""

    network: str
    epochs: int | None
    honest: Evaluation
    leaky: Evaluation


def measure_classification(long: bool) -> list[Verdict]:
    """Train each with both splits, on GTZAN's train and validation tracks; in the short form only the fastest."""
    if not AUDIO.is_dir():
        raise MissingDataError(f"GTZAN's audio would be in {AUDIO}")
    recipes = RECIPES if long else {STUDY_M5: replace(STUDY, epochs=FEW_EPOCHS)}
    verdicts = []
    with tempfile.TemporaryDirectory() as folder, one_thread():
        for name, recipe in recipes.items():
            honest, leaky = (
                evaluate(truth, said, training.genres)
                for training, truth, said in (learn(recipe, leaks, folder) for leaks in (False, True))
            )
            verdicts.append(Verdict(name, recipe.epochs, honest, leaky))
    return [*verdicts, _embedding()]


def page(verdicts: Sequence[Verdict]) -> Page:
    """Return the section."""
    rows = [
        [each.network, str(each.epochs or ""), *map(_share, (each.honest, each.leaky)), f"{_leak(each):+.1%}"]
        for each in verdicts
    ]
    rival = next(each for each in verdicts if each.network == STUDY_M5)
    if len(verdicts) > 2:
        claims = "".join(
            f"- {each.network}: **{each.honest.accuracy - rival.honest.accuracy:+.1%}** of the tracks beside "
            f"{STUDY_M5}, artists apart\n"
            for each in verdicts
            if each is not rival
        )
    else:
        claims = f"The short form trains {STUDY_M5} alone, for {FEW_EPOCHS} epochs: nothing to compare with.\n"
    return Page(
        f"""## Classification

{", ".join(GENRES)} of GTZAN. Artists apart: the published split, {rival.honest.tracks} validation tracks; its test
tracks are never touched. Leaky: the same slices, drawn at random, so that slices of one track lie on both sides, and
more tracks are asked for. A track's answer is the mean over its slices, which are of 3 s for the networks
and of {SLICE:g} s for the embedding. Wilson's 95 % intervals. The networks' best epoch is chosen on the tracks they are
scored on, which flatters them a little; nothing of the embedding is.

{table(["network", "epochs at most", "artists apart", "leaky", "the leak"], rows)}
{claims}
![accuracy, artists apart and leaky](classification.png)
""",
        {"classification": picture(verdicts)},
    )


def picture(verdicts: Sequence[Verdict]) -> Figure:
    """Draw both accuracies of each network side by side, with their intervals."""
    with drawing(1.3 * len(verdicts) + 3.5, 3.8) as figure:
        axes = figure.subplots()
        for offset, label in enumerate(("honest", "leaky")):
            scores: list[Evaluation] = [getattr(each, label) for each in verdicts]
            heights = np.array([score.accuracy for score in scores])
            arms = np.abs(np.array([score.interval for score in scores]).T - heights)
            axes.bar(
                np.arange(len(verdicts)) + 0.38 * (offset - 0.5),
                heights,
                0.36,
                yerr=arms,
                color=COLOURS[offset],
                error_kw={"elinewidth": 0.8},
                label=("artists apart", "leaky")[offset],
            )
        axes.axhline(1 / len(GENRES), linewidth=0.6, linestyle=":", label="chance")
        axes.set_xticks(range(len(verdicts)), [each.network for each in verdicts])
        axes.set_ylim(0, 1)
        axes.set_ylabel("tracks right")
        axes.set_title("An honest split and one that leaks")
        figure.legend(loc="outside right upper")
    return figure


def _share(scores: Evaluation) -> str:
    low, high = scores.interval
    return f"{scores.accuracy:.1%} of {scores.tracks} ({low:.0%} to {high:.0%})"


def _leak(verdict: Verdict) -> float:
    return verdict.leaky.accuracy - verdict.honest.accuracy


def _embedding() -> Verdict:
    """Fit the recipe of `--network embedding` to slices."""
    inside, outside = tracks()
    both = [*inside, *outside]
    with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        analyses = pool.map(_analysed, both, chunksize=4)
    indices = np.array([(number, part) for number, parts in enumerate(analyses) for part in range(len(parts))])
    count = int((indices[:, 0] < len(inside)).sum())

    def score(indices: NDArray[np.int64], leaks: bool) -> Evaluation:
        known, asked = np.split(indices, [count])
        model = GenreClassifier().fit(
            [analyses[number][part] for number, part in known],
            [both[number].genre for number, _ in known],
            [None if leaks else both[number].artist or both[number].name for number, _ in known],
        )
        said = model.predict_proba([analyses[number][part] for number, part in asked])
        numbers, answers = by_track(asked, said)
        return evaluate([both[number].genre for number in numbers], answers, model.classes_.tolist())

    shuffled = np.random.default_rng(0).permutation(indices)
    return Verdict(EMBEDDING, None, score(indices, False), score(shuffled, True))


def _analysed(track: LabelledTrack) -> list[Analysis]:
    return [analyse(piece) for piece in segments(track, SLICE)]
