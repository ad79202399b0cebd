"""Wrap a model for Neutone FX, which runs it in any DAW: it resamples, and reports the delay, by itself."""

import io
import logging
from contextlib import redirect_stderr
from pathlib import Path

import torch
from neutone_sdk import ContinuousNeutoneParameter, NeutoneParameter, WaveformToWaveformBase
from neutone_sdk.utils import save_neutone_model
from torch import Tensor

from retrotone import __version__
from retrotone.rave.export import Export, portable, streaming
from retrotone.rave.weights import Weights
from retrotone.utils.files import write_whole
from retrotone.utils.temporary import TemporaryFolder

# latent frames of a buffer: a longer one is cheaper, a shorter one sooner
BUFFER_FRAMES = (1, 2, 4, 8)


class NeutoneRave(WaveformToWaveformBase):  # type: ignore[misc]
    """A stereo effect: both channels go through the model, as two streams.

    Parameters
    ----------
    model : Export
        That streams.
    name : str
    """

    def __init__(self, model: Export, name: str) -> None:
        self.name, self.version, self.rate = name, __version__, model.sr
        self.sizes = [int(frames * model.encode_params[3]) for frames in BUFFER_FRAMES]
        super().__init__(model)
        self.delay = model.encode_delay * self.sizes[0] + model.decode_delay

    def get_model_name(self) -> str:
        """Return the name, of at most 30 characters."""
        return self.name[:30]

    def get_model_authors(self) -> list[str]:
        """Return who made it."""
        return ["retrotone"]

    def get_model_short_description(self) -> str:
        """Return what it does, in at most 150 characters."""
        return "A RAVE trained by retrotone: it plays what it hears in the sound that it was trained on."

    def get_model_long_description(self) -> str:
        """Return what it does, in at most 500 characters."""
        return f"{self.get_model_short_description()} With less detail, it makes up more of the sound by itself."

    def get_technical_description(self) -> str:
        """Return how it works, in at most 500 characters."""
        return "A causal, streaming variational autoencoder after RAVE (Caillon and Esling 2021)."

    def get_tags(self) -> list[str]:
        """Return words to find it by."""
        return ["RAVE", "vintage"]

    def get_model_version(self) -> str:
        """Return the version of retrotone that wrote it."""
        return self.version

    def is_experimental(self) -> bool:
        """Return whether it is marked as an experiment."""
        return True

    def get_neutone_parameters(self) -> list[NeutoneParameter]:
        """Return what can be set while it plays."""
        return [ContinuousNeutoneParameter("detail", "share of the detail that is kept", default_value=1.0)]

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
        """Return the buffers that it takes: whole latent frames."""
        return self.sizes

    @torch.jit.export
    def calc_model_delay_samples(self) -> int:
        """Return by how many samples the output lags."""
        return self.delay

    def do_forward_pass(self, x: Tensor, params: dict[str, Tensor]) -> Tensor:
        """(2, samples) -> the same shape."""
        self.model.set_detail(float(params["detail"].clamp(0.0, 1.0)))
        played: Tensor = self.model(x[:, None])
        return played[:, 0]


def export_neutone(weights: Weights, path: Path, name: str, rate: int | None = None) -> None:
    """Write a model for Neutone FX, after the checks that Neutone asks for before a model is submitted.

    Parameters
    ----------
    weights : Weights
    path : Path
        A ``.nm`` file.
    name : str
        For the list of models; at most 30 characters are kept.
    rate : int, optional
        In Hz, as for `export`.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    with TemporaryFolder("retrotone-neutone-") as folder:
        wrapped = NeutoneRave(streaming(weights, rate), name)
        # the SDK logs each of its steps, with bars
        logging.disable(logging.WARNING)
        try:
            with redirect_stderr(io.StringIO()):
                save_neutone_model(wrapped, folder, dump_samples=True, submission=True, speed_benchmark=False)
        finally:
            logging.disable(logging.NOTSET)
        write_whole(path, portable((folder / "model.nm").read_bytes()))
