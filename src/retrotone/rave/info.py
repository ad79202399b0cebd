"""The properties of a RAVE model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# the kind of a model of retrotone that is no TorchScript
OWN_KIND = "retrotone"


@dataclass(frozen=True)
class RaveInfo:
    """The properties of a model, as its file states them.

    Attributes
    ----------
    path : Path
    kind : str
        The class it was scripted from, such as "VariationalScriptedRAVE", or `OWN_KIND`.
    sample_rate : int
        In Hz: the rate at which a player must run.
    ratio : int
        Samples per latent frame.
    latent_size, full_latent_size : int
        Latent dimensions of the export, and those of the network: the others are filled with noise.
    drawn_size : int
        The first latent dimensions, which random paths draw and by which records are compared. In models of retrotone,
        detail follows them.
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
    drawn_size: int
    channels_in: int
    channels_out: int
    detailed: bool
    delay: tuple[int, int] | None
    streaming: bool
    codes: int | None
    has_prior: bool
    parameters: int
