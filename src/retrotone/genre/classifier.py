"""The genre classifier: linear heads on a track's analysis, a calibrated confidence, and "not sure".

Every head is a linear discriminant (`discriminant`). Tracks of artists with many tracks weigh less, as the classifier
is meant for new artists. A head gives probabilities row by row, and their mean is its answer: averaging probabilities,
not their logarithms, lets clear passages outweigh ambiguous ones. The heads' answers are multiplied, with weights
(`evidence.HEAD_WEIGHTS`), and the product is tempered (`calibration`) until mean confidence equals accuracy, measured
on artists left out.

Sound that is not music gets a genre, too, and so does music of other genres, often with high confidence. Both are
recognised by columns and tags, which lie farther from those of known music than music does (`domain`), and sound that
is not music by the second ear, where it listened.

What an old medium does to a track says nothing about its genre: given copies of the tracks on other media, the heads
trust the directions in which these differ less, and the range of known music holds the copies, too.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrotone.errors import GenreError, ModelError
from retrotone.features.analysis import Analysis, analyse
from retrotone.genre.base import Answer, Recording, tracks_of
from retrotone.genre.calibration import best_scale, honest_sharpness
from retrotone.genre.datasets import LabelledTrack, artists_of, folds, most_folds
from retrotone.genre.discriminant import Head, Learner, left_out_scores, normalised, track_means
from retrotone.genre.domain import Domain, doubt_of, known_music
from retrotone.genre.evidence import ANSWERING, HEAD_WEIGHTS, HEADS, Rows, evidence
from retrotone.progress import Progress, silent
from retrotone.utils.assets import asset
from retrotone.utils.files import is_folder, new_folder, write_whole
from retrotone.utils.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

# Each of an artist's n tracks has a weight of n ** -0.5.
ARTIST_POWER = 0.5
# Of a genre, to learn from.
LEAST_TRACKS = 2
# Of the cross-validation within `fit`.
FOLDS, REPEATS = 5, 4
FILE = "classifier.safetensors"
FORMAT = "retrotone genre classifier 3"
# Kept of the numbers in the metadata: further digits differ between machines.
DIGITS = 9


class GenreClassifier:
    """A genre classifier with scikit-learn's interface.

    Parameters
    ----------
    seed : int
        Of the cross-validation that calibrates it.

    Attributes
    ----------
    classes_ : ndarray of str
        The genres, in alphabetical order.
    """

    classes_: NDArray[np.str_]

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._heads: dict[str, Head] = {}
        self._sharpness: dict[str, float] = {}
        self._domain: Domain | None = None

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn (1.6 or later) that this classifies; its base classes would take a second to import."""
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(two_d_array=False),
        )

    def __sklearn_is_fitted__(self) -> bool:
        return bool(self._heads)

    def get_params(self, deep: bool = True) -> dict[str, int]:
        """Return the constructor's parameters by name; scikit-learn's `clone` and searches go by it."""
        return {"seed": self.seed}

    def set_params(self, **params: int) -> GenreClassifier:
        """Change the constructor's parameters, and return itself; GenreError for unknown ones."""
        if unknown := sorted(set(params) - set(self.get_params())):
            raise GenreError(f"there is no parameter {', '.join(unknown)}: this classifier has seed")
        vars(self).update(params)
        return self

    def fit(
        self,
        X: Sequence[Recording],
        y: Sequence[str],
        artists: Sequence[str | None] | None = None,
        copies: Sequence[Sequence[Analysis]] | None = None,
    ) -> GenreClassifier:
        """Learn from tracks.

        Parameters
        ----------
        X : sequence of Analysis, Audio or path, length n
        y : sequence of str, length n
            Their genres, two or more.
        artists : sequence of str or None, length n, optional
            Whose tracks they are: calibration then tests on artists it has not learned from. A track without counts
            as an artist of its own.
        copies : sequence of sequence of Analysis, length n, optional
            Of each track, on other media (`retrotone.age`): what differs in them says less about genres.

        Returns
        -------
        GenreClassifier
            Itself.

        Raises
        ------
        GenreError
            Lengths that differ, a single genre, a genre with one track, all tracks by one artist, or tracks of which
            nothing common is known.
        """
        analyses = [_analysis(x) for x in tracks_of(X)]
        tracks = _labelled_tracks(len(analyses), y, artists)
        genres = [track.genre for track in tracks]
        self.classes_ = np.unique(genres)
        truth = np.searchsorted(self.classes_, genres)
        weights = _track_weights(tracks)
        k = min(FOLDS, most_folds(tracks))
        draws = [folds(tracks, k, self.seed + repeat) for repeat in range(REPEATS)]
        self._heads, self._sharpness, self._domain = {}, {}, None
        copies = copies or [[] for _ in analyses]
        answers = self._fit_heads(analyses, truth, weights, draws, copies)
        if not self._heads:
            raise GenreError("nothing is known of all tracks: each needs a taggram, or each its columns")
        self._calibrate(answers, truth, weights)
        if "columns" in self._heads:
            self._domain = known_music(analyses, copies, truth, draws[0])
        return self

    def _fit_heads(
        self,
        analyses: Sequence[Analysis],
        truth: NDArray[np.intp],
        weights: Rows,
        draws: Sequence[NDArray[np.int64]],
        copies: Sequence[Sequence[Analysis]],
    ) -> dict[str, Rows]:
        """Fit each head that all tracks have evidence for; the second ear's, if it heard enough of them.

        Returns the heads' log-probabilities of tracks in folds left out, shape (draws, tracks, genres) each; NaN where
        a track has no evidence.
        """
        answers: dict[str, Rows] = {}
        for name in HEADS:
            found = [evidence(analysis, name) for analysis in analyses]
            known = np.array([each is not None for each in found])
            rows = [each for each in found if each is not None]
            # the second ear may not have heard all tracks
            if not known.all() and name != "sounds":
                continue
            if np.bincount(truth[known], minlength=len(self.classes_)).min() < LEAST_TRACKS:
                continue
            changed = [_evidences(own, name) for own, there in zip(copies, known, strict=True) if there]
            learn = Learner(name, rows, truth[known], weights[known], list(self.classes_), changed)
            lengths = [len(each) for each in rows]
            scores = left_out_scores(learn, rows, [draw[known] for draw in draws])
            scale = best_scale(scores, lengths, truth[known], weights[known])
            answers[name] = np.full((len(draws), len(known), len(self.classes_)), np.nan)
            answers[name][:, known] = track_means(normalised(scale * scores), lengths)
            self._heads[name] = learn(np.ones(len(rows), bool), scale)
        return answers

    def _calibrate(self, answers: dict[str, Rows], truth: NDArray[np.intp], weights: Rows) -> None:
        """Choose the sharpness of each set of heads that answer together."""
        for heads in ANSWERING:
            if all(name in answers for name in heads):
                pooled = np.sum([HEAD_WEIGHTS[name] * answers[name] for name in heads], axis=0)
                known = ~np.isnan(pooled).any(axis=(0, 2))
                self._sharpness["/".join(heads)] = honest_sharpness(pooled[:, known], truth[known], weights[known])

    def predict_proba(self, X: Sequence[Recording] | Recording) -> NDArray[np.float64]:
        """Return the probability of each genre, shape (n, genres), in the order of `classes_`.

        Parameters
        ----------
        X : sequence of Analysis, Audio or path, length n
            A single one counts as a sequence of one.

        Raises
        ------
        GenreError
            Not fitted, something that is no track, or a track of which neither taggram nor columns are known.
        AudioError
            See `analyse`.
        """
        tracks = tracks_of(X)
        return np.array([self._probabilities(_analysis(x)) for x in tracks]).reshape(-1, len(self._known()))

    def predict(self, X: Sequence[Recording] | Recording) -> NDArray[np.str_]:
        """Return the most probable genre of each track, shape (n,); see `predict_proba`."""
        best: NDArray[np.str_] = self._known()[self.predict_proba(X).argmax(axis=1)]
        return best

    def score(self, X: Sequence[Recording] | Recording, y: Sequence[str]) -> float:
        """Return the share of tracks whose genre is `y`'s; see `predict_proba`."""
        answers, truth = self.predict(X), np.asarray(y, str)
        if answers.shape != truth.shape:
            raise GenreError(
                f"{counted(len(answers), 'track')} and genres of shape {truth.shape}: give one genre a track"
            )
        return float((answers == truth).mean())

    def answer(self, recording: Recording, progress: Progress = silent) -> Answer:
        """Return genre, confidence, doubt, and probabilities over time of a track.

        Parameters
        ----------
        recording : Analysis, Audio or path
            One of them.
        progress : Progress
            Called with the excerpt that is analysed.

        Raises
        ------
        GenreError, AudioError
            See `predict_proba`.
        """
        analysis = _analysis(recording, progress)
        probabilities = self._probabilities(analysis)
        heads = self._answering(analysis)
        best = int(probabilities.argmax())
        strangeness = None if self._domain is None else self._domain.strangeness(analysis, best)
        confidence = float(probabilities[best])
        doubt = doubt_of(analysis, strangeness, confidence)
        # the probabilities of each patch, (patches, genres)
        timeline = None
        if "patches" in heads:
            [(_, rows)] = self._evidence(analysis, ("patches",))
            timeline = np.exp(self._heads["patches"].log_probabilities(rows))
        return Answer(
            genre=str(self.classes_[best]),
            confidence=confidence,
            sure=not doubt,
            doubt=doubt,
            probabilities={str(g): float(p) for g, p in zip(self.classes_, probabilities, strict=True)},
            strangeness=strangeness,
            times=analysis.times,
            timeline=timeline,
            duration=analysis.duration,
        )

    @classmethod
    def from_pretrained(cls, name: str | os.PathLike[str] | None = None) -> GenreClassifier:
        """Return a classifier that was saved.

        Parameters
        ----------
        name : path-like, optional
            The folder that `save_pretrained` or ``retrotone genre train --network embedding`` wrote to, or the file
            in it; by default the classifier of GTZAN's ten genres that comes along.

        Raises
        ------
        ModelError
            No classifier there, or damaged.
        """
        if name is None:
            return cls._from_bytes(_bundled_bytes(), "the bundled classifier")
        path = Path(name)
        path = path / FILE if is_folder(path) else path
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise ModelError(
                f"there is no {path}: name a folder that retrotone genre train or save_pretrained wrote to"
            ) from error
        except OSError as error:
            raise ModelError(f"{path} cannot be read ({error.strerror}): check its permissions") from error
        return cls._from_bytes(data, str(path))

    def save_pretrained(self, folder: str | os.PathLike[str]) -> Path:
        """Write the classifier into a folder, made if need be, and return its file: arrays and JSON only.

        Raises
        ------
        GenreError
            Not fitted.
        OutputError
            The folder cannot be written to.
        """
        import safetensors.numpy

        arrays = {
            f"{name}.{part}": np.ascontiguousarray(value, np.float32)
            for name, head in self._heads.items()
            for part, value in vars(head).items()
        }
        if self._domain:
            known = {part: value for part, value in vars(self._domain).items() if value is not None}
            arrays |= {f"domain.{part}": value.astype(np.float32) for part, value in known.items()}
        described = {
            "genres": self._known().tolist(),
            "sharpness": {heads: round(value, DIGITS) for heads, value in self._sharpness.items()},
        }
        # a single entry: safetensors writes several in random order
        metadata = {FORMAT: json.dumps(described, sort_keys=True)}
        path = Path(folder) / FILE
        with new_folder(folder):
            write_whole(path, safetensors.numpy.save(arrays, metadata))
        return path

    @classmethod
    def _from_bytes(cls, data: bytes, name: str) -> GenreClassifier:
        import safetensors.numpy

        try:
            length = int.from_bytes(data[:8], "little")
            described = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][FORMAT])
            arrays: Mapping[str, NDArray[np.float32]] = safetensors.numpy.load(data)
            result = cls()
            result.classes_ = np.array(described["genres"])
            result._sharpness = described["sharpness"]
            parts: dict[str, dict[str, Rows]] = {}
            for key, value in arrays.items():
                owner, part = key.split(".")
                parts.setdefault(owner, {})[part] = value.astype(float)
            if "domain" in parts:
                result._domain = Domain(**parts["domain"])
            result._heads = {head: Head(**parts[head]) for head in HEADS if head in parts}
        except Exception as error:
            # safetensors raises errors of its own, of json and of struct
            raise ModelError(f"{name} is no genre classifier, or damaged: train or copy it again") from error
        return result

    def _known(self) -> NDArray[np.str_]:
        if not self._heads:
            raise GenreError("this classifier has learned nothing yet: fit it, or use from_pretrained")
        return self.classes_

    def _answering(self, analysis: Analysis) -> tuple[str, ...]:
        """Return the first heads in `ANSWERING` that the track has evidence for."""
        self._known()
        for heads in ANSWERING:
            known = "/".join(heads) in self._sharpness
            if known and all(evidence(analysis, name) is not None for name in heads):
                return heads
        raise GenreError("too little is known of the track: the classifier needs its taggram or its columns")

    def _evidence(self, analysis: Analysis, heads: Sequence[str]) -> Iterator[tuple[str, Rows]]:
        for name in heads:
            rows = evidence(analysis, name)
            assert rows is not None
            yield name, rows

    def _probabilities(self, analysis: Analysis) -> Rows:
        heads = self._answering(analysis)
        evidences = self._evidence(analysis, heads)
        pooled = np.sum([HEAD_WEIGHTS[name] * self._heads[name].answer(rows) for name, rows in evidences], axis=0)
        probabilities: Rows = np.exp(normalised(self._sharpness["/".join(heads)] * pooled))
        return probabilities


@cache
def bundled_classifier() -> GenreClassifier:
    """Return the bundled classifier, loaded once and shared: do not fit it again."""
    return GenreClassifier.from_pretrained()


@cache
def _bundled_bytes() -> bytes:
    return asset(f"genre/{FILE}").read_bytes()


def _analysis(recording: Recording, progress: Progress = silent) -> Analysis:
    [track] = tracks_of([recording])
    return track if isinstance(track, Analysis) else analyse(track, progress)


def _labelled_tracks(count: int, y: Sequence[str], artists: Sequence[str | None] | None) -> list[LabelledTrack]:
    """Return genres and artists as `count` tracks; GenreError where they do not fit or are too few to learn from."""
    genres = [str(genre) for genre in y]
    artists = [None] * len(genres) if artists is None else list(artists)
    if not count == len(genres) == len(artists):
        raise GenreError(
            f"{counted(count, 'track')}, {counted(len(genres), 'genre')} and {counted(len(artists), 'artist')}: "
            "give one of each a track"
        )
    counts = Counter(genres)
    if len(counts) < 2 or min(counts.values()) < LEAST_TRACKS:
        raise GenreError("learning needs two genres or more, and two tracks or more in each")
    return [LabelledTrack(str(i), genre, artist) for i, (genre, artist) in enumerate(zip(genres, artists, strict=True))]


def _evidences(analyses: Sequence[Analysis], head: str) -> list[Rows]:
    """Return a head's input for each analysis that has it."""
    found = (evidence(analysis, head) for analysis in analyses)
    return [each for each in found if each is not None]


def _track_weights(tracks: Sequence[LabelledTrack]) -> Rows:
    """Return the weight of each track: the more its artist has, the less."""
    artists = artists_of(tracks)
    counts = Counter(artists)
    return np.array([counts[artist] ** -ARTIST_POWER for artist in artists])
