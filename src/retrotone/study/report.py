"""A report of the study repeated on a folder of music: each figure and table, with the study's own results."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrotone.audio.audio import Audio, load
from retrotone.errors import GenreError
from retrotone.figures.base import PAPER, png
from retrotone.figures.genre import confusion_figure
from retrotone.figures.recordings import feature_figure
from retrotone.figures.training import genre_training_figure
from retrotone.genre.datasets import open_folder
from retrotone.genre.evaluation import evaluate
from retrotone.genre.training import Recipe, train
from retrotone.library.library import Library
from retrotone.progress import Progress, part, silent
from retrotone.rave.model import RaveModel
from retrotone.report import compare
from retrotone.study.sweep import PAGE_COLUMNS, STEPS, page_cells, sweep_losses
from retrotone.style.gram import GramTransfer
from retrotone.style.transfer import StyleTransfer
from retrotone.utils.files import check_outputs, make_folder, write_whole
from retrotone.utils.pretrained import DEFAULT_MODEL
from retrotone.utils.templates import render_page
from retrotone.utils.temporary import locked_folder
from retrotone.utils.text import counted

# Of every sound, as in the study.
SECONDS = 30.0
EPOCHS = 30
# Of the descent without the clamp: enough for an audible effect.
GRAM_STEPS = 100
SIMILAR = 5
PAGE = "index.html"
# the first files that a study writes
CLIP = ("generated.flac", "generated.png")
FILES = (PAGE, *CLIP, "comparison.html", "comparison.png", "curves.png", "confusion.png")


@dataclass(frozen=True)
class Section:
    """One part of the study: its result, the result here, and why they differ.

    Attributes
    ----------
    title, reported, here, why : str
    pictures, sounds, pages : tuple of str
        Files in the page's folder.
    header : sequence of str
    rows : sequence of sequences of str
        A table.
    """

    title: str
    reported: str
    here: str
    why: str
    pictures: tuple[str, ...] = ()
    sounds: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


def write_report(
    folder: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    *,
    model: str = DEFAULT_MODEL,
    steps: int = STEPS,
    epochs: int = EPOCHS,
    seed: int = 0,
    progress: Progress = silent,
    overwrite: bool = False,
) -> Path:
    """Repeat the study on a folder of music and write a page about it.

    Parameters
    ----------
    folder : path-like
        A folder for each genre, see `retrotone.genre.datasets.open_folder`. Its first track is the song.
    out_dir : path-like
        Created where missing.
    model : str
        The RAVE: "vintage" for the study's own, once it was downloaded.
    steps : int
        Of the losses' sweep, see `sweep_losses`.
    epochs : int
        Of M5, at most.
    seed : int
    progress : Progress
        `Cancelled` raised in it stops the work; finished files stay, and a training is resumed by the next call.
    overwrite : bool
        Whether the files of a finished study, or others that are in the way, are replaced.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    GenreError, AudioError, ModelError, OutputError
        A folder, a model or an output folder that cannot be used.
    """
    tracks = open_folder(folder).tracks
    if not (paths := [track.path for track in tracks if track.path]):
        raise GenreError(f"{folder} holds no recordings: name a folder with some in a folder for each genre")
    out = Path(out_dir)
    # an unfinished study goes on
    begun = all((out / name).is_file() for name in CLIP)
    check_outputs([out / name for name in ((PAGE,) if begun else FILES)], overwrite=overwrite, folder=out)
    rave = RaveModel.from_pretrained(model)
    make_folder(out)
    with locked_folder(out):
        song = load(paths[0], SECONDS)
        clip = rave.generate(match=song, path="slerp", seed=seed, progress=part(progress, 0.0, 0.02))
        sections = [
            _generation(clip, rave, out),
            _losses(song, clip, out, steps, part(progress, 0.03, 0.5)),
            _comparison(song, clip, out, seed, part(progress, 0.5, 0.6)),
            _training(folder, out, epochs, seed, part(progress, 0.6, 0.9)),
            _similar(folder, paths[0], out, part(progress, 0.9, 1.0)),
        ]
        name = Path(song.name).stem
        page = render_page("study.html.j2", sections=sections, folder=str(folder), song=name, paper=PAPER)
        write_whole(out / PAGE, page.encode())
        progress(1.0, f"wrote {out / PAGE}")
        return out / PAGE


def _generation(clip: Audio, rave: RaveModel, out: Path) -> Section:
    clip.save(out / "generated.flac", overwrite=True)
    write_whole(out / "generated.png", png(feature_figure(clip, clip.name)))
    return Section(
        "A RAVE walked through its latent space",
        "Thirty seconds of RAVE vintage between random points, drawn as mel spectrogram, centroid and chromagram.",
        f"The same by {rave.name}.",
        "Only if you name the model vintage is it the study's own, and then its points were others."
        if rave.name == "vintage"
        else "vintage may not be passed on, so it is not part of retrotone: "
        "retrotone models download vintage gets it, and --model vintage takes it here.",
        pictures=("generated.png",),
        sounds=("generated.flac",),
    )


def _losses(song: Audio, clip: Audio, out: Path, steps: int, progress: Progress) -> Section:
    rows = sweep_losses(song, clip, out / "losses", steps=steps, progress=progress, overwrite=True)
    fallen = [row for row in rows if not row.settings.clamp and row.kept < 0.2]
    return Section(
        "Two tables of losses that stood still",
        "Adam with MSE and SGD with MAE, three learning rates, two weights: no loss moved. The table has its figures.",
        f"Clamped as in the study, and then without: {len(fallen)} of the {sum(not r.settings.clamp for r in rows)} "
        "descents without the clamp fall below a fifth of their start.",
        "Log magnitudes reach 4 to 5, and the study cut them at 1 after every step; SGD's updates are smaller than "
        "float32 can hold. Its recordings were others, so that the figures themselves must differ.",
        pictures=("losses/losses.png",),
        header=PAGE_COLUMNS,
        rows=[page_cells(row) for row in rows],
    )


def _comparison(song: Audio, clip: Audio, out: Path, seed: int, progress: Progress) -> Section:
    descent = StyleTransfer("gram", gram=GramTransfer(steps=GRAM_STEPS), seed=seed)
    versions = {
        "original": song,
        "RAVE": clip,
        "descent": descent.stylize(song, clip, progress=part(progress, 0.0, 0.4)),
        "closed form": StyleTransfer("transport", seed=seed).stylize(song, clip, progress=part(progress, 0.4, 0.6)),
    }
    comparison = compare(versions, clip, part(progress, 0.6, 1.0))
    comparison.save_all([out / "comparison.html", out / "comparison.png"], overwrite=True)
    return Section(
        "Original, RAVE and transfer, side by side",
        "Mel spectrograms, centroids and chromagrams of all three.",
        "The same, with the transfer twice: by the study's descent without its clamp, and by the closed form that "
        "replaces it. The page has players and figures.",
        "With the loss standing still, the study's transfer was its content, cut off at 1.",
        pictures=("comparison.png",),
        pages=("comparison.html",),
    )


def _training(folder: str | os.PathLike[str], out: Path, epochs: int, seed: int, progress: Progress) -> Section:
    recipe = Recipe(epochs=epochs, patience=epochs, seed=seed, augment=False, label_smoothing=0.0)
    trained = train(folder, out / "m5", recipe, progress=progress)
    history, genres = trained.trainings[0].history, trained.model.classes_.tolist()
    scores = evaluate(trained.truth, trained.probabilities, genres)
    curves = genre_training_figure({"M5, as in the study": history}, chance=np.log(len(genres)))
    write_whole(out / "curves.png", png(curves))
    write_whole(out / "confusion.png", png(confusion_figure(genres, scores.confusion)))
    last = history[-1]
    return Section(
        "M5 on raw waveforms",
        "The training loss fell, the validation loss stood still, and whole albums went to one genre.",
        f"After {counted(last.epoch, 'epoch')} the training loss is {last.train_loss:.3f}, the validation loss "
        f"{last.valid_loss:.3f}; the best epoch's weights get {scores.accuracy:.0%} of "
        f"{counted(scores.tracks, 'validation track')} right, where chance gets {1 / len(genres):.0%}.",
        "Tracks are split before they are cut into segments, and artists are kept apart where the folder tells them: a "
        "kinder split would give finer figures, and mean less.",
        pictures=("curves.png", "confusion.png"),
    )


def _similar(folder: str | os.PathLike[str], song: Path, out: Path, progress: Progress) -> Section:
    with Library(out / "library.db") as library:
        library.scan([folder], progress=progress)
        by_library = [match.track.name for match in library.similar(song, SIMILAR)]
        # silence has no columns
        without_columns = set(library.silent_tracks())
        tracks = [track for track in library.tracks() if str(track.place) not in without_columns]
        columns = np.array([library.analysis(track).columns for track in tracks])
    scaled = np.nan_to_num((columns - columns.mean(axis=0)) / columns.std(axis=0))
    unit = scaled / np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1e-12)
    here = [song.samefile(track.path) for track in tracks].index(True)
    nearest = [i for i in np.argsort(-(unit @ unit[here])) if i != here][:SIMILAR]
    by_columns = [tracks[i].name for i in nearest]
    return Section(
        f"{SIMILAR} songs like {song.stem}",
        "The nearest by the cosine of GTZAN's 57 columns, with no word on how often they are of its genre.",
        f"That way, and retrotone's. {len(set(by_library) & set(by_columns))} of them are in both.",
        "On GTZAN with artists kept apart, the columns find two of the same genre among five, retrotone nearly four: "
        "see the manual's page on the library.",
        header=("", "by 57 columns, as in the study", "by retrotone"),
        rows=[(str(i + 1), *pair) for i, pair in enumerate(zip(by_columns, by_library, strict=True))],
    )
