"""Export a medium for Neutone FX, which runs it on a channel strip of any DAW."""

from copy import deepcopy
from pathlib import Path

import torch
from neutone_sdk import ContinuousNeutoneParameter, NeutoneParameter
from torch import Tensor

from retrotone.audio.audio import Audio, load
from retrotone.rave.neutone import Facts, NeutoneEffect
from retrotone.style.media.chain import MAX_MAKEUP_DB
from retrotone.style.media.media import REFERENCE_LUFS
from retrotone.style.medium import Medium
from retrotone.style.torchscript.dials import DIALS, STRENGTHS
from retrotone.style.torchscript.medium import MediumModule
from retrotone.utils.assets import bundled_song

# In Hz, of most DAWs today.
SAMPLE_RATE = 48_000
# a longer one is cheaper, a shorter one sooner
BUFFER_SIZES = (256, 512, 1024, 2048)
# of the bundled song, on which the gains are set
PROGRAMME_SECONDS = 10.0


class NeutoneMedium(NeutoneEffect):
    """A medium, with a knob for each of `DIALS`.

    Parameters
    ----------
    medium : Medium
    sample_rate : int
        In Hz.
    """

    def __init__(self, medium: Medium, sample_rate: int) -> None:
        module = levelled(medium, sample_rate)
        facts = Facts(
            medium.name,
            f"{medium.carrier or medium.name}: {medium.description}",
            "Levels are set for music at -20 LUFS: with the gain of the input, louder music is distorted more, and "
            "its noise is softer.",
            "Filters, dynamics, saturation, unsteady speed, noise and clicks of a recording medium, by retrotone.",
            ["vintage", "lo-fi"],
        )
        super().__init__(module, facts, sample_rate, list(BUFFER_SIZES), module.delay)

    def get_neutone_parameters(self) -> list[NeutoneParameter]:
        """Return what can be set while it plays."""
        parts = {dial: f"how much of the medium's {dial} is wanted" for dial in DIALS}
        parts["strength"] = "how much of the medium is wanted"
        return [ContinuousNeutoneParameter(dial, words, default_value=1.0) for dial, words in parts.items()]

    def do_forward_pass(self, x: Tensor, params: dict[str, Tensor]) -> Tensor:
        """(2, samples) -> the same shape."""
        dials = torch.cat([params["strength"], params["noise"], params["crackle"], params["wow"]])
        played: Tensor = self.model(x, dials.clamp(0.0, 1.0))
        return played


def levelled(medium: Medium, sample_rate: int) -> MediumModule:
    """Return the module of a medium that leaves the bundled song, at -20 LUFS, as loud as it was.

    Parameters
    ----------
    medium : Medium
    sample_rate : int
        In Hz.
    """
    song = load(bundled_song()).slice(0, PROGRAMME_SECONDS).resample(sample_rate).with_loudness(REFERENCE_LUFS)
    module = MediumModule(medium, sample_rate, song.samples)
    for number, strength in enumerate(STRENGTHS):
        changed_db = played(deepcopy(module), song, strength).loudness - song.loudness
        module.output.gains_db[number] = min(max(-changed_db, -MAX_MAKEUP_DB), MAX_MAKEUP_DB)
    return module


def played(module: MediumModule, song: Audio, strength: float) -> Audio:
    """Return a stereo recording as a module plays it, its delay left in; an end that fills no buffer is dropped."""
    dials = torch.ones(len(DIALS))
    dials[0] = strength
    size = BUFFER_SIZES[-1]
    pieces = [song.samples[:, at : at + size] for at in range(0, song.frames - size + 1, size)]
    with torch.no_grad():
        made = [module(torch.from_numpy(piece), dials) for piece in pieces]
    return song.with_samples(torch.cat(made, 1).numpy())


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
    OutputError
        It cannot be written.
    """
    NeutoneMedium(medium, sample_rate or SAMPLE_RATE).write(path)
