"""Hear some seconds of a song in another sound before the whole song is rendered."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

import numpy as np

from retrotone.audio.audio import PEAK_CEILING, Audio
from retrotone.dsp.limiter import limited
from retrotone.dsp.loudness import ABSOLUTE_GATE
from retrotone.progress import Progress, silent
from retrotone.style.media.chain import makeup_db, medium_blocks
from retrotone.style.media.media import STAGE_FRAMES
from retrotone.style.medium import Medium
from retrotone.style.sample import Sample
from retrotone.style.transfer import Restyler
from retrotone.types import Block

# Rendered before the excerpt and thrown away: filters and compressors have settled by then.
LEAD_IN_SECONDS = 2.0
# Of the whole song, as much as tells how loud its rendering is.
GAIN_SECONDS = 6.0
# To draw the noise up to a moment takes time. What begins later has the noise of this moment.
LATEST_NOISE_SECONDS = 120.0


class Preview:
    """Renders excerpts of one song as `retrotone.services.restyle.restyle` renders the whole.

    Parameters
    ----------
    song : Audio
        Read once, to measure it.
    progress : Progress

    Raises
    ------
    AudioError
        The song is silent.
    """

    def __init__(self, song: Audio, progress: Progress = silent) -> None:
        self._content = Sample.of(song, song.sample_rate, progress)
        # a song above full scale is turned down, as for the whole rendering
        if self._content.peak > 1.0:
            song = song.with_samples(song.samples / np.float32(self._content.peak))
            self._content = Sample.of(song, song.sample_rate, progress)
        self._song = song

    def render(
        self,
        style: Medium | Restyler,
        start: float,
        seconds: float,
        strength: float = 1.0,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Audio:
        """Return an excerpt in the style's sound, as loud as in the whole rendering.

        Parameters
        ----------
        style : Medium or RaveModel
        start, seconds : float
            Where the excerpt begins, and how long it is; it ends with the song at the latest.
        strength, seed
            As in `restyle`. With the same seed a medium has the same noise, clicks and wow as at this moment of the
            whole rendering, within the first two minutes.
        progress : Progress
            It may raise `Cancelled` to stop.

        Returns
        -------
        Audio

        Raises
        ------
        AudioError
            Nothing lies between start and end.
        StyleError
            Strength outside [0, 1], negative seed.
        """
        song, rate = self._song, self._song.sample_rate
        excerpt = song.slice(start, start + seconds)
        if strength == 0:
            return excerpt
        first = round(start * rate)
        skipped_blocks = max(first - round(LEAD_IN_SECONDS * rate), 0) // STAGE_FRAMES
        drawn_blocks = min(skipped_blocks, round(LATEST_NOISE_SECONDS * rate) // STAGE_FRAMES)
        lead_in = first - skipped_blocks * STAGE_FRAMES
        # (channels, lead-in and excerpt)
        samples = song.samples[:, first - lead_in : first + excerpt.frames]
        if isinstance(style, Medium):
            through = self._machine(style, strength, seed)
            rendered = through([samples], drawn_blocks)
        else:
            blocks = style.render(song.with_samples(samples), strength, seed, progress)
            rendered = np.concatenate(list(blocks), axis=1)
        # where the excerpt is all of the song, or a model takes long, what was rendered tells the gain
        if samples.shape[1] == song.frames:
            gain_db = self._gain_db(self._content.loudness, rendered)
        elif isinstance(style, Medium):
            some = [piece[:, : self._share(piece)] for piece in self._content.pieces]
            gain_db = self._gain_db(self._loudness(np.concatenate(some, axis=1)), through(some, 0))
        else:
            gain_db = self._gain_db(self._loudness(samples), rendered)
        progress(0.9, f"rendered {song.name}")
        sound = song.with_samples(rendered[:, lead_in:]).gain(gain_db)
        return song.with_samples(np.concatenate(list(limited([sound.samples], rate, PEAK_CEILING)), axis=1))

    def _machine(self, medium: Medium, strength: float, seed: int) -> Callable[[list[Block], int], Block]:
        """Return what puts pieces of the song, after so many skipped blocks, through a medium at any level."""
        channels, rate = self._song.channels, self._song.sample_rate
        loudness = max(self._content.loudness, ABSOLUTE_GATE)
        makeup = makeup_db(medium, self._content.pieces, channels, rate, strength, loudness)

        def through(pieces: list[Block], skipped_blocks: int) -> Block:
            blocks = medium_blocks(pieces, channels, rate, medium, strength, seed, loudness, makeup, skipped_blocks)
            return np.concatenate(list(blocks), axis=1)

        return through

    def _share(self, piece: Block) -> int:
        """Return how much of a piece is rendered to find the gain, in frames."""
        total = sum(each.shape[1] for each in self._content.pieces)
        return int(np.ceil(min(1.0, GAIN_SECONDS * self._song.sample_rate / total) * piece.shape[1]))

    def _gain_db(self, wanted_lufs: float, samples: Block) -> float:
        """Return the gain that gives samples a loudness; 0 where they or what was wanted are silent."""
        loudness = self._loudness(samples)
        return wanted_lufs - loudness if isfinite(wanted_lufs) and isfinite(loudness) else 0.0

    def _loudness(self, samples: Block) -> float:
        return self._song.with_samples(samples).loudness
