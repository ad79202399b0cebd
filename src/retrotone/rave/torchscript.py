"""Open TorchScript RAVE exports and run them."""

from __future__ import annotations

import copy
import re
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from retrotone.audio.files import MAX_CHANNELS, MAX_RATE, MIN_RATE
from retrotone.errors import ModelError
from retrotone.rave.info import RaveInfo
from retrotone.utils import pretrained
from retrotone.utils.files import is_file
from retrotone.utils.threads import one_thread

Array = NDArray[np.float32]

# in Hz: a number in a file's name is a rate if it is one of these
USUAL_RATES = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000)
# of current exports, v1, others
RATE_NAMES = ("sr", "sampling_rate", "sample_rate")
# Files beyond these are refused: RAVE's have 128 latents of 2,048 samples, and some 100 MB.
MAX_LATENTS, MAX_RATIO, MAX_BYTES = 1 << 12, 1 << 16, 1 << 30
# TorchScript's only operators that access files (torch._C._jit_get_all_schemas), and all custom operators
OUTWARD = re.compile(rb"\.\s*(save|from_file)\b|\bops\s*\.\s*(?!prim\b)")
# of the buffers in which cached convolutions keep their past
STATE_SUFFIXES = (".pad", ".cache")
# of those in which exports of retrotone count the frames of their oscillators and their noise
CLOCK_SUFFIX = "clock.cache"
# the largest seed that torch takes
MAX_SEED = 1 << 63


class ScriptedNetwork:
    """A loaded export.

    Parameters
    ----------
    module : torch.jit.ScriptModule
        It is copied for each voice and not changed.
    """

    def __init__(self, module: torch.jit.ScriptModule) -> None:
        self.module = module

    @property
    def causal(self) -> bool:
        """Whether the encoder states for all its convolutions that they are causal."""
        parts = (part for name, part in self.module.named_modules() if name.startswith("encoder"))
        delays = [getattr(part, "cumulative_delay", None) for part in parts]
        stated = [delay for delay in delays if delay is not None]
        return bool(stated) and not any(stated)

    def voice(self, seed: int, moment: int = 0) -> ScriptedVoice:
        """See `retrotone.rave.runner.Network.voice`."""
        return ScriptedVoice(self.module, seed, moment)


class ScriptedVoice:
    """One stream of audio through a copy of a model, with its own state and random numbers.

    Parameters
    ----------
    module : torch.jit.ScriptModule
        The export, which is copied and not changed.
    seed, moment : int
        See `retrotone.rave.runner.Network.voice`.
    """

    def __init__(self, module: torch.jit.ScriptModule, seed: int, moment: int = 0) -> None:
        self._rng_state = torch.Generator().manual_seed(seed % MAX_SEED).get_state()
        with torch.no_grad():
            self._module = copy.deepcopy(module)
            for name, buffer in self._module.named_buffers():
                if name.endswith(STATE_SUFFIXES):
                    buffer.fill_(moment if name.endswith(CLOCK_SUFFIX) else 0)

    def __call__(self, method: str, values: Array) -> Array:
        """See `retrotone.rave.runner.Voice`."""
        tensor = torch.from_numpy(np.ascontiguousarray(values, np.float32))[None]
        with torch.no_grad(), torch.random.fork_rng(devices=[]), one_thread():
            torch.set_rng_state(self._rng_state)
            try:
                result = getattr(self._module, method)(tensor)
            except RuntimeError as error:
                reason = str(error).strip().splitlines()[-1]
                raise ModelError(f"the model fails in {method} ({reason}): export it again") from error
            self._rng_state = torch.get_rng_state()
        finite: Array = torch.nan_to_num(result[0].float(), nan=0.0, posinf=0.0, neginf=0.0).numpy()
        return finite


def load_export(path: Path, sample_rate: int | None = None) -> tuple[ScriptedNetwork, RaveInfo]:
    """Load an export after checking that it is one.

    Only TorchScript archives are opened: their code runs in TorchScript's own interpreter, while a pickle could run
    anything. Code that could touch files is refused before it is loaded.

    Parameters
    ----------
    path : Path
    sample_rate : int, optional
        For an export that does not state its own.

    Raises
    ------
    ModelError
        Missing, damaged, changed since it was downloaded, no TorchScript archive, hostile, or no RAVE export.
    """
    check_archive(path)
    pretrained.check(path)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.filterwarnings("ignore", "`torch.jit.load` is deprecated", DeprecationWarning)
            module = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
    # a damaged file raises anything, such as an IndexError
    except Exception as error:
        raise ModelError(f"{path} is damaged and cannot be loaded: download it again") from error
    return ScriptedNetwork(module.eval()), read_info(module, path, sample_rate)


def check_archive(path: Path) -> None:
    """Raise ModelError unless a file is a harmless TorchScript archive; nothing in it is executed or unpickled."""
    if not is_file(path):
        raise ModelError(f"{path} does not exist: name a model's file, or see retrotone models list")
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.partition("/")[2] for name in archive.namelist()]
            sources = [name for name in archive.namelist() if name.partition("/")[2].startswith("code/")]
            hostile = sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES or any(
                OUTWARD.search(archive.read(name)) for name in sources
            )
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError) as error:
        raise ModelError(f"{path} is not a TorchScript file: name a RAVE model exported as .ts") from error
    if "constants.pkl" not in names or not sources:
        raise ModelError(f"{path} is not a TorchScript file: export the model with rave export")
    if hostile or len(set(names)) < len(names):
        raise ModelError(f"{path} is unlike any model: it could touch files or fill the memory. Do not use it")


def read_info(module: Any, path: Path, sample_rate: int | None = None) -> RaveInfo:
    """Read the properties of a loaded module, or raise ModelError if it is not a RAVE export."""
    tables = {}
    for method in ("encode", "decode"):
        table = getattr(module, f"{method}_params", None)
        if not hasattr(module, method) or not isinstance(table, torch.Tensor) or table.numel() != 4:
            raise ModelError(f"{path} is TorchScript but no RAVE model: it lacks {method} or {method}_params")
        tables[method] = [int(value) for value in table.tolist()]
    channels_in, one, latent_size, ratio = tables["encode"]
    latent_back, ratio_back, channels_out, one_back = tables["decode"]
    if (one, latent_back, ratio_back, one_back) != (1, latent_size, ratio, 1) or min(latent_size, ratio) < 1:
        raise ModelError(f"{path}: encode and decode do not fit each other: export the model again")
    if ratio > MAX_RATIO or latent_size > MAX_LATENTS:
        raise ModelError(f"{path} says {latent_size} latents at a ratio of {ratio}: no RAVE model is like that")
    if not (1 <= channels_in <= MAX_CHANNELS and 1 <= channels_out <= MAX_CHANNELS):
        raise ModelError(f"{path} has {channels_in} channels in and {channels_out} out: only 1 or 2 can be run")
    stated = next((getattr(module, name) for name in RATE_NAMES if hasattr(module, name)), sample_rate)
    stated = _rate_in_name(path) if stated is None else stated
    if stated is None:
        raise ModelError(
            f"{path} does not tell its sample rate: put it into the file's name, as in {path.stem}-44100{path.suffix}"
        )
    rate = int(stated)
    if not MIN_RATE <= rate <= MAX_RATE:
        raise ModelError(f"{path} says its sample rate is {rate} Hz: export the model again")
    buffers = dict(module.named_buffers())
    codebooks = [len(buffer) for name, buffer in buffers.items() if name.endswith("_codebook.embed")]
    return RaveInfo(
        path=path,
        kind=str(getattr(module, "original_name", type(module).__name__)),
        sample_rate=rate,
        ratio=ratio,
        latent_size=latent_size,
        full_latent_size=int(getattr(module, "full_latent_size", latent_size)),
        drawn_size=int(getattr(module, "drawn_size", latent_size)),
        channels_in=channels_in,
        channels_out=channels_out,
        detailed=hasattr(module, "encode_full"),
        delay=_stated_delay(module),
        streaming=any(past.numel() for name, past in buffers.items() if name.endswith(STATE_SUFFIXES)),
        codes=codebooks[0] if codebooks else None,
        has_prior="prior_params" in buffers,
        parameters=sum(weights.numel() for weights in module.parameters()),
    )


def _rate_in_name(path: Path) -> int | None:
    """Return the sample rate in Hz that stands in a file's name: the way to give it everywhere, in the window, too."""
    numbers = map(int, re.findall(r"(?<!\d)\d{4,6}(?!\d)", path.stem))
    return next((number for number in numbers if number in USUAL_RATES), None)


def _stated_delay(module: Any) -> tuple[int, int] | None:
    """Return the delay that an export states, as those of retrotone do."""
    if hasattr(module, "encode_delay") and hasattr(module, "decode_delay"):
        return int(module.encode_delay), int(module.decode_delay)
    return None
