"""Analyse a song for a screen: its genre and tags, in words."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrotone.audio.audio import Audio, open_recording
from retrotone.audio.files import AudioFile
from retrotone.features.analysis import Analysis, analyse
from retrotone.features.tags import ranked_tags
from retrotone.progress import Progress, part, silent
from retrotone.utils.text import clock, title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from retrotone.genre.base import Answer

TAGS_SHOWN = 8
# least probability of the genres that are named after the first
WORTH_NAMING = 0.05


@dataclass(frozen=True, eq=False)
class SongSummary:
    """What the analysis of a song found.

    Attributes
    ----------
    name, title : str
        Its path, and what to call it.
    duration : float
        In seconds.
    sample_rate, channels : int
    analysis : Analysis
        All features of the song; `similar_tracks` takes it, so that no song is analysed twice.
    answer : Answer
        Of the genre classifier.
    tags : list of (str, float)
        What listeners would call it, the likeliest first.
    """

    name: str
    title: str
    duration: float
    sample_rate: int
    channels: int
    analysis: Analysis
    answer: Answer
    tags: list[tuple[str, float]]

    @property
    def genres(self) -> list[tuple[str, float]]:
        """All genres and their probabilities, the likeliest first."""
        return sorted(self.answer.probabilities.items(), key=lambda item: -item[1])

    @property
    def verdict(self) -> str:
        """The genre in a sentence, and whether to trust it."""
        (first, most), *others = self.genres
        rivals = ", ".join(f"{genre} {p:.0%}" for genre, p in others if p >= WORTH_NAMING)
        if self.answer.sure:
            return f"This is {first} ({most:.0%})" + (f"; it could also be {rivals}." if rivals else ".")
        return f"Not sure: {self.answer.doubt}. Nearest: {first} {most:.0%}" + (f", {rivals}." if rivals else ".")

    @property
    def facts(self) -> str:
        """Length, rate and channels in words."""
        sound = {1: "mono", 2: "stereo"}[self.channels]
        return f"{clock(self.duration)}, {self.sample_rate / 1000:g} kHz, {sound}"


def listen(song: Audio | AudioFile | str | os.PathLike[str], progress: Progress = silent) -> SongSummary:
    """Analyse a song once: genre, the evidence for it over time, tags.

    Parameters
    ----------
    song : Audio, AudioFile or path
        A file is streamed: memory does not grow with its length.
    progress : Progress

    Raises
    ------
    AudioError
        It cannot be read.
    """
    from retrotone.genre.classifier import bundled_classifier

    source = open_recording(song)
    progress(0.0, f"reading {title(source.name)}")
    frames = _count_frames(source, progress)
    analysis = analyse(source, part(progress, 0.1, 0.95))
    progress(0.95, "classifying its genre")
    answer = bundled_classifier().answer(analysis)
    assert analysis.taggram is not None
    tags = list(ranked_tags(analysis.taggram).items())[:TAGS_SHOWN]
    progress(1.0, "classified")
    return SongSummary(
        name=source.name,
        title=title(source.name),
        duration=frames / source.sample_rate,
        sample_rate=source.sample_rate,
        channels=source.channels,
        analysis=analysis,
        answer=answer,
        tags=tags,
    )


def genre_figure(song: SongSummary) -> Figure:
    """Draw the evidence for each genre over time, and the answer next to it."""
    from retrotone.figures.genre import evidence_figure

    return evidence_figure(song.answer, song.title, song.duration)


def _count_frames(source: Audio | AudioFile, progress: Progress) -> int:
    """Return how many frames a recording truly has: a file may state others."""
    frames = 0
    for block in source.blocks():
        frames += block.shape[1]
        progress(0.1 * min(frames / source.frames, 1.0), f"reading {title(source.name)}")
    return frames
