"""Let a RAVE model generate a clip: the sound, its picture and a sentence about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrotone.audio.audio import Audio
from retrotone.progress import Progress, part, silent
from retrotone.rave.pretrained import DEFAULT_MODEL
from retrotone.utils.text import clock

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# paths through a model's latent space, and what to call them
WALKS = {
    "slerp": "from point to point, along arcs",
    "linear": "from point to point, straight",
    "smooth": "from point to point, in one sweep",
    "walk": "at random",
    "prior": "as the model expects to go on",
}


@dataclass(frozen=True, eq=False)
class Clip:
    """A clip that a model generated.

    Attributes
    ----------
    audio : Audio
    file_name : str
        What to call its file.
    sentence : str
        What it is.
    figure : matplotlib.figure.Figure
        Its features.
    """

    audio: Audio
    file_name: str
    sentence: str
    figure: Figure


def generate(
    model: str = DEFAULT_MODEL,
    path: str = "slerp",
    seconds: float = 10.0,
    seed: int = 0,
    temperature: float = 1.0,
    progress: Progress = silent,
) -> Clip:
    """Let a model generate a clip, and draw it.

    Parameters
    ----------
    model : str
        A model's name or file.
    path, seconds, seed, temperature
        As in `retrotone.rave.model.RaveModel.generate`.
    progress : Progress

    Raises
    ------
    StyleError, ModelError
        A setting out of range, a path or model that does not exist, a model that stays silent.
    """
    from retrotone.figures.recordings import feature_figure
    from retrotone.rave.model import RaveModel

    progress(0.0, f"loading {model}")
    rave = RaveModel.from_pretrained(model)
    audio = rave.generate(
        seconds, path=path, seed=seed, temperature=temperature, progress=part(progress, 0.1, 0.8)
    )
    progress(0.8, "drawing")
    return Clip(
        audio=audio,
        file_name=f"{rave.name}-{path}-{seed}.wav",
        sentence=f"{clock(audio.duration)} that {rave.name} made up ({WALKS[path]}, seed {seed}).",
        figure=feature_figure(audio, audio.name),
    )
