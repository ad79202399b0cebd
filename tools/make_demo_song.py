"""Make the demo's two recordings: a song, and the kind of record whose sound it is given.

Both are played here from public-domain scores in music21's corpus, orchestrated below for a small dance band:

- ``demo_song.ogg``: Aloha ʻOe (Queen Liliʻuokalani, 1884), clean modern stereo;
- ``demo_style.ogg``: Jeanie with the Light Brown Hair (Stephen Foster, 1854), then `retrotone.style.ageing.age`
  makes it a 1930s record.

It needs what retrotone itself does not, and installs nothing (licences: ``src/retrotone/assets/DEMO.md``)::

    apt-get install fluidsynth fluid-soundfont-gm
    .venv/bin/pip install music21
    .venv/bin/python tools/make_demo_song.py

The same versions give the same samples: every random choice comes from SEED.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import midi_file
import numpy as np
from dance_band import LOUDNESS, Band, Note, recording
from music21 import corpus, harmony, stream

from retrotone.style.ageing import age

ASSETS = Path(__file__).resolve().parents[1] / "src" / "retrotone" / "assets"
# both scores are in 4/4
BAR = 4.0
KICK, TAP, SLAP, PEDAL_HAT, RIDE, CRASH = 36, 38, 39, 44, 51, 49


class Chord(NamedTuple):
    """One harmony: start and length in beats, root and members as pitch classes."""

    start: float
    length: float
    root: int
    members: tuple[int, ...]


def aloha_oe() -> tuple[Band, float, float]:
    """Arrange verse and refrain as a foxtrot; return the band's notes, beats per minute and swing."""
    score = corpus.parse("liliuokalani/aloha_oe")
    part = dict(zip(["S", "A", "T", "B", "solo", "right", "left"], score.parts, strict=True))
    # the verse's upbeat, the refrain's upbeat, the last bar line
    verse, refrain, end = 16.0, 47.5, 81.0
    written = [*notes(part["right"], verse, end), *notes(part["left"], verse, end)]
    shift, bar_13 = refrain - verse, 33.0
    sung, swinging = estimated_chords(written, 1.0, bar_13), estimated_chords(written, bar_13, end - verse)
    chords = [*sung, *swinging]
    melody = notes(part["solo"], verse, refrain, velocity=92)
    choir = {name: moved(notes(part[name], refrain, end, velocity=84), shift) for name in "SATB"}
    band: Band = {
        "piano": [note._replace(velocity=66) for note in written],
        "clarinet": [*melody, *moved(choir["A"], 0, 12)],
        "vibraphone": [*fills(melody, chords), *moved(choir["S"], 0, 12, 50)],
        "trumpet": louder(choir["S"], 10),
        "alto sax": choir["A"],
        "tenor sax": choir["T"],
        "trombone": choir["B"],
        "violins": [*pads(chords, 67, 56), *pads(swinging, 79, 56)],
        "guitar": strums(chords, 52),
        "bass": [*two_beat(sung, 28), *walking(swinging, 28)],
        "drums": brushes(1.0, end - verse, {1.0, bar_13}),
    }
    return band, 132.0, 0.62


def jeanie() -> tuple[Band, float, float]:
    """Arrange the first and the last strain as a hot-dance record; return as `aloha_oe` does."""
    score = corpus.parse("leadSheet/fosterBrownHair")
    sheet = score.parts[0]
    # where bars 26-33 follow on bars 2-9
    shift = 33.0
    # its upbeat is bar 9's
    opening = [Note(0.0, 1.0, 74, 92), *moved(notes(sheet, 4.0, 36.0, velocity=92), 1.0)]
    closing = moved(notes(sheet, 100.0, 131.0, velocity=92), shift)
    chords = [*symbols(sheet, 4.0, 36.0, at=1.0), *symbols(sheet, 100.0, 132.0, at=shift)]
    late = [chord for chord in chords if chord.start >= shift]
    band: Band = {
        "muted trumpet": [*opening, *fills(closing, chords)],
        "clarinet": [*fills(opening, chords), *closing],
        "violins": [*moved(closing, 0, 12, 84), *pads(chords, 64, 58)],
        "alto sax": pads(chords, 62, 70),
        "tenor sax": pads(chords, 55, 70),
        "trombone": pads(late, 50, 60),
        "piano": stride(chords),
        "banjo": strums(chords, 55),
        "tuba": two_beat(chords, 29),
        "drums": brushes(1.0, chords[-1].start + chords[-1].length, {1.0, shift}),
    }
    return band, 160.0, 0.6


# Reading scores


def notes(part: stream.Stream, start: float, end: float, velocity: int = 80) -> list[Note]:
    """Return the notes of a part within [start, end) beats, ties joined, counted from `start`."""
    found = []
    for element in part.flatten().stripTies().notes:
        offset = float(element.offset)
        if start <= offset < end and not isinstance(element, harmony.ChordSymbol):
            found += [Note(offset - start, float(element.quarterLength), p.midi, velocity) for p in element.pitches]
    return found


def symbols(sheet: stream.Stream, start: float, end: float, at: float) -> list[Chord]:
    """Return a lead sheet's chord symbols within [start, end) beats, the first of them moved to `at`."""
    found = [s for s in sheet.flatten().getElementsByClass(harmony.ChordSymbol) if start <= s.offset < end]
    ends = [*(float(s.offset) for s in found[1:]), end]
    return [
        Chord(s.offset - start + at, stop - s.offset, s.root().pitchClass, tuple(s.pitchClasses))
        for s, stop in zip(found, ends, strict=True)
    ]


def estimated_chords(played: list[Note], start: float, end: float) -> list[Chord]:
    """Name the harmony by half bars: the major, minor or seventh chord that fits the notes best."""
    found: list[Chord] = []
    shapes = [(0, 4, 7), (0, 3, 7), (0, 4, 7, 10)]
    candidates = [(root, tuple((root + step) % 12 for step in shape)) for shape in shapes for root in range(12)]
    for at in np.arange(start, end, BAR / 2):
        weight = np.zeros(12)
        for note in played:
            if at <= note.start < at + BAR / 2:
                weight[note.pitch % 12] += min(note.length, at + BAR / 2 - note.start)
        # a member that is missing costs a little, so that a plain triad wins over an unplayed seventh
        root, members = max(
            candidates, key=lambda c: 2 * weight[list(c[1])].sum() - 0.2 * sum(weight[m] == 0 for m in c[1])
        )
        if found and found[-1].root == root:
            found[-1] = found[-1]._replace(
                length=found[-1].length + BAR / 2, members=max(found[-1].members, members, key=len)
            )
        else:
            found.append(Chord(float(at), BAR / 2, root, members))
    return found


# Writing parts


def moved(played: Iterable[Note], beats: float, semitones: int = 0, velocity: int | None = None) -> list[Note]:
    """Shift notes in time and pitch, at a velocity of their own if given."""
    return [Note(n.start + beats, n.length, n.pitch + semitones, velocity or n.velocity) for n in played]


def louder(played: Iterable[Note], by: int) -> list[Note]:
    """Add to the notes' velocity."""
    return [note._replace(velocity=note.velocity + by) for note in played]


def above(pitch_class: int, floor: int) -> int:
    """Return the lowest pitch of that class at or above `floor`."""
    return floor + (pitch_class - floor) % 12


def voicing(chord: Chord, floor: int) -> list[int]:
    """Return the chord's members in close position at or above `floor`."""
    return sorted(above(member, floor) for member in chord.members)


def fills(melody: list[Note], chords: list[Chord]) -> list[Note]:
    """Answer each long melody note with a rising arpeggio in swung quavers."""
    answers = []
    for note in melody:
        chord = next((c for c in chords if c.start <= note.start + 0.5 < c.start + c.length), None)
        if note.length >= 2 and chord:
            steps = voicing(chord, 67)[:3]
            steps = [*steps, steps[0] + 12]
            answers += [Note(note.start + 0.5 + i / 2, 0.6, p, 70 + 4 * i) for i, p in enumerate(steps)]
    return answers


def pads(chords: list[Chord], floor: int, velocity: int) -> list[Note]:
    """Hold each chord."""
    return [Note(c.start, c.length * 0.97, p, velocity) for c in chords for p in voicing(c, floor)[:3]]


def beats(chord: Chord) -> Iterator[tuple[float, int]]:
    """Yield the chord's beats: when, and which beat of the bar (0-3); bars begin at beat 1."""
    for step in range(round(chord.length)):
        yield chord.start + step, round(chord.start - 1 + step) % 4


def strums(chords: list[Chord], floor: int) -> list[Note]:
    """Four short strums to the bar, the second and fourth accented, each string a moment after the last."""
    return [
        Note(start + 0.015 * string, 0.4, pitch, 82 if beat % 2 else 64)
        for chord in chords
        for start, beat in beats(chord)
        for string, pitch in enumerate(voicing(chord, floor))
    ]


def stride(chords: list[Chord]) -> list[Note]:
    """Piano: bass octave on the strong beats, chord on the weak ones."""
    played = []
    for chord in chords:
        for start, beat in beats(chord):
            low = above(chord.root, 36)
            pitches = voicing(chord, 57) if beat % 2 else [low, low + 12]
            played += [Note(start, 0.6, pitch, 70) for pitch in pitches]
    return played


def two_beat(chords: list[Chord], floor: int) -> list[Note]:
    """Bass: root on one, fifth on three."""
    return [
        Note(start, 1.3, above(chord.root + (0 if beat == 0 or chord.length < BAR else 7), floor), 100)
        for chord in chords
        for start, beat in beats(chord)
        if beat % 2 == 0
    ]


def walking(chords: list[Chord], floor: int) -> list[Note]:
    """Bass: four to the bar, up the chord and down, by a semitone into the next root."""
    played = []
    for chord, following in zip(chords, [*chords[1:], chords[-1]], strict=True):
        root = above(chord.root, floor)
        third, fifth = (root + (member - chord.root) % 12 for member in chord.members[1:3])
        steps = [[root, third, fifth, third][beat] for _, beat in beats(chord)]
        if following is not chord:
            target = above(following.root, floor)
            steps[-1] = target + (1 if target < root else -1)
        steps[0] = root
        played += [Note(chord.start + i, 0.95, pitch, 98) for i, pitch in enumerate(steps)]
    return played


def brushes(start: float, end: float, crashes: set[float]) -> list[Note]:
    """Ride in swing, hi-hat on two and four, a soft kick on one and three; a crash where a strain begins."""
    played = [Note(at, 1.0, CRASH, 76) for at in crashes]
    for at in np.arange(start, end):
        weak = round(at - start) % 2 == 1
        played += [Note(at, 0.5, RIDE, 84 if weak else 72)]
        played += [Note(at, 0.3, PEDAL_HAT, 88), Note(at, 0.3, TAP, 84), Note(at + 0.5, 0.3, RIDE, 62)] if weak else []
        played += [] if weak else [Note(at, 0.5, KICK, 84)]
        if round(at - start) % 16 == 15:
            played += [Note(at + 0.5, 0.2, SLAP, 96)]
    return played


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ASSETS, help="folder to write to")
    parser.add_argument("--soundfont", type=Path, default=midi_file.SOUNDFONT, help="FluidR3_GM.sf2")
    options = parser.parse_args()
    recording(*aloha_oe(), options.soundfont).save(options.output / "demo_song.ogg", overwrite=True)
    record = age(recording(*jeanie(), options.soundfont), "1930s", seed=0)
    record.mono().with_loudness(LOUDNESS).save(options.output / "demo_style.ogg", overwrite=True)


if __name__ == "__main__":
    main()
