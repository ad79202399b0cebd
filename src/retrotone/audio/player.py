"""A recording as a player in a page or a notebook: MP3 inside the HTML, which every browser plays."""

from __future__ import annotations

import base64
import tempfile

import av
import numpy as np

from retrotone.audio.files import first_frames
from retrotone.audio.resampling import resampled
from retrotone.audio.writing import CODEC_RATES
from retrotone.dsp.waveform import extremes
from retrotone.errors import OutputError
from retrotone.types import Source
from retrotone.utils.templates import render_page
from retrotone.utils.temporary import TemporaryFolder
from retrotone.utils.text import clock, title

# of each recording: ten minutes are about 10 MB
PLAYER_SECONDS = 600.0
# Hz, for rates that MP3 lacks
PLAYER_RATE = 48_000
# Bits per second of a channel.
MP3_BITS = 80_000
# LAME's, for speed: at this rate more effort takes twice the time and is not heard. Two channels take a fifth less time
# as they are than as sum and difference; of nine pieces of music two lost 0.6 to 0.7 dB of 25 dB SNR by that, most
# nothing.
MP3_OPTIONS = {"compression_level": "7", "joint_stereo": "0"}
# columns of the waveform in a notebook
POINTS = 600


def player(recording: Source, gain: float = 1.0, seconds: float = PLAYER_SECONDS) -> str:
    """Return the start of a recording as the address (``src``) of a player: MP3 in base64.

    The same recording gives the same address; Ogg draws serials.

    Parameters
    ----------
    recording : Source
    gain : float
        Factor of its samples.
    seconds : float
        How much of it.

    Raises
    ------
    OutputError
        The folder of temporary files is full.
    """
    rate, frames = recording.sample_rate, round(seconds * recording.sample_rate)
    # two equal channels, as most eras have them, are one: half the time and half the size
    is_mono = all(np.array_equal(block[0], block[-1]) for block in first_frames(recording.blocks(), frames))
    channels = 1 if is_mono else recording.channels
    played = (block[:channels] for block in first_frames(recording.blocks(), frames))
    mp3_rate = rate if rate in CODEC_RATES[".mp3"] else PLAYER_RATE
    # no file in memory: the encoder would call Python to write to one, and Ctrl-C is lost in such a call
    with TemporaryFolder("retrotone-player-") as folder:
        path = folder / "player.mp3"
        try:
            with av.open(str(path), "w") as file:
                stream = file.add_stream("libmp3lame", mp3_rate, options=MP3_OPTIONS)
                stream.bit_rate, stream.layout = MP3_BITS * channels, "mono" if channels == 1 else "stereo"
                for block in resampled(played, channels, rate, mp3_rate):
                    samples = np.ascontiguousarray(block * np.float32(gain))
                    frame = av.AudioFrame.from_ndarray(samples, "fltp", stream.layout.name)
                    frame.sample_rate = mp3_rate
                    file.mux(stream.encode(frame))
                file.mux(stream.encode())
            sound = path.read_bytes()
        except av.FFmpegError as error:
            raise OutputError(
                f"the player of {title(recording.name)} could not be written to {tempfile.gettempdir()}: "
                "free some space there, or name another folder in the environment variable TMPDIR"
            ) from error
    return f"data:audio/mpeg;base64,{base64.b64encode(sound).decode()}"


def notebook_player(recording: Source) -> str:
    """Return HTML with the waveform of a recording and a player of its first ten minutes."""
    samples = np.concatenate(list(recording.blocks()), axis=1)
    frames, rate = samples.shape[1], recording.sample_rate
    low, high = extremes(samples, POINTS)
    gain = 1 / max(float(high.max()), -float(low.min()), 1.0)
    channels = "mono" if len(samples) == 1 else "stereo"
    heading = f"{title(recording.name)}: {clock(frames / rate)}, {rate:,} Hz, {channels}"
    if frames / rate > PLAYER_SECONDS:
        heading += f" (the player has the first {clock(PLAYER_SECONDS)})"
    points = [(round(float(a) * gain, 3), round(float(b) * gain, 3)) for a, b in zip(low, high, strict=True)]
    return render_page("notebook.html.j2", heading=heading, points=points, source=player(recording, gain), rows=[])
