"""What the parts of a recording medium share, and its simplest stages: crosstalk and saturation.

In this package, frozen dataclasses (`Highpass`, `Wobble`, `Noise`, ...) describe physical properties at full
strength. Classes that end in ``Stage`` apply them: they map blocks of shape (channels, STAGE_FRAMES) and keep their
state in between. Levels are in dB re full scale for a programme at ``REFERENCE_LUFS``.

Every property scales with its own physical quantity (corner, depth, drive, level, bits), never by mixing
the treated signal with the dry one: their delays differ, and the sum would comb-filter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from retrotone.style.media.units import Between
from retrotone.types import Block

# Every stage gets blocks of this size, so output bytes do not depend on the caller's.
STAGE_FRAMES = 1 << 15
REFERENCE_LUFS = -20.0
# Where a filter's corner is at strength 0: the limits of hearing.
OPEN_LOW_HZ, OPEN_HIGH_HZ = 20.0, 20_000.0
# Highest corner as a share of the sample rate: above, the bilinear transform distorts a filter that has no effect.
USABLE = 0.45


class ChannelStage:
    """Crosstalk between two channels, after which a mono medium at full strength carries only one.

    Parameters
    ----------
    separation_db : float
        What one channel leaks into the other, in dB below itself; 0 is mono.
    channels : int
        Of the content.
    strength : float
        In (0, 1].

    Attributes
    ----------
    channels : int
        Of the output.
    side : float
        Gain of the difference of the channels.
    """

    def __init__(self, separation_db: float, channels: int, strength: float) -> None:
        leak = 10 ** (-separation_db / 20)
        self.side = np.float32(1 - strength * (1 - (1 - leak) / (1 + leak)))
        self.channels = 1 if self.side == 0 else channels

    def __call__(self, block: Block) -> Block:
        """Narrow a block, shape (channels, n), to (self.channels, n)."""
        if len(block) == 1:
            return block
        middle: Block = block.mean(axis=0, keepdims=True)
        return middle if self.channels == 1 else middle + self.side * (block - middle)


class GainStage:
    """One gain, in dB."""

    def __init__(self, gain_db: float) -> None:
        self.factor = np.float32(10 ** (gain_db / 20))

    def __call__(self, block: Block) -> Block:
        """Amplify a block."""
        return np.asarray(block * self.factor)


@dataclass(frozen=True)
class Saturation:
    """Memoryless soft clip ``tanh(drive x + bias)``, for a programme at -20 LUFS.

    Parameters
    ----------
    drive : float
        How far full scale is driven into the clip.
    bias : float
        Makes it asymmetric: even harmonics.
    """

    drive: Annotated[float, Between(0.0, 100.0)]
    bias: Annotated[float, Between(-3.0, 3.0)] = 0.0


class SaturationStage:
    """Applies one `Saturation`, with unity gain for small signals and no offset at rest.

    It is not oversampled: the recording filters
    before it and the playback filters after it limit the band that aliases, and at these drives the third
    harmonic of the music's treble lies below the medium's own noise.

    Parameters
    ----------
    saturation : Saturation
        At full strength.
    strength : float
        In (0, 1]; scales the drive.

    Attributes
    ----------
    drive, bias, offset, slope : float
        The output is ``(tanh(drive x + bias) - offset) / slope``; a drive of 0 does nothing.
    """

    def __init__(self, saturation: Saturation, strength: float) -> None:
        self.drive, self.bias = np.float32(saturation.drive * strength), np.float32(saturation.bias)
        self.offset = np.tanh(self.bias)
        self.slope = self.drive * (1 - self.offset**2)

    def __call__(self, block: Block) -> Block:
        """Clip a block softly."""
        if self.drive == 0:
            return block
        clipped: Block = (np.tanh(self.drive * block + self.bias) - self.offset) / self.slope
        return clipped
