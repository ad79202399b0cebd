"""Bands that play scores through FluidSynth, for the tools that render them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import midi_file
import numpy as np

from retrotone.audio.audio import Audio

SAMPLE_RATE = 44_100
# LUFS
LOUDNESS = -16.0
SEED = 1884
# of the width of the soundfont's instruments, each of which fills the whole stage
STAGE_WIDTH = 0.6
# standard deviations of the players, in seconds and velocity
TIMING_SECONDS, TOUCH = 0.006, 5.0


class Note(NamedTuple):
    """One note: start and length in beats, MIDI pitch and velocity."""

    start: float
    length: float
    pitch: int
    velocity: int = 80


class Player(NamedTuple):
    """A General MIDI instrument and its place in the mix (MIDI controllers 7, 10 and 91)."""

    program: int
    volume: int
    pan: int
    reverb: int


PLAYERS = {
    "piano": Player(0, 104, 40, 40),
    "guitar": Player(25, 84, 92, 30),
    "banjo": Player(105, 96, 94, 30),
    "bass": Player(32, 104, 64, 8),
    "tuba": Player(58, 104, 60, 20),
    "clarinet": Player(71, 78, 54, 50),
    "trumpet": Player(56, 98, 74, 50),
    "muted trumpet": Player(59, 92, 70, 45),
    "alto sax": Player(65, 72, 34, 45),
    "tenor sax": Player(66, 70, 28, 45),
    "trombone": Player(57, 76, 98, 50),
    "violins": Player(48, 96, 36, 60),
    "violin": Player(40, 100, 48, 50),
    "cello": Player(42, 96, 80, 50),
    "double bass": Player(43, 104, 72, 40),
    "flute": Player(73, 92, 52, 50),
    "horns": Player(60, 84, 84, 50),
    "harp": Player(46, 104, 80, 50),
    "voices": Player(52, 110, 64, 50),
    "reed organ": Player(20, 90, 64, 40),
    "vibraphone": Player(11, 127, 100, 55),
    # the brush kit
    "drums": Player(40, 127, 64, 25),
}
Band = dict[str, list[Note]]


def performance(band: Band, tempo: float, swing: float) -> bytes:
    """Return a standard MIDI file: quavers swung, the players a little off the beat."""
    random = np.random.default_rng(SEED)
    jitter = TIMING_SECONDS * tempo / 60
    tracks = [midi_file.tempo_track(tempo)]
    free = midi_file.melodic_channels()
    for name, played in band.items():
        channel = midi_file.DRUM_CHANNEL if name == "drums" else next(free)
        player = PLAYERS[name]
        mix = [(7, player.volume), (10, player.pan), (91, player.reverb), (93, 0)]
        events = [*midi_file.program(channel, player.program), *midi_file.controllers(channel, mix)]
        for note in sorted(played):
            late, touch = random.normal(0, jitter), round(random.normal(0, TOUCH))
            on = max(swung(note.start, swing) + late, 0)
            off = max(swung(note.start + note.length, swing) + late - 0.02, on + 0.05)
            events += midi_file.note(channel, on, off, note.pitch, note.velocity + touch)
        tracks.append(events)
    return midi_file.midi_file(tracks, rest=4)


def swung(beat: float, swing: float) -> float:
    """Move the half beat to the fraction `swing` of the beat, and what lies between in proportion."""
    whole, part = divmod(beat, 1)
    return float(whole + (part * 2 * swing if part < 0.5 else 1 - (1 - part) * 2 * (1 - swing)))


def recording(band: Band, tempo: float, swing: float, soundfont: Path) -> Audio:
    """Play the band through FluidSynth; return it at LOUDNESS, its last chord faded."""
    reverb = ("synth.reverb.room-size=0.5", "synth.reverb.damp=0.3", "synth.reverb.width=8")
    midi = performance(band, tempo, swing)
    audio = midi_file.synthesised(midi, soundfont, SAMPLE_RATE, 0.4, reverb)
    last = max(note.start + note.length for played in band.values() for note in played)
    frames = round((last * 60 / tempo + 1.0) * SAMPLE_RATE)
    middle = audio.samples.mean(axis=0, keepdims=True)
    narrowed = middle + STAGE_WIDTH * (audio.samples - middle)
    audio = audio.with_samples(narrowed[:, :frames]).fade(0.0, 2.5)
    return audio.with_loudness(LOUDNESS)
