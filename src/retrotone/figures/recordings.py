"""Pictures of recordings: functions that draw on Axes they are given, and the two figures made of them.

`feature_figure` is the study's Figure 1 and `comparison_figure` its Figure 4. Figures are plain
`matplotlib.figure.Figure` objects: no pyplot, no window, nothing global.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrotone.audio.audio import Audio
from retrotone.audio.listening import listen_to
from retrotone.dsp.filterbanks import hz_to_mel, mel_edges
from retrotone.dsp.waveform import extremes
from retrotone.errors import AudioError
from retrotone.features.spectral import chromagram, mel_spectrogram, spectral_centroid
from retrotone.figures.base import COLOURS, STYLE, fitting_title, new_figure, settle, time_axis
from retrotone.progress import Progress, silent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.gridspec import GridSpecFromSubplotSpec
    from matplotlib.image import AxesImage

    from retrotone.style.medium import Medium


# Both perceptually uniform.
MEL_COLOURS, CHROMA_COLOURS = "magma", "cividis"
# Shown below the loudest band, in dB.
DYNAMIC_RANGE = 80.0
# Of centroid lines.
SMOOTHING_SECONDS = 1.0
# Of a waveform: so many of a short recording, and more of one over a minute.
WAVEFORM_POINTS, POINTS_PER_SECOND = 1200, 20
# Long recordings are analysed in pieces of so many seconds, with so many more on both sides: the longest filters of the
# constant-Q transform take 0.5 s.
PIECE_SECONDS, MARGIN_SECONDS = 60.0, 1.0
PITCHES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
# of `PITCHES`: two semitones apart at least, so that labels do not touch
LABELLED = (0, 2, 4, 7, 9, 11)
FREQUENCIES = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 40_000)


def draw_waveform(axes: Axes, audio: Audio, colour: str = COLOURS[0]) -> None:
    """Draw the waveform as a filled envelope.

    Parameters
    ----------
    axes : Axes
    audio : Audio
    colour : str
    """
    low, high = extremes(audio.samples, max(WAVEFORM_POINTS, round(POINTS_PER_SECOND * audio.duration)))
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
    height = float(hz_to_mel(audio.sample_rate / 2))
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
    axes.set_yticks(hz_to_mel(shown), [_hertz(f) for f in shown])
    axes.set_ylabel("frequency (Hz)")
    time_axis(axes, audio.duration)
    return image


def draw_centroid(axes: Axes, centroid: NDArray[np.float32], audio: Audio, colour: str = COLOURS[0]) -> None:
    """Draw a spectral centroid: frames as a thin line, their mean over a second as a thick one.

    Parameters
    ----------
    axes : Axes
    centroid : ndarray, shape (frames,)
        In Hz; 0 where silent.
    audio : Audio
        What it is of: gives the axes their length.
    colour : str
    """
    times = _times(len(centroid), audio)
    axes.plot(times, np.where(centroid > 0, centroid, np.nan), color=colour, linewidth=0.5, alpha=0.3)
    axes.plot(times, _smooth(centroid, audio.duration), color=colour, linewidth=2)
    axes.set_yscale("log")
    axes.set_ylabel("centroid (Hz)")
    axes.grid(axis="y")
    time_axis(axes, audio.duration)
    frequency_ticks(axes.yaxis)


def draw_chroma(axes: Axes, chroma: NDArray[np.float32], audio: Audio) -> AxesImage:
    """Draw a chromagram, C at the bottom.

    Parameters
    ----------
    axes : Axes
    chroma : ndarray, shape (12, frames)
        In [0, 1].
    audio : Audio
        What it is of: gives the axes their length.

    Returns
    -------
    AxesImage
        For a colour bar.
    """
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
    axes.set_yticks(LABELLED, [PITCHES[i] for i in LABELLED])
    axes.set_ylabel("pitch class")
    time_axis(axes, audio.duration)
    return image


def draw_spectrum(
    axes: Axes, mel: NDArray[np.float32], audio: Audio, colour: str = COLOURS[0], width: float = 2, label: str = ""
) -> None:
    """Draw a mel spectrogram's average over time, which shows a medium's bandwidth; its highest band is at 0 dB.

    Parameters
    ----------
    axes : Axes
    mel : ndarray, shape (n_mels, frames)
        From `mel_spectrogram`, in dB.
    audio : Audio
        What it is of.
    colour : str
    width : float
        Of the line, in points.
    label : str
        For a legend.
    """
    mean = 10 * np.log10(np.mean(10 ** (mel.astype(float) / 10), axis=1))
    hertz = mel_edges(len(mel), 0.0, audio.sample_rate / 2)[1:-1]
    axes.plot(hertz, mean - mean.max(), color=colour, linewidth=width, label=label, solid_joinstyle="round")
    axes.set_xscale("log")
    axes.set_xlim(50, hertz[-1])
    axes.set_ylim(-DYNAMIC_RANGE, 3)
    axes.set_xlabel("frequency (Hz)")
    axes.set_ylabel("mean power (dB)")
    axes.grid(axis="both")
    frequency_ticks(axes.xaxis)


def feature_figure(audio: Audio, title: str) -> Figure:
    """Draw one recording: waveform, mel spectrogram, spectral centroid, chromagram (the study's Figure 1)."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figure = new_figure(10, 9.2)
        grid = figure.add_gridspec(4, 2, height_ratios=(1, 2.2, 1.2, 1.4), width_ratios=(1, 0.013), wspace=0.02)
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


def comparison_figure(
    versions: Mapping[str, Audio], medium: Medium | None = None, progress: Progress = silent
) -> Figure:
    """Draw versions of one recording side by side (the study's Figure 4).

    A column a version: waveform, mel spectrogram, spectral centroid (the others' as thin lines), chromagram,
    with shared axes and colour limits. Below, the average spectra together: bandwidth and noise at a glance.

    Parameters
    ----------
    versions : mapping of str to Audio
        By name, in the order to draw. Rates, lengths and channels may differ: all are drawn mono, at the
        highest rate among them.
    medium : Medium, optional
        Whose sound they were given: one more row shows it as dials.
    progress : Progress
        Called before every version.

    Raises
    ------
    AudioError
        No version.
    """
    import matplotlib

    if not versions:
        raise AudioError("there is nothing to compare: give at least one recording")
    # mono, at one rate
    rate = max(audio.sample_rate for audio in versions.values())
    names = [fitting_title(name) for name in versions]
    audios = [listen_to(audio).resample(rate) for audio in versions.values()]
    mels, centroids, chromas = list[NDArray[np.float32]](), list[NDArray[np.float32]](), list[NDArray[np.float32]]()
    for i, (name, audio) in enumerate(zip(names, audios, strict=True)):
        progress(i / len(audios), f"drawing {name}")
        mels.append(_in_pieces(mel_spectrogram, audio))
        centroids.append(_in_pieces(spectral_centroid, audio))
        chromas.append(_in_pieces(chromagram, audio))
    colours = [COLOURS[i % len(COLOURS)] for i in range(len(audios))]
    loudest = max(float(mel.max()) for mel in mels)
    with matplotlib.rc_context(STYLE):
        figure = new_figure(max(4.2 * len(audios) + 0.8, 9), 13 if medium is None else 13.8)
        heights = (3.4, 1) if medium is None else (3.4, 1, 0.2)
        halves = figure.add_gridspec(len(heights), 1, height_ratios=heights)
        grid = halves[0].subgridspec(
            4, len(audios) + 1, height_ratios=(1, 2.2, 1.1, 1.3), width_ratios=(*[1] * len(audios), 0.025)
        )
        table: list[list[Axes]] = []
        for column, audio in enumerate(audios):
            cells = _column(figure, grid, column, table)
            table.append(cells)
            draw_waveform(cells[0], audio, colours[column])
            cells[0].set_title(names[column], color=colours[column])
            power = draw_mel(cells[1], mels[column], audio, loudest)
            for other, centroid, colour in zip(audios, centroids, colours, strict=True):
                ghost = _smooth(centroid, other.duration)
                cells[2].plot(_times(len(ghost), other), ghost, color=colour, linewidth=0.8, alpha=0.6)
            draw_centroid(cells[2], centroids[column], audio, colours[column])
            strength = draw_chroma(cells[3], chromas[column], audio)
        _share_axes(table, max(audio.duration for audio in audios), max(audio.peak for audio in audios) or 1.0)
        figure.colorbar(power, cax=figure.add_subplot(grid[1, -1]), label="power (dB)")
        figure.colorbar(strength, cax=figure.add_subplot(grid[3, -1]), label="strength")
        below = figure.add_subplot(halves[1])
        # the first is drawn first and widest, so that it stays visible below the others
        for column, audio in enumerate(audios):
            draw_spectrum(below, mels[column], audio, colours[column], 1.8 if column else 4, names[column])
        below.set_title("Average spectrum", fontsize=10)
        below.legend(loc="lower left")
        if medium is not None:
            from retrotone.figures.dials import dials, draw_dial_row

            row = figure.add_subplot(halves[2])
            draw_dial_row(row, dials(medium))
            row.set_title(fitting_title(f"The medium: {medium.name}"), fontsize=10)
        settle(figure)
    return figure


def _in_pieces(feature: Callable[[Audio], NDArray[np.float32]], audio: Audio) -> NDArray[np.float32]:
    """Return a feature over time, with the spectra of only a minute in memory."""
    pieces = []
    for start in np.arange(0, audio.duration, PIECE_SECONDS):
        first = max(start - MARGIN_SECONDS, 0.0)
        piece = audio.slice(first, start + PIECE_SECONDS + MARGIN_SECONDS)
        values = feature(piece)
        per_second = values.shape[-1] / piece.duration
        ends = (round((seconds - first) * per_second) for seconds in (start, start + PIECE_SECONDS))
        pieces.append(values[..., slice(*ends)])
    return np.concatenate(pieces, axis=-1)


def _column(figure: Figure, grid: GridSpecFromSubplotSpec, column: int, table: list[list[Axes]]) -> list[Axes]:
    """Add four axes in a column; they share the time axis, and each shares its other axis with the first column's."""
    cells: list[Axes] = []
    for row in range(4):
        time = table[0][0] if table else cells[0] if cells else None
        height = table[0][row] if table else None
        cells.append(figure.add_subplot(grid[row, column], sharex=time, sharey=height))
    return cells


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


def frequency_ticks(axis: Axis) -> None:
    """Label a logarithmic axis with round frequencies."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axis.set_major_locator(FixedLocator(FREQUENCIES))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda hertz, _: _hertz(hertz)))


def _hertz(frequency: float) -> str:
    return f"{frequency / 1000:g}k" if frequency >= 1000 else f"{frequency:g}"
