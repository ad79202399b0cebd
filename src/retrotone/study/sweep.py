"""The study's sweep of its style loss: why it stood still, and what makes it fall.

The study tried Adam with a mean squared loss and SGD with a mean absolute loss, at three learning rates and
two style weights, and no loss moved. Here the same twelve rows run clamped into [0, 1] as in the study, then
without the clamp. Without it Adam's loss falls, but SGD's does not: its updates are too small for float32.
Plain gradient descent with Polyak's step, which follows, has no such problem.
"""

from __future__ import annotations

import csv
import io
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrotone.audio.audio import Audio
from retrotone.dsp.stft import STUDY_N_FFT, STUDY_RATE, stft
from retrotone.errors import AudioError
from retrotone.figures.base import png
from retrotone.progress import Progress, part, silent
from retrotone.utils.files import check_outputs, new_folder, write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from retrotone.style.gram import GramTransfer

# Of each recording: the loss is a mean over frames, more would only take longer.
SECONDS = 4.0
# The command line reads no more of a recording: an hour would need 3 GB.
LONGEST_SECONDS = 600.0
# At a learning rate of 0.1; Adam gets more at lower rates, so that every row can move as far.
STEPS = 60
# A row stops at this share of its first loss.
CURED = 0.015
FILES = ("table.md", "table.csv", "losses.png")
LEARNING_RATES = (0.01, 0.05, 0.1)
STYLE_WEIGHTS = (2500.0, 5000.0)

# What the study printed: (optimiser, style weight) -> its loss at each of LEARNING_RATES.
REPORTED = {
    ("adam", 2500.0): ("0.012508, unchanged", "0.012654 → 0.012653", "0.011750 → 0.011749"),
    ("adam", 5000.0): ("0.049959", "0.048213", "0.012177"),
    ("sgd", 2500.0): ("0.071844", "0.068326", "0.071865"),
    ("sgd", 5000.0): ("0.139341", "0.146549", "0.141471"),
}


@dataclass(frozen=True, eq=False)
class LossRow:
    """One run of the sweep.

    Attributes
    ----------
    settings : GramTransfer
        What was run: optimiser, loss, learning rate, style weight, clamp.
    losses : ndarray, shape (steps + 1,)
        `losses[k]` after k steps.
    floor : float or None
        With the clamp: the loss of the clamped style itself.
    reason : str
        One sentence saying why the loss stood still or fell.
    reported : str
        What the study printed for this row; empty where it has none.
    seconds : float
        How long the run took.
    """

    settings: GramTransfer
    losses: NDArray[np.float64]
    floor: float | None
    reason: str
    reported: str
    seconds: float

    @property
    def kept(self) -> float:
        """The last loss over the first."""
        return float(self.losses[-1] / self.losses[0])


def sweep_losses(
    content: Audio,
    style: Audio,
    out_dir: str | os.PathLike[str],
    *,
    steps: int = STEPS,
    seconds: float = SECONDS,
    progress: Progress = silent,
    overwrite: bool = False,
) -> list[LossRow]:
    """Run the study's sweep, clamped and not, and write table.md, table.csv and losses.png.

    Parameters
    ----------
    content, style : Audio
        Of each the middle `seconds` are used, see `study_spectrum`.
    out_dir : path-like
        Created where missing. The files appear when all rows are done, each whole or not at all.
    steps : int
        At most, at a learning rate of 0.1; Adam takes up to 10 times as many at 0.01. A row stops early at
        1.5 % of its start, or when its loss stands still.
    seconds : float
        Length of the excerpts.
    progress : Progress
        Called with each row's loss at every step; raise `Cancelled` in it to stop.
    overwrite : bool
        Whether files that exist are replaced.

    Returns
    -------
    list of LossRow

    Raises
    ------
    AudioError
        A recording is silent.
    OutputError
        The folder cannot be made or written to, or one of the files is there.
    """
    folder = Path(out_dir)
    check_outputs([folder / name for name in FILES], overwrite=overwrite, folder=folder)
    rows = list(sweep(content, style, steps=steps, seconds=seconds, progress=progress))
    contents = (_markdown(rows, content, style, seconds).encode(), _csv(rows).encode(), png(loss_figure(rows)))
    with new_folder(folder):
        for name, data in zip(FILES, contents, strict=True):
            write_whole(folder / name, data)
    progress(1.0, f"wrote {', '.join(FILES)} to {folder}")
    return rows


def sweep(
    content: Audio, style: Audio, *, steps: int = STEPS, seconds: float = SECONDS, progress: Progress = silent
) -> Iterator[LossRow]:
    """Yield the rows of `sweep_losses`, each when it is done, without writing files.

    Parameters
    ----------
    content, style : Audio
    steps, seconds, progress
        See `sweep_losses`.

    Raises
    ------
    AudioError
        A recording is silent.
    """
    from retrotone.style.gram import GramTransfer

    start, target = study_spectrum(content, seconds), study_spectrum(style, seconds)
    plan = [(GramTransfer.study(**changes), reported) for changes, reported in _plan(steps)]
    for index, (settings, reported) in enumerate(plan):
        began = time.perf_counter()
        stage = part(progress, index / len(plan), (index + 1) / len(plan))
        title = f"{index + 1}/{len(plan)} {_title(settings)}"
        result = settings.run(start, target, _titled(stage, title))
        yield LossRow(settings, result.losses, result.floor, result.reason, reported, time.perf_counter() - began)


def study_spectrum(audio: Audio, seconds: float = SECONDS) -> NDArray[np.float32]:
    """Return the log1p magnitude spectrogram that the study's loop works on.

    The middle of the recording without leading and trailing silence; mono, 22.05 kHz, n_fft 2048, hop 512,
    Hann. Its peak is at full scale, as released recordings have it: log1p magnitudes reach 4 to 5, as in the
    study.

    Parameters
    ----------
    audio : Audio
    seconds : float
        At most.

    Returns
    -------
    ndarray, shape (1025, frames), float32

    Raises
    ------
    AudioError
        The recording is silent.
    """
    if audio.is_silent:
        raise AudioError(f"{audio.name} is silent: choose a recording with sound")
    sound = audio.mono().trim()
    begin = max(sound.duration - seconds, 0.0) / 2
    excerpt = sound.slice(begin, begin + seconds).resample(STUDY_RATE)
    if excerpt.is_silent:
        raise AudioError(f"{audio.name} is silent in its middle {seconds:g} s: choose another part of it")
    chunks = stft(excerpt.with_samples(excerpt.samples / excerpt.peak).blocks(), STUDY_N_FFT)
    magnitudes: NDArray[np.float32] = np.abs(np.concatenate([chunk[0] for chunk in chunks]).T)
    return np.log1p(magnitudes)


def _titled(progress: Progress, title: str) -> Progress:
    def report(fraction: float, message: str) -> None:
        progress(fraction, f"{title}: {message}")

    return report


def _plan(steps: int) -> Iterator[tuple[dict[str, object], str]]:
    """Yield the settings of each row and what the study reported for it."""
    for clamp, (optimiser, loss), weight in product((True, False), (("adam", "mse"), ("sgd", "mae")), STYLE_WEIGHTS):
        for rate, reported in zip(LEARNING_RATES, REPORTED[optimiser, weight], strict=True):
            changes: dict[str, object] = {
                "optimiser": optimiser,
                "loss": loss,
                "learning_rate": rate,
                "style_weight": weight,
                "clamp": clamp,
                "steps": round(steps * 0.1 / rate) if optimiser == "adam" else steps,
                "patience": 10 if optimiser == "adam" else 3,
                "target": CURED,
            }
            yield changes, reported if clamp else ""
    for loss, rate in (("mae", 0.5), ("mse", 1.0)):
        yield (
            {
                "optimiser": "polyak",
                "loss": loss,
                "learning_rate": rate,
                "clamp": False,
                "steps": steps,
                "target": CURED,
            },
            "",
        )


NAMES = {"adam": "Adam", "sgd": "SGD", "polyak": "Polyak step", "mse": "MSE", "mae": "MAE"}


def _title(settings: GramTransfer) -> str:
    method = f"{NAMES[settings.optimiser]} + {NAMES[settings.loss]}"
    clamp = "clamped" if settings.clamp else "no clamp"
    return f"{method}, rate {settings.learning_rate:g}, weight {settings.style_weight:g}, {clamp}"


COLUMNS = (
    "optimiser",
    "loss",
    "learning rate",
    "style weight",
    "clamp",
    "start",
    "end",
    "end / start",
    "steps",
    "study",
    "why",
)


def _cells(row: LossRow) -> list[str]:
    settings = row.settings
    return [
        NAMES[settings.optimiser],
        NAMES[settings.loss],
        f"{settings.learning_rate:g}",
        f"{settings.style_weight:g}",
        "yes" if settings.clamp else "no",
        f"{row.losses[0]:.6f}",
        f"{row.losses[-1]:.6f}",
        f"{row.kept:.2%}",
        str(len(row.losses) - 1),
        row.reported,
        row.reason,
    ]


SHORT_COLUMNS = ("descent", "rate", "weight", "clamp", "left", "why")


def short_cells(row: LossRow) -> list[str]:
    """Return what a screen shows of a row, a cell for each of `SHORT_COLUMNS`."""
    settings = row.settings
    return [
        f"{NAMES[settings.optimiser]} + {NAMES[settings.loss]}",
        f"{settings.learning_rate:g}",
        f"{settings.style_weight:g}",
        "yes" if settings.clamp else "no",
        f"{row.kept:.1%}",
        row.reason,
    ]


PAGE_COLUMNS = ("descent", "rate", "weight", "clamp", "loss", "the study's", "why")


def page_cells(row: LossRow) -> list[str]:
    """Return what a page shows of a row, a cell for each of `PAGE_COLUMNS`: narrow but for the last."""
    *settings, _, why = short_cells(row)
    return [*settings, f"{row.losses[0]:.6f} → {row.losses[-1]:.6f}", row.reported, why]


def _markdown(rows: Sequence[LossRow], content: Audio, style: Audio, seconds: float) -> str:
    table = [COLUMNS, ["---"] * len(COLUMNS), *map(_cells, rows)]
    lines = ["| " + " | ".join(cells) + " |" for cells in table]
    return "\n".join(
        [
            "# Why the study's style loss stood still",
            "",
            f"Content `{Path(content.name).name}`, style `{Path(style.name).name}`, the middle {seconds:g} s "
            "of each: mono, 22.05 kHz, peak at full scale, log1p magnitudes, the study's random network.",
            "The column *study* is what the study printed on its own recordings.",
            "",
            "- The clamp into [0, 1] cuts off what the style is made of: the loss sticks.",
            "- The style weight sits inside the square: 5000 for 2500 multiplies an MSE by 4, an MAE by 2, "
            "and leads nowhere else.",
            "- SGD's updates are the size of float32's rounding, clamp or not. "
            "Polyak's step, loss / ‖gradient‖², finds its own length.",
            "- An MAE falls as the root of an MSE: 5 % of the one is 0.25 % of the other.",
            "",
            *lines,
            "",
        ]
    )


def _csv(rows: Sequence[LossRow]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([COLUMNS, *map(_cells, rows)])
    return text.getvalue()


RATE_COLOURS = dict(zip(LEARNING_RATES, ("#7fb8d6", "#2f7fb5", "#0b3c68"), strict=True))
OTHER_COLOURS = {("sgd", "mae"): "#8c8c8c", ("polyak", "mae"): "#e8923a", ("polyak", "mse"): "#b3261e"}


def loss_figure(rows: Sequence[LossRow]) -> Figure:
    """Draw the losses of some rows relative to their start, with the clamp and without."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5.2), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    _panel(left, [row for row in rows if row.settings.clamp], "Clamped into [0, 1], as in the study")
    _panel(right, [row for row in rows if not row.settings.clamp], "Without the clamp")
    left.set_ylabel("style loss, as a share of its start")
    shown = {
        label: line for axes in (left, right) for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=3, frameon=False)
    return figure


def _panel(axes: Axes, rows: Sequence[LossRow], title: str) -> None:
    from matplotlib.ticker import FuncFormatter

    for row in rows:
        settings = row.settings
        label = f"{NAMES[settings.optimiser]} + {NAMES[settings.loss]}"
        if settings.optimiser == "adam":
            colour = RATE_COLOURS[settings.learning_rate]
            label += f", rate {settings.learning_rate:g}"
        else:
            colour = OTHER_COLOURS[settings.optimiser, settings.loss]
            label += ", all rates" if settings.optimiser == "sgd" else ""
        # the second style weight has the same curve: dotted
        known = label in axes.get_legend_handles_labels()[1]
        axes.plot(
            np.arange(1, len(row.losses) + 1),
            row.losses / row.losses[0],
            color=colour,
            linewidth=1.2 if known else 2.4,
            linestyle=":" if known else "-",
            marker="o" if settings.optimiser == "sgd" else "",
            label=None if known else label,
            zorder=3 if settings.optimiser == "sgd" else 2,
        )
    for level in (0.2, 0.02):
        axes.axhline(level, color="black", linewidth=0.8, linestyle="--")
    axes.set(title=title, xlabel="step (dotted: style weight 5000)", xscale="log", yscale="log")
    axes.set_ylim(0.008, 1.6)
    axes.set_yticks([1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axes.minorticks_off()
    axes.grid(alpha=0.25)
