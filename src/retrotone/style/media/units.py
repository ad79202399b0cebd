"""Units and ranges of a medium's parameters: each type names a quantity and the values that it may have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias


@dataclass(frozen=True)
class Between:
    """The numbers from `low` to `high`, in a unit."""

    low: float
    high: float
    unit: str = ""

    def __str__(self) -> str:
        text = f"a number from {self.low:g} to {self.high:g}"
        return f"{text} {self.unit}" if self.unit else text


Hertz: TypeAlias = Annotated[float, Between(1.0, 200_000.0, "Hz")]
# of a speed that varies, or of a disc that turns: the wow's control points allow up to 100 Hz at 8 kHz
SlowHertz: TypeAlias = Annotated[float, Between(0.0, 100.0, "Hz")]
WobbleHertz: TypeAlias = Annotated[float, Between(0.1, 100.0, "Hz")]
Decibels: TypeAlias = Annotated[float, Between(-200.0, 60.0, "dB")]
GainDecibels: TypeAlias = Annotated[float, Between(-60.0, 60.0, "dB")]
Loudness: TypeAlias = Annotated[float, Between(-70.0, 0.0, "LUFS")]
Seconds: TypeAlias = Annotated[float, Between(1e-5, 10.0, "s")]
Share: TypeAlias = Annotated[float, Between(0.0, 1.0)]
