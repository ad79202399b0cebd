"""Compare versions of a recording: a table, a figure, and one HTML file to send to a friend."""

from __future__ import annotations

import base64
import html
import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrotone.audio.audio import PEAK_CEILING, Audio, load
from retrotone.audio.player import PLAYER_SECONDS, player
from retrotone.errors import AudioError, OutputError
from retrotone.figures.base import COLOURS, PAPER, png, time_boxes
from retrotone.figures.recordings import comparison_figure
from retrotone.measures import MEANINGS, MEASURES
from retrotone.metrics import (
    SECONDS,
    Profile,
    chroma_cosine,
    envelope_gain,
    log_spectral_distance,
    loudness_change,
    onset_f1,
    style_gain,
    true_peak_db,
)
from retrotone.progress import Progress, bar_in_notebooks, part, silent
from retrotone.utils.files import check_outputs, write_whole
from retrotone.utils.templates import render_page
from retrotone.utils.text import clock

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from retrotone.figures.dials import Dial
    from retrotone.style.medium import Medium


@dataclass(frozen=True)
class ComparisonRow:
    """One version in the table; comparisons are None where there is nothing to compare with.

    Attributes
    ----------
    version : str
        Its name.
    seconds, loudness_lufs, true_peak_db : float
        Of the whole recording: duration, LUFS, dBTP.
    loudness_change_lu, chroma_cosine, onset_f1, log_spectral_distance : float or None
        Against the first version; None for the first.
    style_gain, envelope_gain : float or None
        Share of the way from the first version to the style; None for the first, or without a style.
    """

    version: str
    seconds: float
    loudness_lufs: float
    true_peak_db: float
    loudness_change_lu: float | None = None
    chroma_cosine: float | None = None
    onset_f1: float | None = None
    log_spectral_distance: float | None = None
    style_gain: float | None = None
    envelope_gain: float | None = None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Versions of a recording, measured; made by `compare`, and drawn when the figure is first asked for.

    Attributes
    ----------
    versions : mapping of str to Audio
        As given.
    table : list of ComparisonRow
        One a version, in order.
    medium : Medium or None
        Of the style, to be shown as a row of dials.
    """

    versions: Mapping[str, Audio]
    table: list[ComparisonRow]
    medium: Medium | None = None

    @cached_property
    def figure(self) -> Figure:
        """The first minute of the versions side by side: `retrotone.figures.recordings.comparison_figure`."""
        return comparison_figure({name: audio.slice(0, SECONDS) for name, audio in self.versions.items()}, self.medium)

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> Path:
        """Write the comparison; the same comparison gives the same bytes.

        Parameters
        ----------
        path : path-like
            ``.html`` for a self-contained page with players, table and figure; ``.png`` for the figure alone.
        overwrite : bool
            Whether a file that exists is replaced.

        Returns
        -------
        Path
            `path`.

        Raises
        ------
        OutputError
            Another suffix, a file that exists, a missing folder, a full disk.
        """
        return self.save_all([path], overwrite)[0]

    def save_all(self, paths: Sequence[str | os.PathLike[str]], overwrite: bool = False) -> list[Path]:
        """Write the comparison to several files as `save` does, the figure drawn once, and return their paths."""
        outputs = [Path(path) for path in paths]
        for path in outputs:
            if path.suffix.lower() not in (".html", ".png"):
                raise OutputError(f"{path}: a comparison is written as .html or .png, not '{path.suffix.lower()}'")
        check_outputs(outputs, overwrite=overwrite)
        is_page = [path.suffix.lower() == ".html" for path in outputs]
        picture, page = self._drawn() if any(is_page) else (png(self.figure), "")
        for path, html_ in zip(outputs, is_page, strict=True):
            write_whole(path, page.encode() if html_ else picture)
        return outputs

    def _repr_html_(self) -> str:
        # a page of its own, so that its style does not reach the notebook's
        page = html.escape(self._drawn()[1])
        return f'<iframe srcdoc="{page}" style="width: 100%; height: 44rem; border: 0"></iframe>'

    def _drawn(self) -> tuple[bytes, str]:
        """Return the picture, and the page with it and with players."""
        # one gain for all, so that what is louder stays louder and nothing clips
        gain = min(1.0, PEAK_CEILING / max(10 ** (row.true_peak_db / 20) for row in self.table))
        with ThreadPoolExecutor() as pool:
            players = pool.map(partial(player, gain=gain), self.versions.values())
            # while they are encoded
            picture = png(self.figure)
            return picture, self._page(picture, list(players))

    def _page(self, picture: bytes, sources: Sequence[str]) -> str:
        shown: list[Dial] = []
        # the physics of media is not loaded for nothing
        if self.medium is not None:
            from retrotone.figures.dials import dials

            shown = dials(self.medium)
        return render_page(
            "report.html.j2",
            **self._players(sources, ".picture img"),
            measures=measures_in(self.table),
            meanings=MEANINGS,
            clock=clock,
            isfinite=math.isfinite,
            figure=base64.b64encode(picture).decode(),
            paper=PAPER,
            dial_colour=COLOURS[0],
            dials=shown,
            medium_name="" if self.medium is None else self.medium.name,
            cut=any(row.seconds > PLAYER_SECONDS for row in self.table),
            download="",
            player_minutes=PLAYER_SECONDS / 60,
            measured_seconds=SECONDS,
        )

    def players(self, sources: Sequence[str], picture: str, download: str = "") -> str:
        """Return HTML with a player of each version, which ``synchronise`` of players.js connects.

        Parameters
        ----------
        sources : sequence of str
            URL of each version's sound.
        picture : str
            CSS selector of the image of the figure.
        download : str
            File name that the last version can be saved under; empty for no such link.
        """
        return render_page("players.html.j2", **self._players(sources, picture), download=download)

    def _players(self, sources: Sequence[str], picture: str) -> dict[str, Any]:
        boxes = time_boxes(self.figure)
        times = {
            "columns": sorted({(left, right) for left, right, _, _ in boxes}),
            "top": min(top for _, _, top, _ in boxes),
            "bottom": max(bottom for _, _, _, bottom in boxes),
            # the figure's time axis
            "seconds": min(max(audio.duration for audio in self.versions.values()), SECONDS),
        }
        versions = [
            {"row": row, "colour": COLOURS[i % len(COLOURS)], "source": source}
            for i, (row, source) in enumerate(zip(self.table, sources, strict=True))
        ]
        return {"versions": versions, "picture": picture, "figure_times": times}


@bar_in_notebooks
def compare(
    versions: Mapping[str, Audio | str | os.PathLike[str]],
    style: Audio | str | os.PathLike[str] | None = None,
    progress: Progress = silent,
    medium: Medium | None = None,
) -> Comparison:
    """Measure and draw versions of one recording against the first of them.

    Parameters
    ----------
    versions : mapping of str to Audio or path
        By name, the original first. Rates, lengths and channels may differ. Table and figure look at the
        first 60 s of each, but for duration, loudness and true peak.
    style : Audio or path, optional
        What the versions were to sound like: adds the style gain and the envelope gain of each.
    progress : Progress
        Called before every version.
    medium : Medium, optional
        Whose sound they were given: shown as a row of dials, in page and figure.

    Returns
    -------
    Comparison
        With `.table`, `.figure` and `.save("report.html")`.

    Raises
    ------
    AudioError
        No version, or one that cannot be read, is silent or under 0.2 s long.

    Examples
    --------
    >>> compare({"original": song, "1930s": retro}).save("report.html")  # doctest: +SKIP
    """
    if not versions:
        raise AudioError("there is nothing to compare: give at least one recording")
    measured = len(versions) / (len(versions) + 1)
    loaded = {name: _loaded(version) for name, version in versions.items()}
    target = None if style is None else _loaded(style)
    table = comparison_table(loaded, target, part(progress, 0.0, measured))
    progress(measured, "drawing")
    return Comparison(loaded, table, medium)


def _loaded(recording: Audio | str | os.PathLike[str]) -> Audio:
    return recording if isinstance(recording, Audio) else load(recording)


def comparison_table(
    versions: Mapping[str, Audio], style: Audio | None = None, progress: Progress = silent
) -> list[ComparisonRow]:
    """Return the table of `compare` alone; parameters and errors as there."""
    target = None if style is None else Profile(style)
    first: Profile | None = None
    table = []
    for i, (name, audio) in enumerate(versions.items()):
        progress(i / len(versions), f"measuring {name}")
        profile = Profile(audio)
        against: dict[str, Any] = {} if first is None else _against(first, profile, target)
        table.append(ComparisonRow(name, audio.duration, profile.loudness, true_peak_db(profile), **against))
        first = first or profile
    return table


def measures_in(table: Sequence[ComparisonRow]) -> dict[str, str]:
    """Return those of `MEASURES` that some version in a table has."""
    return {name: label for name, label in MEASURES.items() if any(getattr(row, name) is not None for row in table)}


def _against(first: Profile, version: Profile, style: Profile | None) -> dict[str, float]:
    measures = {
        "loudness_change_lu": loudness_change(first, version),
        "chroma_cosine": chroma_cosine(first, version),
        "onset_f1": onset_f1(first, version),
        "log_spectral_distance": log_spectral_distance(first, version),
    }
    if style is not None:
        measures["style_gain"] = style_gain(first, style, version)
        measures["envelope_gain"] = envelope_gain(first, style, version)
    return measures
