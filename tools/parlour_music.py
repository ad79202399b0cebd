"""The synthesised music of `make_parlour_pairs.py`: scores for many line-ups, and randomly composed bands."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import midi_file
from numpy.random import Generator, default_rng

# imported late: music21's environment need not have retrotone
if TYPE_CHECKING:
    from retrotone.audio.audio import Audio

# seconds of an excerpt
LONGEST = 60.0
PLAYED_RATE = 44_100
# standard deviations of the players, in beats and velocity
TIMING, TOUCH = 0.02, 7.0


def _table(text: str) -> list[list[int]]:
    return [[int(number) for number in row.split()] for row in text.split(",")]


# line-ups by General MIDI programs (from 0), highest part first; the last also plays what parts are left
LINE_UPS = _table(
    """
    0, 0, 0, 1, 3, 4, 6, 11, 12, 15, 16, 19, 21, 24, 25, 26, 46, 48, 49, 52, 53, 40 40 41 42,
    40 40 41 42, 48 48 48 43, 44 45 45 43, 73 68 71 70, 71 71 71 71, 56 56 57 58, 60 60 57 58,
    61 61 61 58, 64 65 66 67, 65 65 66 67, 52 52 53 53, 40 48 48 42, 73 24 24 42, 68 0 0 0,
    22 25 25 32, 71 21 21 32, 74 6 6 42, 59 66 57 32, 56 11 26 32, 80 4 89 38, 81 90 90 39,
    30 29 29 34, 27 4 4 33, 53 48 48 43, 85 25 25 32, 75 46 46 46, 105 25 25 32, 13 12 12 12,
    109 110 48 48
    """
)
# programs that carry a tune, each with the lowest and the highest note that sounds natural; then sung ones
SOLOISTS = _table(
    """
    0 28 100, 6 36 86, 11 53 89, 12 48 90, 21 48 88, 22 58 90, 24 40 80, 25 40 82, 26 40 84, 30 40 80,
    32 28 55, 33 28 55, 40 55 96, 41 48 84, 42 36 74, 43 28 55, 46 36 92, 52 43 79, 53 48 80, 54 48 80,
    56 55 84, 57 40 70, 58 28 55, 59 55 82, 60 41 75, 61 43 80, 64 58 86, 65 51 80, 66 45 74, 67 37 66,
    68 58 88, 70 35 70, 71 50 90, 72 74 103, 73 60 94, 75 60 92, 78 60 90, 80 48 90, 81 40 88,
    105 48 82
    """
)
VOICES = _table("52 43 79, 53 48 80, 54 48 80, 85 50 80, 53 52 84")


class Note(NamedTuple):
    """One note: start and length in beats, MIDI pitch and velocity."""

    start: float
    length: float
    pitch: int
    velocity: int = 84


class Part(NamedTuple):
    """What one player plays: a General MIDI program (of drums: the kit) and notes."""

    program: int
    notes: list[Note]
    drums: bool = False


def seeded(name: str) -> Generator:
    """Return the random numbers that belong to a name."""
    return default_rng(zlib.crc32(name.encode()))


# Scores


def orchestrated(name: str, score: list[list[list[float]]], beats: float) -> Audio:
    """Play a part of a score."""
    random = seeded(name)
    programs = LINE_UPS[random.integers(len(LINE_UPS))]
    tempo = random.uniform(0.8, 1.25) * (100 if len(score) > 1 else 130)
    length = LONGEST * tempo / 60
    start = random.uniform(0, max(beats - length, 0))
    shift = int(random.integers(-6, 7))
    parts = [
        Part(
            programs[min(i, len(programs) - 1)],
            [Note(at - start, n, int(p) + shift) for at, n, p in part if start <= at < start + length],
        )
        for i, part in enumerate(score)
    ]
    return performed(parts, tempo, random)


# Random music

SCALES = [(0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 5, 7, 9, 10), (0, 3, 5, 6, 7, 10)]
# steps of the scale, a bar each
PROGRESSIONS = _table(
    """
    0 5 1 4, 0 3 4 0, 0 5 3 4, 1 4 0 0, 0 3 0 4, 5 3 0 4, 0 0 3 3 0 0 4 0, 0 2 3 4, 0 6 5 4,
    0 0 0 0 3 3 0 0 4 3 0 4
    """
)
# quarters of a beat that the notes of a bar last
RHYTHMS = _table("4 4 4 4, 8 4 4, 6 2 4 4, 2 2 4 8, 2 2 2 2 2 2 2 2, 12 4, 16, 3 1 3 1 3 1 3 1")
KICK, SNARE, CLOSED, PEDAL, OPEN, RIDE, CRASH = 36, 38, 42, 44, 46, 51, 49
KITS = (0, 8, 16, 24, 25, 32, 40, 48)
# kit pieces and the half-beats of a 4/4 bar on which each is struck
GROOVES: dict[str, dict[int, Iterable[int]]] = {
    "swing": {RIDE: (0, 2, 3, 4, 6, 7), PEDAL: (2, 6), KICK: (0, 4)},
    "march": {KICK: (0, 4), SNARE: (2, 6, 7), CLOSED: (0, 2, 4, 6)},
    "rock": {KICK: (0, 4, 5), SNARE: (2, 6), CLOSED: range(8)},
    "four": {KICK: (0, 2, 4, 6), OPEN: (1, 3, 5, 7), SNARE: (2, 6)},
    "latin": {KICK: (0, 3, 4, 7), 37: (0, 3, 6), CLOSED: range(8), 63: (2, 6, 7)},
    "none": {},
}


def band(name: str) -> Audio:
    """Play a tune with chords and bass, most with drums: dance band, jazz, rock or synthesisers."""
    random = seeded(name)
    scale, progression = SCALES[random.integers(3)], PROGRESSIONS[random.integers(len(PROGRESSIONS))]
    groove = list(GROOVES)[random.integers(len(GROOVES))]
    key = int(random.integers(36, 48))
    tempo = random.uniform(70, 120) if groove == "none" else random.uniform(90, 200)
    bars = int(LONGEST * tempo / 240)
    roots = [progression[bar % len(progression)] for bar in range(bars)]
    modern = groove in ("rock", "four")
    chords = random.choice([27, 29, 4, 0, 90, 80, 25] if modern else [0, 0, 25, 26, 105, 21, 11, 48])
    basses = [33, 34, 38] if modern else [32, 58] if groove in ("swing", "march") else [32, 33]
    lead, low, high = SOLOISTS[random.integers(len(SOLOISTS))]
    tune = melody(random, scale, key, roots, low, high)
    parts = [
        Part(lead, tune),
        Part(int(chords), comping(random, scale, key, roots, groove)),
        Part(int(random.choice(basses)), bass_line(scale, key, roots, groove)),
        Part(int(random.choice(KITS)), drumming(random, bars, groove), drums=True),
    ]
    # a second voice below, or an octave up
    if random.random() < 0.4:
        second = (57, -12) if lead < 57 else (48, 12)
        parts.append(Part(second[0], [n._replace(pitch=n.pitch + second[1], velocity=64) for n in tune]))
    return performed(parts, tempo, random, swing=0.62 if groove == "swing" else 0.5)


def solo(name: str) -> Audio:
    """Play one instrument or voice: scales and arpeggios over its range, then a tune."""
    random = seeded(name)
    players = VOICES if random.random() < 0.25 else SOLOISTS
    program, low, high = players[random.integers(len(players))]
    scale = SCALES[random.integers(len(SCALES))] if random.random() < 0.7 else tuple(range(12))
    length = float(random.choice([0.25, 0.5, 1.0]))
    run = [p for p in range(low, high + 1) if (p - low) % 12 in scale]
    run = [*run, *reversed(run)]
    notes = [Note(i * length, length * 0.95, p, int(random.integers(60, 110))) for i, p in enumerate(run)]
    roots = [int(random.integers(7)) for _ in range(16)]
    tune = melody(random, SCALES[random.integers(3)], 36 + int(random.integers(12)), roots, low, high)
    notes += [note._replace(start=note.start + len(run) * length + 1) for note in tune]
    return performed([Part(program, notes)], random.uniform(70, 150), random)


def drum_solo(name: str) -> Audio:
    """Play one kit, a new groove every four bars."""
    random = seeded(name)
    notes = []
    for four in range(0, 16, 4):
        groove = list(GROOVES)[random.integers(len(GROOVES) - 1)]
        notes += [n._replace(start=n.start + 4 * four) for n in drumming(random, 4, groove)]
    return performed([Part(int(random.choice(KITS)), notes, drums=True)], random.uniform(80, 170), random)


def tone(scale: tuple[int, ...], key: int, step: int) -> int:
    """Return the pitch of a step of a scale, counted from the key note."""
    octave, degree = divmod(step, len(scale))
    return key + 12 * octave + scale[degree]


def melody(random: Generator, scale: tuple[int, ...], key: int, roots: list[int], low: int, high: int) -> list[Note]:
    """Walk through the scale, from and to notes of each bar's chord; some bars are rests."""
    notes, step = [], len(scale) * ((low + high) // 2 - key) // 12
    for bar, root in enumerate(roots):
        if random.random() < 0.12:
            continue
        at = 4.0 * bar
        for i, quarters in enumerate(RHYTHMS[random.integers(len(RHYTHMS))]):
            length = quarters / 4
            step += int(random.integers(-2, 3))
            while i == 0 and (step - root) % len(scale) not in (0, 2, 4):
                step += 1
            step += len(scale) * ((tone(scale, key, step) < low) - (tone(scale, key, step) > high))
            held, velocity = length * random.uniform(0.6, 1.0), int(random.integers(78, 112))
            notes.append(Note(at, held, tone(scale, key, step), velocity))
            at += length
    return notes


def comping(random: Generator, scale: tuple[int, ...], key: int, roots: list[int], groove: str) -> list[Note]:
    """Play each bar's chord: held, four to the bar, on the off-beats, or broken."""
    manner = random.integers(4)
    starts = [(0,), (0, 1, 2, 3), (1, 3), (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5)][manner]
    notes = []
    for bar, root in enumerate(roots):
        members = (0, 2, 4, 6) if groove == "swing" else (0, 2, 4)
        chord = [52 + (tone(scale, key, root + member) - 52) % 12 for member in members]
        for i, at in enumerate(starts):
            struck = [chord[i % len(chord)]] if manner == 3 else chord
            notes += [Note(4 * bar + at, (3.9, 0.5, 0.6, 0.9)[manner], pitch, 66) for pitch in struck]
    return notes


def bass_line(scale: tuple[int, ...], key: int, roots: list[int], groove: str) -> list[Note]:
    """Walk in swing, alternate root and fifth in dances, repeat the root in quavers in rock."""
    notes = []
    for bar, root in enumerate(roots):
        line = {"swing": (0, 2, 4, 5), "rock": (0,) * 8, "four": (0, 0, 0, 0, 7, 0, 0, 0)}.get(groove, (0, 4))
        for i, third in enumerate(line):
            pitch = 28 + (tone(scale, key, root + third) - 28) % 12 + 12 * (third == 7)
            notes.append(Note(4 * bar + i * 4 / len(line), 3.7 / len(line), pitch, 96))
    return notes


def drumming(random: Generator, bars: int, groove: str) -> list[Note]:
    """Keep a groove, a fill every fourth bar and a crash after it."""
    notes = []
    for bar in range(bars if groove != "none" else 0):
        if bar % 4 == 0:
            notes.append(Note(4.0 * bar, 1.0, CRASH, 80))
        for piece, halves in GROOVES[groove].items():
            notes += [Note(4 * bar + half / 2, 0.3, piece, 96 if half % 4 == 0 else 80) for half in halves]
        if bar % 4 == 3:
            fill = random.choice([38, 41, 45, 48], 4)
            notes += [Note(4 * bar + 3 + i / 4, 0.2, int(piece), 92) for i, piece in enumerate(fill)]
    return notes


# Playing


def performed(parts: list[Part], tempo: float, random: Generator, swing: float = 0.5) -> Audio:
    """Play through FluidSynth, A at 435 to 445 Hz, in a dry or wet room; at most LONGEST seconds."""
    # General MIDI bends by up to 200 cents
    bend = round(8192 + 8192 * random.uniform(-20, 20) / 200)
    reverb = int(random.integers(0, 100))
    tracks = [midi_file.tempo_track(tempo)]
    melodic = midi_file.melodic_channels()
    for i, part in enumerate(parts[:15]):
        channel = midi_file.DRUM_CHANNEL if part.drums else next(melodic)
        events = midi_file.program(channel, part.program)
        if not part.drums:
            events.append((0, bytes([0xE0 | channel, bend & 0x7F, bend >> 7])))
        vibrato = int(random.integers(0, 60)) if part.program in range(40, 88) else 0
        volume = 110 if i == 0 else 92
        events += midi_file.controllers(channel, [(1, vibrato), (7, volume), (91, reverb), (93, 0)])
        for note in part.notes:
            whole, half = divmod(note.start, 1)
            at = max(whole + (swing if half == 0.5 else half) + random.normal(0, TIMING), 0)
            velocity = round(note.velocity + random.normal(0, TOUCH))
            end = at + max(note.length - 0.02, 0.05)
            events += midi_file.note(channel, at, end, min(max(note.pitch, 0), 127), velocity)
        tracks.append(events)
    midi = midi_file.midi_file(tracks, rest=2)
    settings = ("synth.dynamic-sample-loading=1", "synth.polyphony=128")
    return midi_file.synthesised(midi, midi_file.SOUNDFONT, PLAYED_RATE, 0.6, settings, LONGEST).trim(-50)
