"""The demo: the bundled song in the sound of an era and of the bundled record, with pictures and a report."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib import resources
from pathlib import Path

from retrotone.audio import Audio, load
from retrotone.figures import feature_figure, png
from retrotone.files import make_folder, write_whole
from retrotone.progress import Progress, part, silent
from retrotone.report import compare
from retrotone.style.transfer import StyleTransfer

ERA = "1930s"


def make_demo(folder: str | os.PathLike[str], progress: Progress = silent) -> dict[Path, str]:
    """Make the demo.

    Parameters
    ----------
    folder : path-like
        Created where missing.
    progress : Progress
        Told how far the work is; `Cancelled` raised in it stops it.

    Returns
    -------
    dict of Path to str
        The files made and what each is, the report first.

    Raises
    ------
    OutputError
        The folder cannot be made or written to.
    """
    folder = make_folder(folder)
    song, record = bundled("demo_song.ogg", "the song"), bundled("demo_style.ogg", "the record")
    transfer = StyleTransfer()
    aged = transfer.stylize(song, ERA, progress=part(progress, 0.0, 0.15))
    retro = transfer.stylize(song, record, progress=part(progress, 0.15, 0.4))
    progress(0.4, "saving the sounds")
    made = {
        song.save(folder / "original.wav"): "the song: a clean modern recording",
        record.save(folder / "style.wav"): "the style: another piece, on an old record",
        aged.save(folder / f"song-{ERA}.wav"): f"the song as a medium of the {ERA} would have kept it",
        retro.save(folder / "song-style.wav"): "the song in the sound of that record",
    }
    progress(0.5, "drawing the original")
    picture = folder / "original.png"
    write_whole(picture, png(feature_figure(song, "original")))
    versions = {"original": song, ERA: aged, "in the record's sound": retro}
    comparison = compare(versions, style=record, progress=part(progress, 0.55, 0.9))
    progress(0.9, "writing the report")
    report = {
        comparison.save(folder / "report.html"): "all versions, to hear, see and compare",
        comparison.save(folder / "report.png"): "its picture: what changed",
    }
    progress(1.0, "done")
    return {**report, picture: "the original, as waveform, mel spectrogram, centroid and chroma", **made}


def bundled(file: str, name: str) -> Audio:
    """Load a recording that ships with retrotone, see assets/DEMO.md, and call it `name`."""
    with resources.as_file(resources.files("retrotone") / "assets" / file) as path:
        return replace(load(path), name=name)
