"""Speed of the closed form, against the study's loop and against real time."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import retrotone as rt
from benchmarks.methods import LEARNING_RATE, PLATEAU_STEPS
from benchmarks.page import Page
from benchmarks.pairs import Pair
from retrotone.study.sweep import study_spectrum
from retrotone.style.gram import GramTransfer
from retrotone.style.gram_loss import STUDY_WEIGHT, style_loss
from retrotone.style.random_network import gram_matrix, random_network

STUDY_STEPS, TIMED_STEPS = 2500, 3
REPEATS = 5
LEVELS_DB = np.arange(-9, 10, 3, dtype=np.float32)


@dataclass(frozen=True)
class Speed:
    """Seconds and losses of one pair.

    Attributes
    ----------
    study_step, study_total : float
        Seconds a step of the study's loop, and that times its 2,500 steps.
    start_loss, study_loss, our_loss : float
        The study's style loss of the content, of its loop after `PLATEAU_STEPS` steps, and of our rendered file.
    mono, stereo : tuple of float
        (seconds, seconds of audio per second) for mono 22.05 kHz and stereo 44.1 kHz, file to file.
    """

    study_step: float
    study_total: float
    start_loss: float
    study_loss: float
    our_loss: float
    mono: tuple[float, float]
    stereo: tuple[float, float]

    @property
    def times_sooner(self) -> float:
        """The study's 2,500 steps over our seconds, for the same mono clip."""
        return self.study_total / self.mono[0]


def measure_speed(pair: Pair) -> Speed:
    """Time both on the same clip."""
    content = pair.content.mono().resample(22_050)
    style = pair.style.mono().resample(22_050)
    with tempfile.TemporaryDirectory() as folder:
        record = style.save(Path(folder) / "style.wav")
        mono, output = _timed(content, record, Path(folder))
        both = pair.content if pair.content.channels == 2 else rt.Audio(np.repeat(content.samples, 2, 0), 22_050)
        stereo, _ = _timed(both.resample(44_100), record, Path(folder))
    ours, theirs = study_spectrum(content, content.duration), study_spectrum(style, style.duration)
    result = study_spectrum(output, output.duration)
    network = random_network(len(ours))

    def loss(spectrum: np.ndarray) -> float:
        """The study's loss at the best of seven levels: level is not style."""
        with torch.no_grad():
            target = gram_matrix(network(torch.from_numpy(theirs)[None])[0])
            scaled = (torch.from_numpy(np.log1p(np.expm1(spectrum) * 10 ** (db / 20)))[None] for db in LEVELS_DB)
            grams = (gram_matrix(network(each)[0]) for each in scaled)
            return min(float(style_loss(gram, target, "mse", STUDY_WEIGHT)) for gram in grams)

    step = study_step_seconds(ours, theirs)
    # the loop's own fixed point, reached through the same loss in closed-form gradients
    plateau = GramTransfer.study(learning_rate=LEARNING_RATE, steps=PLATEAU_STEPS).run(ours, theirs)
    return Speed(step, step * STUDY_STEPS, loss(ours), float(plateau.losses.min()), loss(result), mono, stereo)


def page(speed: Speed) -> Page:
    """Return the section."""
    plateau = f"{speed.study_loss:.2e} (best of {PLATEAU_STEPS} steps)"
    return Page(f"""## Speed

One 30 s clip, file to file, loading and saving included; the study's loop (random CNN, clamp, Adam 0.03, autograd)
timed in the same run.

| | time | style loss (weight 2500) |
|---|---|---|
| the content itself | | {speed.start_loss:.2e} |
| the study's loop, {STUDY_STEPS} steps | {speed.study_total:.0f} s ({speed.study_step:.2f} s a step) | {plateau} |
| transport, mono 22.05 kHz | {speed.mono[0]:.2f} s | {speed.our_loss:.2e} (of the written file) |

- transport reaches its loss **{speed.times_sooner:,.0f} times sooner** than the study's {STUDY_STEPS} steps
- mono 22.05 kHz: **{speed.mono[1]:.0f} times real time**
- stereo 44.1 kHz: **{speed.stereo[1]:.0f} times real time** ({speed.stereo[0]:.2f} s)
""")


def study_step_seconds(content: np.ndarray, style: np.ndarray) -> float:
    """Return seconds a step of the study's loop: autograd through the random network, clamp, Adam, nothing frozen."""
    network = random_network(len(content))
    for parameter in network.parameters():
        parameter.requires_grad_(True)
    with torch.no_grad():
        target = gram_matrix(network(torch.from_numpy(style)[None])[0])
    spectrum = torch.from_numpy(content.copy()).requires_grad_(True)
    optimiser = torch.optim.Adam([spectrum], lr=LEARNING_RATE)
    seconds = []
    for _ in range(TIMED_STEPS + 1):
        began = time.perf_counter()
        with torch.no_grad():
            spectrum.clamp_(0, 1)
        optimiser.zero_grad()
        style_loss(gram_matrix(network(spectrum[None])[0]), target, "mse", STUDY_WEIGHT).backward()
        optimiser.step()
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds[1:]))  # the first one warms up


def _timed(content: rt.Audio, record: Path, folder: Path) -> tuple[tuple[float, float], rt.Audio]:
    song, output = content.save(folder / "song.wav", overwrite=True), folder / "output.wav"
    transport = rt.StyleTransfer("transport")
    runs = [transport.stylize_file(song, record, output, overwrite=True) for _ in range(REPEATS + 1)][1:]
    seconds = float(np.median([run.seconds for run in runs]))
    return (seconds, content.duration / seconds), rt.load(output)
