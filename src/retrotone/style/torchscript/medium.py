"""A whole medium as one TorchScript module, for a channel strip."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from retrotone.style.media.chain import Parts, makeup_db, medium_stages
from retrotone.style.media.converter import ConverterStage
from retrotone.style.media.delay import DelayStage
from retrotone.style.media.dynamics import CompressionStage, LimiterStage
from retrotone.style.media.filters import FilterStage
from retrotone.style.media.media import ChannelStage, GainStage, SaturationStage
from retrotone.style.media.noise import CrackleStage, HumStage, NoiseStage
from retrotone.style.media.spectrum import SpectrumStage
from retrotone.style.media.wow import WowStage
from retrotone.style.torchscript.dials import DIALS, STRENGTHS
from retrotone.style.torchscript.dynamics import Compressed, Limited
from retrotone.style.torchscript.filters import Filtered, Late
from retrotone.style.torchscript.noise import Crackling, Hissing, Humming
from retrotone.style.torchscript.stages import Amplified, Converted, Narrowed, Saturated, Unsteady
from retrotone.types import Block

Maker: TypeAlias = Callable[[Any, int], nn.Module]
# The module of each stage; it takes the stage at each of STRENGTHS, and a number that no other stage has.
MODULES: Mapping[type, Maker] = {
    ChannelStage: Narrowed,
    DelayStage: Late,
    FilterStage: Filtered,
    CompressionStage: Compressed,
    SaturationStage: Saturated,
    WowStage: Unsteady,
    ConverterStage: Converted,
    GainStage: Amplified,
    NoiseStage: Hissing,
    SpectrumStage: Hissing,
    HumStage: Humming,
    CrackleStage: Crackling,
    LimiterStage: Limited,
}


class MediumModule(nn.Module):
    """A medium, for stereo music at -20 LUFS; what can be turned is in DIALS.

    Parameters
    ----------
    medium : Medium
    sample_rate : int
        In Hz.
    programme : ndarray, shape (2, n), optional
        Music at -20 LUFS for the gain before the noise (see `retrotone.style.media.chain.makeup_db`): 0 dB without.

    Attributes
    ----------
    delay : int
        Samples by which the output lags.
    output : Amplified
        The gain at the end: at first none.
    """

    last: Tensor

    def __init__(self, medium: Parts, sample_rate: int, programme: Block | None = None) -> None:
        super().__init__()
        rows = []
        for strength in STRENGTHS:
            makeup = 0.0 if programme is None else makeup_db(medium, [programme], 2, sample_rate, strength)
            row, self.delay = medium_stages(medium, 2, sample_rate, strength, makeup)
            rows.append(row)
        # (stages, strengths)
        stages = list(zip(*rows, strict=True))
        self.stages = nn.ModuleList(MODULES[type(stage[0])](stage, part) for part, stage in enumerate(stages))
        self.output = Amplified([GainStage(0.0)] * len(STRENGTHS), len(stages))
        self.register_buffer("last", torch.ones(len(DIALS), 1))

    def forward(self, x: Tensor, dials: Tensor) -> Tensor:
        """(2, n) -> the same shape; n is a multiple of 32. See `DIALS`."""
        # a turn is spread over the buffer, lest it clicks
        share = torch.arange(1, x.shape[1] + 1, device=x.device) / x.shape[1]
        turned = self.last + share * (dials[:, None] - self.last)
        self.last = dials[:, None]
        # what belongs to the medium alone grows with its strength
        dials = torch.cat([turned[:1], turned[:1] * turned[1:]])
        for stage in self.stages:
            x = stage(x, dials)
        played: Tensor = self.output(x, dials)
        return played
