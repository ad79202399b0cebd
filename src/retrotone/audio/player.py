"""A recording as a player in a page or a notebook: MP3 inside the HTML, which every browser plays."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from retrotone.audio.writing import CODEC_RATES
from retrotone.utils.templates import render_page
from retrotone.utils.text import clock, title

if TYPE_CHECKING:
    from retrotone.audio.audio import Audio

# of each recording: ten minutes are about 10 MB
PLAYER_SECONDS = 600.0
# Hz, for rates that MP3 lacks
PLAYER_RATE = 48_000
# frames
MP3_BLOCK = 1 << 16
# columns of the waveform in a notebook
POINTS = 600


def player(audio: Audio, gain: float = 1.0, seconds: float = PLAYER_SECONDS) -> str:
    """Return the start of a recording as the address (``src``) of a player: MP3 in base64.

    The same recording gives the same address; Ogg draws serials.

    Parameters
    ----------
    audio : Audio
    gain : float
        Factor of its samples.
    seconds : float
        How much of it.
    """
    audio = audio.slice(0, seconds)
    audio = audio if audio.sample_rate in CODEC_RATES[".mp3"] else audio.resample(PLAYER_RATE)
    data = io.BytesIO()
    with soundfile.SoundFile(
        data, "w", audio.sample_rate, audio.channels, format="MP3", subtype="MPEG_LAYER_III"
    ) as file:
        for start in range(0, audio.frames, MP3_BLOCK):
            file.write(audio.samples[:, start : start + MP3_BLOCK].T * gain)
    return f"data:audio/mpeg;base64,{base64.b64encode(data.getvalue()).decode()}"


def notebook_player(audio: Audio) -> str:
    """Return HTML with the waveform of a recording and a player of its first ten minutes."""
    gain = 1 / max(audio.peak, 1.0)
    starts = np.linspace(0, audio.frames, min(POINTS, audio.frames), endpoint=False).astype(int)
    low = np.minimum.reduceat(audio.samples.min(axis=0), starts) * gain
    high = np.maximum.reduceat(audio.samples.max(axis=0), starts) * gain
    channels = "mono" if audio.channels == 1 else "stereo"
    heading = f"{title(audio.name)}: {clock(audio.duration)}, {audio.sample_rate:,} Hz, {channels}"
    if audio.duration > PLAYER_SECONDS:
        heading += f" (the player has the first {clock(PLAYER_SECONDS)})"
    points = [(round(float(a), 3), round(float(b), 3)) for a, b in zip(low, high, strict=True)]
    return render_page("notebook.html.j2", heading=heading, points=points, source=player(audio, gain), rows=[])
