"""Open a TorchScript RAVE export and read its properties."""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from retrotone.audio.files import MAX_CHANNELS, MAX_RATE, MIN_RATE
from retrotone.errors import ModelError
from retrotone.rave import pretrained

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


@dataclass(frozen=True)
class RaveInfo:
    """The properties of an export.

    Attributes
    ----------
    path : Path
    kind : str
        The class it was scripted from, such as "VariationalScriptedRAVE".
    sample_rate : int
        In Hz.
    ratio : int
        Samples per latent frame.
    latent_size, full_latent_size : int
        Latent dimensions of the export, and those of the network: the others are filled with noise.
    channels_in, channels_out : int
    detailed : bool
        Whether ``encode_full`` gives the latents of detail too (exports of retrotone).
    delay : tuple of (int, int) or None
        Latent frames by which encode lags, and samples by which decode does, if it states them.
    streaming : bool
        Whether it carries its past from call to call.
    codes : int or None
        Size of the codebook of a discrete model: its latents are indices of entries.
    has_prior : bool
        Whether it can draw paths through its latent space.
    parameters : int
    """

    path: Path
    kind: str
    sample_rate: int
    ratio: int
    latent_size: int
    full_latent_size: int
    channels_in: int
    channels_out: int
    detailed: bool
    delay: tuple[int, int] | None
    streaming: bool
    codes: int | None
    has_prior: bool
    parameters: int


def load_export(path: Path, sample_rate: int | None = None) -> tuple[torch.jit.ScriptModule, RaveInfo]:
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
    return module.eval(), read_info(module, path, sample_rate)


def check_archive(path: Path) -> None:
    """Raise ModelError unless a file is a harmless TorchScript archive; nothing in it is executed or unpickled."""
    if not path.is_file():
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
    if stated is None:
        raise ModelError(f"{path} does not tell its sample rate: give it to RaveModel.load")
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
        channels_in=channels_in,
        channels_out=channels_out,
        detailed=hasattr(module, "encode_full"),
        delay=_stated_delay(module),
        streaming=any(past.numel() for name, past in buffers.items() if name.endswith(STATE_SUFFIXES)),
        codes=codebooks[0] if codebooks else None,
        has_prior="prior_params" in buffers,
        parameters=sum(weights.numel() for weights in module.parameters()),
    )


def _stated_delay(module: Any) -> tuple[int, int] | None:
    """Return the delay that an export states, as those of retrotone do."""
    if hasattr(module, "encode_delay") and hasattr(module, "decode_delay"):
        return int(module.encode_delay), int(module.decode_delay)
    return None
