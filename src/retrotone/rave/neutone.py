"""Wrap a model for Neutone FX, which runs it in any DAW: it resamples, and reports the delay, by itself."""

import io
import logging
from contextlib import redirect_stderr
from pathlib import Path
from typing import NamedTuple

import torch
from neutone_sdk import ContinuousNeutoneParameter, NeutoneParameter, WaveformToWaveformBase
from neutone_sdk.utils import save_neutone_model
from torch import Tensor, nn

from retrotone import __version__
from retrotone.rave.export import Export, portable, streaming
from retrotone.rave.weights import Weights
from retrotone.utils.files import write_whole
from retrotone.utils.temporary import TemporaryFolder

# latent frames of a buffer: a longer one is cheaper, a shorter one sooner
BUFFER_FRAMES = (1, 2, 4, 8)


class Facts(NamedTuple):
    """What Neutone shows of a model; texts that are too long are cut.

    Attributes
    ----------
    name : str
        Of at most 30 characters.
    summary : str
        What it does, in at most 150 characters.
    description, technique : str
        What else there is to say, and how it works, in at most 500 characters each.
    tags : list of str
        Words to find it by.
    """

    name: str
    summary: str
    description: str
    technique: str
    tags: list[str]


class NeutoneEffect(WaveformToWaveformBase):  # type: ignore[misc]
    """A stereo effect.

    Parameters
    ----------
    model : Module
    facts : Facts
    rate : int
        In Hz, to which Neutone resamples.
    sizes : list of int
        Buffers that it takes, in samples.
    delay : int
        Samples by which the output lags.
    """

    def __init__(self, model: nn.Module, facts: Facts, rate: int, sizes: list[int], delay: int) -> None:
        # TorchScript loses the names of a named tuple
        self.name, self.summary, self.description, self.technique, self.tags = facts
        self.version, self.rate, self.sizes = __version__, rate, sizes
        super().__init__(model)
        self.delay = delay

    def get_model_name(self) -> str:
        """Return the name."""
        return self.name[:30]

    def get_model_authors(self) -> list[str]:
        """Return who made it."""
        return ["retrotone"]

    def get_model_short_description(self) -> str:
        """Return what it does."""
        return self.summary[:150]

    def get_model_long_description(self) -> str:
        """Return what it does, and what else there is to say."""
        return f"{self.summary} {self.description}"[:500]

    def get_technical_description(self) -> str:
        """Return how it works."""
        return self.technique[:500]

    def get_tags(self) -> list[str]:
        """Return words to find it by."""
        return self.tags

    def get_model_version(self) -> str:
        """Return the version of retrotone that wrote it."""
        return self.version

    def is_experimental(self) -> bool:
        """Return whether it is marked as an experiment."""
        return True

    @torch.jit.export
    def is_input_mono(self) -> bool:
        """Return whether it takes one channel."""
        return False

    @torch.jit.export
    def is_output_mono(self) -> bool:
        """Return whether it gives one channel."""
        return False

    @torch.jit.export
    def get_native_sample_rates(self) -> list[int]:
        """Return the rate that Neutone resamples to."""
        return [self.rate]

    @torch.jit.export
    def get_native_buffer_sizes(self) -> list[int]:
        """Return the buffers that it takes."""
        return self.sizes

    @torch.jit.export
    def calc_model_delay_samples(self) -> int:
        """Return by how many samples the output lags."""
        return self.delay

    def write(self, path: Path) -> None:
        """Write the effect after the checks that Neutone asks for before a model is submitted.

        Parameters
        ----------
        path : Path
            A ``.nm`` file.

        Raises
        ------
        OutputError
            It cannot be written.
        """
        with TemporaryFolder("retrotone-neutone-") as folder:
            # the SDK logs each of its steps, with bars
            logging.disable(logging.WARNING)
            try:
                with redirect_stderr(io.StringIO()):
                    save_neutone_model(self, folder, dump_samples=True, submission=True, speed_benchmark=False)
            finally:
                logging.disable(logging.NOTSET)
            write_whole(path, portable((folder / "model.nm").read_bytes()))


class NeutoneRave(NeutoneEffect):
    """A RAVE: both channels go through the model, as two streams.

    Parameters
    ----------
    model : Export
        That streams.
    name : str
    """

    def __init__(self, model: Export, name: str) -> None:
        facts = Facts(
            name,
            "A RAVE trained by retrotone: it plays what it hears in the sound that it was trained on.",
            "With less detail, it makes up more of the sound by itself.",
            "A causal, streaming variational autoencoder after RAVE (Caillon and Esling 2021).",
            ["RAVE", "vintage"],
        )
        ratio = int(model.encode_params[3])
        delay = model.encode_delay * ratio + model.decode_delay
        super().__init__(model, facts, model.sr, [frames * ratio for frames in BUFFER_FRAMES], delay)

    def get_neutone_parameters(self) -> list[NeutoneParameter]:
        """Return what can be set while it plays."""
        return [ContinuousNeutoneParameter("detail", "share of the detail that is kept", default_value=1.0)]

    def do_forward_pass(self, x: Tensor, params: dict[str, Tensor]) -> Tensor:
        """(2, samples) -> the same shape."""
        self.model.set_detail(float(params["detail"].clamp(0.0, 1.0)))
        played: Tensor = self.model(x[:, None])
        return played[:, 0]


def export_neutone(weights: Weights, path: Path, name: str, rate: int | None = None) -> None:
    """Write a model for Neutone FX.

    Parameters
    ----------
    weights : Weights
    path : Path
        A ``.nm`` file.
    name : str
        For the list of models; at most 30 characters are kept.
    rate : int, optional
        In Hz, as for `retrotone.rave.export.export`.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    NeutoneRave(streaming(weights, rate), name).write(path)
