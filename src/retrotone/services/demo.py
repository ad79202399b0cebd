"""The demo: the bundled song restyled by an era, a RAVE model and a recording, and a clip that the model generates."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from retrotone.audio.audio import Audio, load
from retrotone.figures.base import png
from retrotone.figures.recordings import feature_figure
from retrotone.progress import Progress, part, silent
from retrotone.rave.model import RaveModel
from retrotone.report import compare
from retrotone.style.transfer import StyleTransfer
from retrotone.utils.assets import asset
from retrotone.utils.files import check_outputs, new_folder, write_whole
from retrotone.utils.pretrained import DEFAULT_MODEL

ERA = "1930s"
# of the generated clip
SEED = 7
# what the demo writes, and what each file is
FILES = {
    "report.html": "all versions, to hear, see and compare",
    "report.png": "its picture: what changed",
    "original.wav": "the song: a clean modern recording",
    "style.wav": "the style: another piece, on an old record",
    f"song-{ERA}.wav": f"the song as a medium of the {ERA} would have kept it",
    "song-rave.wav": f"the song as the RAVE model {DEFAULT_MODEL} plays it",
    "song-style.wav": "the song in the sound of that record",
    "rave.wav": f"a clip that {DEFAULT_MODEL} generates, from record to record",
    "original.png": "original.wav as waveform, mel spectrogram, centroid and chroma",
    "rave.png": "rave.wav as waveform, mel spectrogram, centroid and chroma",
}


def make_demo(folder: str | os.PathLike[str], progress: Progress = silent, overwrite: bool = False) -> dict[Path, str]:
    """Make the demo.

    Parameters
    ----------
    folder : path-like
        Created where missing.
    progress : Progress
        Called as the work proceeds; `Cancelled` raised in it stops the demo.
    overwrite : bool
        Whether files that exist are replaced, such as those of an earlier demo.

    Returns
    -------
    dict of Path to str
        The files made and what each is, the report first.

    Raises
    ------
    OutputError
        The folder cannot be made or written to, or a file of the demo is there.
    """
    folder = Path(folder)
    check_outputs([folder / name for name in FILES], overwrite=overwrite, folder=folder)
    song, record = bundled("demo_song.ogg", "the song"), bundled("demo_style.ogg", "the record")
    transfer, rave = StyleTransfer(), RaveModel.from_pretrained()
    aged = transfer.stylize(song, ERA, progress=part(progress, 0.0, 0.1))
    played = rave.restyle(song, progress=part(progress, 0.1, 0.2))
    transferred = transfer.stylize(song, record, progress=part(progress, 0.2, 0.4))
    clip = rave.generate(seed=SEED, progress=part(progress, 0.4, 0.45))
    sounds = {
        "original.wav": song,
        "style.wav": record,
        f"song-{ERA}.wav": aged,
        "song-rave.wav": played,
        "song-style.wav": transferred,
        "rave.wav": clip,
    }
    progress(0.45, "drawing")
    pictures = {f"{name}.png": png(feature_figure(sound, name)) for sound, name in ((song, "original"), (clip, "rave"))}
    versions = {"original": song, ERA: aged, "RAVE": played, "transfer": transferred}
    comparison = compare(versions, style=record, progress=part(progress, 0.55, 0.9))
    progress(0.9, "writing the files")
    # nothing is written before all is made
    with new_folder(folder):
        for name, sound in sounds.items():
            sound.save(folder / name, overwrite=overwrite)
        for name, picture in pictures.items():
            write_whole(folder / name, picture)
        comparison.save_all([folder / "report.html", folder / "report.png"], overwrite)
    progress(1.0, "done")
    return {folder / name: what for name, what in FILES.items()}


def bundled(file: str, name: str) -> Audio:
    """Load a recording that ships with retrotone, see assets/DEMO.md, and call it `name`."""
    return replace(load(asset(file)), name=name)
