"""Export a medium for Neutone FX, which runs it on a channel strip of any DAW."""

from pathlib import Path

import numpy as np
import torch
from neutone_sdk import ContinuousNeutoneParameter, NeutoneParameter
from torch import Tensor

from retrotone.audio.audio import Audio, load
from retrotone.rave.neutone import Facts, NeutoneEffect
from retrotone.style.media.chain import makeup_db
from retrotone.style.media.media import REFERENCE_LUFS
from retrotone.style.medium import Medium
from retrotone.style.strip import DIALS, Strip
from retrotone.utils.assets import bundled_song

# In Hz, of most DAWs today.
SAMPLE_RATE = 48_000
# a longer one is cheaper, a shorter one sooner
BUFFER_SIZES = (256, 512, 1024, 2048)
# of the bundled song, on which the gains are set
PROGRAMME_SECONDS = 10.0


class NeutoneMedium(NeutoneEffect):
    """A medium, with a dial for each of `DIALS`.

    Parameters
    ----------
    medium : Medium
    sample_rate : int
        In Hz.
    """

    def __init__(self, medium: Medium, sample_rate: int) -> None:
        strip = fitted_strip(medium, sample_rate)
        facts = Facts(
            medium.name,
            f"{medium.carrier or medium.name}: {medium.description}",
            "Levels are set for music at -20 LUFS: with the gain of the input, louder music is distorted more, and "
            "its noise is softer.",
            "Filters, saturation, unsteady speed, noise and clicks of a recording medium, by retrotone.",
            ["vintage", "lo-fi"],
        )
        super().__init__(strip, facts, sample_rate, list(BUFFER_SIZES), strip.delay)

    def get_neutone_parameters(self) -> list[NeutoneParameter]:
        """Return what can be set while it plays."""
        return [
            ContinuousNeutoneParameter(dial, f"how much of the medium's {dial} is wanted", default_value=1.0)
            for dial in DIALS
        ]

    def do_forward_pass(self, x: Tensor, params: dict[str, Tensor]) -> Tensor:
        """(2, samples) -> the same shape."""
        dials = torch.cat([params["noise"], params["crackle"], params["wow"]])
        played: Tensor = self.model(x, dials.clamp(0.0, 1.0))
        return played


def fitted_strip(medium: Medium, sample_rate: int) -> Strip:
    """Return the module of a medium with the gains that the bundled song needs at -20 LUFS.

    Parameters
    ----------
    medium : Medium
    sample_rate : int
        In Hz.

    Raises
    ------
    StyleError
        A part that cannot be exported.
    """
    song = load(bundled_song()).slice(0, PROGRAMME_SECONDS).resample(sample_rate).with_loudness(REFERENCE_LUFS)
    makeup = makeup_db(medium, [song.samples], song.channels, sample_rate, programme_lufs=REFERENCE_LUFS)
    plain = played(Strip(medium, sample_rate, makeup, 0.0), song)
    return Strip(medium, sample_rate, makeup, medium.apply(song).loudness - plain.loudness)


def played(strip: Strip, song: Audio) -> Audio:
    """Return a stereo recording as a strip plays it, as late as it comes; less than a buffer is cut off at its end."""
    count = song.frames // BUFFER_SIZES[-1] * BUFFER_SIZES[-1]
    pieces = np.split(song.samples[:, :count], count // BUFFER_SIZES[-1], axis=1)
    with torch.no_grad():
        made = [strip(torch.from_numpy(piece), torch.ones(len(DIALS))).numpy() for piece in pieces]
    return song.with_samples(np.concatenate(made, axis=1))


def export_medium(medium: Medium, path: Path, sample_rate: int | None = None) -> None:
    """Write a medium for Neutone FX.

    Parameters
    ----------
    medium : Medium
    path : Path
        A ``.nm`` file.
    sample_rate : int, optional
        In Hz, at which it runs; by default 48,000.

    Raises
    ------
    StyleError
        A part that cannot be exported.
    OutputError
        It cannot be written.
    """
    NeutoneMedium(medium, sample_rate or SAMPLE_RATE).write(path)
