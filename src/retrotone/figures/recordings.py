"""Pictures of recordings: functions that draw on Axes they are given, and the two figures made of them.

`feature_figure` is the study's Figure 1 and `comparison_figure` its Figure 4. Figures are plain
`matplotlib.figure.Figure` objects: no pyplot, no window, nothing global.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrotone.audio.audio import Audio
from retrotone.errors import AudioError
from retrotone.features.spectral import chromagram, mel_spectrogram, spectral_centroid, waveform_envelope

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage
    from matplotlib.layout_engine import LayoutEngine

    from retrotone.rave.training import Point

PAPER, INK, FAINT = "#fbf8f1", "#2d2a26", "#d9d2c4"
COLOURS = ("#2f5d73", "#b5532f", "#6f7f3f", "#c2912e", "#7a4f74", "#4f8a83")  # one a version, in order
MEL_COLOURS, CHROMA_COLOURS = "magma", "cividis"  # both perceptually uniform
DYNAMIC_RANGE = 80.0  # dB shown under the loudest band
SMOOTHING_SECONDS = 1.0  # of centroid lines
NAME_LENGTH = 32  # characters that fit above a column
DPI = 110
PITCHES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
TIME_STEPS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)  # s
FREQUENCIES = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 40_000)

STYLE: Any = {  # matplotlib types the keys as literals
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same picture on every machine
    "font.size": 9,
    "text.color": INK,
    "axes.facecolor": PAPER,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
}


def draw_waveform(axes: Axes, audio: Audio, colour: str = COLOURS[0]) -> None:
    """Draw the waveform as a filled envelope: seconds across, amplitude up (full scale at 1)."""
    low, high = waveform_envelope(audio, 1200)
    axes.fill_between(_times(len(low), audio), low, high, color=colour, linewidth=0.3, step="mid")
    axes.set_ylabel("amplitude")
    time_axis(axes, audio.duration)


def draw_mel(axes: Axes, mel: NDArray[np.float32], audio: Audio, top_db: float | None = None) -> AxesImage:
    """Draw a mel spectrogram.

    Parameters
    ----------
    axes : Axes
    mel : ndarray, shape (n_mels, frames)
        From `mel_spectrogram`, in dB.
    audio : Audio
        What it is of: gives the axes their length and height.
    top_db : float, optional
        Level called 0 dB, in the brightest colour, by default the highest; the darkest lies 80 dB under it.

    Returns
    -------
    AxesImage
        For a colour bar.
    """
    top = float(mel.max()) if top_db is None else top_db
    height = _mels(audio.sample_rate / 2)
    image = axes.imshow(
        mel - top,
        origin="lower",
        aspect="auto",
        cmap=MEL_COLOURS,
        vmin=-DYNAMIC_RANGE,
        vmax=0,
        extent=(0, audio.duration, 0, height),
        interpolation="antialiased",
    )
    shown = [hertz for hertz in FREQUENCIES if 500 <= hertz < 0.95 * audio.sample_rate / 2]
    axes.set_yticks([_mels(f) for f in shown], [_hertz(f) for f in shown])
    axes.set_ylabel("frequency (Hz)")
    time_axis(axes, audio.duration)
    return image


def draw_centroid(axes: Axes, centroid: NDArray[np.float32], audio: Audio, colour: str = COLOURS[0]) -> None:
    """Draw a spectral centroid, shape (frames,), in Hz: frames faintly, their mean over a second boldly."""
    times = _times(len(centroid), audio)
    axes.plot(times, np.where(centroid > 0, centroid, np.nan), color=colour, linewidth=0.5, alpha=0.3)
    axes.plot(times, _smooth(centroid, audio.duration), color=colour, linewidth=2)
    axes.set_yscale("log")
    axes.set_ylabel("centroid (Hz)")
    axes.grid(axis="y")
    time_axis(axes, audio.duration)
    _frequency_ticks(axes.yaxis)


def draw_chroma(axes: Axes, chroma: NDArray[np.float32], audio: Audio) -> AxesImage:
    """Draw a chromagram, shape (12, frames), C at the bottom; return the image for a colour bar."""
    image = axes.imshow(
        chroma,
        origin="lower",
        aspect="auto",
        cmap=CHROMA_COLOURS,
        vmin=0,
        vmax=1,
        extent=(0, audio.duration, -0.5, 11.5),
        interpolation="antialiased",
    )
    naturals = [i for i, name in enumerate(PITCHES) if len(name) == 1]
    axes.set_yticks(naturals, [PITCHES[i] for i in naturals])
    axes.set_ylabel("pitch class")
    time_axis(axes, audio.duration)
    return image


def draw_spectrum(
    axes: Axes,
    mel: NDArray[np.float32],
    audio: Audio,
    colour: str = COLOURS[0],
    width: float = 2,
    label: str = "",
) -> None:
    """Draw a mel spectrogram's average over time, its highest band at 0 dB: what the medium let through."""
    mean = 10 * np.log10(np.mean(10 ** (mel.astype(float) / 10), axis=1))
    hertz = _band_centres(len(mel), audio.sample_rate)
    axes.plot(hertz, mean - mean.max(), color=colour, linewidth=width, label=label, solid_joinstyle="round")
    axes.set_xscale("log")
    axes.set_xlim(50, hertz[-1])
    axes.set_ylim(-DYNAMIC_RANGE, 3)
    axes.set_xlabel("frequency (Hz)")
    axes.set_ylabel("mean power (dB)")
    axes.grid(axis="both")
    _frequency_ticks(axes.xaxis)


def feature_figure(audio: Audio, title: str) -> Figure:
    """Draw one recording: waveform, mel spectrogram, spectral centroid, chromagram (the study's Figure 1)."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figure = new_figure(10, 9.2)
        grid = figure.add_gridspec(
            4, 2, height_ratios=(1, 2.2, 1.2, 1.4), width_ratios=(1, 0.013), wspace=0.02
        )
        rows: list[Axes] = []
        for row in range(4):
            rows.append(figure.add_subplot(grid[row, 0], sharex=rows[0] if rows else None))
        draw_waveform(rows[0], audio)
        image = draw_mel(rows[1], mel_spectrogram(audio), audio)
        figure.colorbar(image, cax=figure.add_subplot(grid[1, 1]), label="power (dB)")
        draw_centroid(rows[2], spectral_centroid(audio), audio, COLOURS[1])
        image = draw_chroma(rows[3], chromagram(audio), audio)
        figure.colorbar(image, cax=figure.add_subplot(grid[3, 1]), label="strength")
        for axes in rows[:-1]:
            axes.tick_params(labelbottom=False)
            axes.set_xlabel("")
        rows[0].set_title(fitting_title(title))
        figure.align_ylabels(rows)
        settle(figure)
    return figure


def comparison_figure(versions: Mapping[str, Audio]) -> Figure:
    """Draw versions of one recording side by side (the study's Figure 4).

    A column a version: waveform, mel spectrogram, spectral centroid (the others' as thin lines), chromagram,
    with shared axes and colour limits. Below, the average spectra together: bandwidth and noise at a glance.

    Parameters
    ----------
    versions : mapping of str to Audio
        By name, in the order to draw. Rates, lengths and channels may differ: all are drawn mono, at the
        highest rate among them.

    Raises
    ------
    AudioError
        No version.
    """
    import matplotlib

    if not versions:
        raise AudioError("there is nothing to compare: give at least one recording")
    rate = max(audio.sample_rate for audio in versions.values())
    names = [fitting_title(name) for name in versions]
    audios = [audio.mono().resample(rate) for audio in versions.values()]
    mels = [mel_spectrogram(audio) for audio in audios]
    centroids = [spectral_centroid(audio) for audio in audios]
    colours = [COLOURS[i % len(COLOURS)] for i in range(len(audios))]
    loudest = max(float(mel.max()) for mel in mels)
    with matplotlib.rc_context(STYLE):
        figure = new_figure(max(4.2 * len(audios) + 0.8, 9), 13)
        halves = figure.add_gridspec(2, 1, height_ratios=(3.4, 1))
        grid = halves[0].subgridspec(
            4, len(audios) + 1, height_ratios=(1, 2.2, 1.1, 1.3), width_ratios=(*[1] * len(audios), 0.025)
        )
        table: list[list[Axes]] = []
        for column, audio in enumerate(audios):
            cells: list[Axes] = []
            for row in range(4):
                time = table[0][0] if table else cells[0] if cells else None
                height = table[0][row] if table else None
                cells.append(figure.add_subplot(grid[row, column], sharex=time, sharey=height))
            table.append(cells)
            draw_waveform(cells[0], audio, colours[column])
            cells[0].set_title(names[column], color=colours[column])
            power = draw_mel(cells[1], mels[column], audio, loudest)
            for other, centroid, colour in zip(audios, centroids, colours, strict=True):
                ghost = _smooth(centroid, other.duration)
                cells[2].plot(_times(len(ghost), other), ghost, color=colour, linewidth=0.8, alpha=0.6)
            draw_centroid(cells[2], centroids[column], audio, colours[column])
            strength = draw_chroma(cells[3], chromagram(audio), audio)
        _share_axes(
            table, max(audio.duration for audio in audios), max(audio.peak for audio in audios) or 1.0
        )
        figure.colorbar(power, cax=figure.add_subplot(grid[1, -1]), label="power (dB)")
        figure.colorbar(strength, cax=figure.add_subplot(grid[3, -1]), label="strength")
        below = figure.add_subplot(halves[1])
        # the first lies widest and lowest: it shows where the others cover it
        for column, audio in enumerate(audios):
            draw_spectrum(below, mels[column], audio, colours[column], 1.8 if column else 4, names[column])
        below.set_title("Average spectrum", fontsize=10)
        below.legend(loc="lower left")
        settle(figure)
    return figure


def training_figure(history: Sequence[Point]) -> Figure:
    """Draw how a RAVE learns: its distances above, what its latents carry below, by step.

    Parameters
    ----------
    history : sequence of Point
        See `retrotone.rave.training`.
    """
    import matplotlib

    steps = [point.step for point in history]
    with matplotlib.rc_context(STYLE):
        figure = new_figure(8, 6)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        for place, (name, values) in enumerate(
            {
                "spectral distance": [point.spectral for point in history],
                "… on recordings held out": [point.held_out for point in history],
                "error of the waveform": [point.wave for point in history],
            }.items()
        ):
            above.plot(steps, values, color=COLOURS[place], marker="." if len(steps) < 3 else "", label=name)
        above.set_yscale("log")
        above.set_ylabel("distance")
        above.set_title("Training")
        above.legend()
        below.plot(steps, [point.divergence for point in history], color=COLOURS[3])
        below.set_ylabel("latents (nats a frame)")
        below.set_xlabel("step")
        settle(figure)
    return figure


def fit(figure: Figure, width: float, height: float) -> None:
    """Give a figure that was settled another size, in inches, and lay it out anew."""
    figure.set_size_inches(width, height)
    figure.set_layout_engine(_layout())
    settle(figure)


def zoom(figure: Figure, start: float, stop: float) -> list[tuple[float, float]]:
    """Show only a stretch of a `feature_figure` or `comparison_figure`, in seconds.

    Returns
    -------
    list of (float, float)
        Where each column's time axis begins and ends, as shares of the figure's width.
    """
    first = figure.axes[0]
    for axes in first.get_shared_x_axes().get_siblings(first):
        label = axes.get_xlabel()
        time_axis(axes, stop, start)
        axes.set_xlabel(label)
    places = (axes.get_position() for axes in first.get_shared_x_axes().get_siblings(first))
    return sorted({(round(place.x0, 4), round(place.x1, 4)) for place in places})


def png(figure: Figure) -> bytes:
    """Return a figure as PNG; the same figure gives the same bytes."""
    data = io.BytesIO()
    with _any_script():
        figure.savefig(data, format="png", metadata={"Software": None})
    return data.getvalue()


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of so many inches, on paper, that lays itself out."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER, layout=_layout())


def settle(figure: Figure) -> None:
    """Lay the figure out once and for all: a second layout would shift it by a fraction of a pixel."""
    with _any_script():
        figure.draw_without_rendering()
    figure.set_layout_engine("none")


def _layout() -> LayoutEngine:
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    margin = 0.01
    return ConstrainedLayoutEngine(rect=(margin, margin, 1 - 2 * margin, 1 - 2 * margin))


@contextmanager
def _any_script() -> Iterator[None]:
    """Draw names in scripts that the font lacks as boxes, without a warning a letter."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


def _times(frames: int, audio: Audio) -> NDArray[np.float64]:
    return np.linspace(0, audio.duration, frames)


def _smooth(centroid: NDArray[np.float32], duration: float) -> NDArray[np.float64]:
    """Return the running geometric mean over about a second; silent frames (0 Hz) do not count."""
    width = max(3, round(2 * SMOOTHING_SECONDS * len(centroid) / duration)) | 1
    window = np.hanning(width + 2)[1:-1]
    sounding = (centroid > 0).astype(float)
    octaves = np.log2(np.maximum(centroid, 1.0).astype(float)) * sounding
    middle = slice(width // 2, width // 2 + len(centroid))
    total, weight = (np.convolve(values, window)[middle] for values in (octaves, sounding))
    smooth: NDArray[np.float64] = np.where(weight > 1e-6, 2 ** (total / np.maximum(weight, 1e-6)), np.nan)
    return smooth


def _share_axes(table: list[list[Axes]], duration: float, peak: float) -> None:
    """Give all cells (columns of rows) one time axis, and label only the left and lower edges."""
    for column, cells in enumerate(table):
        cells[0].set_ylim(-1.05 * peak, 1.05 * peak)
        for row, axes in enumerate(cells):
            time_axis(axes, duration)
            if row < len(cells) - 1:
                axes.tick_params(labelbottom=False)
                axes.set_xlabel("")
            if column:
                axes.tick_params(labelleft=False)
                axes.set_ylabel("")


def time_axis(axes: Axes, stop: float, start: float = 0.0) -> None:
    """Make the axis across run from one time to another, in seconds, told in minutes and seconds."""
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    step = next((step for step in TIME_STEPS if step >= (stop - start) / 7), TIME_STEPS[-1])
    axes.set_xlim(start, stop)
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: _clock(seconds, step)))
    axes.set_xlabel("time (mm:ss)")


def _clock(seconds: float, step: float) -> str:
    minutes, rest = divmod(round(seconds, 2), 60)
    return f"{minutes:.0f}:{rest:02.0f}" if step >= 1 else f"{minutes:.0f}:{rest:05.2f}"


def _frequency_ticks(axis: Axis) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axis.set_major_locator(FixedLocator(FREQUENCIES))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda hertz, _: _hertz(hertz)))


def _hertz(frequency: float) -> str:
    return f"{frequency / 1000:g}k" if frequency >= 1000 else f"{frequency:g}"


def _mels(frequency: float) -> float:
    import librosa

    return float(librosa.hz_to_mel(frequency))


def _band_centres(n_mels: int, sample_rate: int) -> NDArray[np.float64]:
    import librosa

    edges: NDArray[np.float64] = librosa.mel_frequencies(n_mels=n_mels + 2, fmin=0.0, fmax=sample_rate / 2)
    return edges[1:-1]


def fitting_title(text: str) -> str:
    """Return text on one line, short enough for a column, that matplotlib does not read as mathematics."""
    line = " ".join(text.split())
    return (line if len(line) <= NAME_LENGTH else line[: NAME_LENGTH - 1] + "…").replace("$", r"\$")
