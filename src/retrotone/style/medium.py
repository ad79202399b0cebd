"""A recording medium as physical parameters: what eras, presets of one's own and media read from records share."""

from __future__ import annotations

import os
import re
import shlex
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from math import isinf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from retrotone.audio.audio import Audio
from retrotone.errors import StyleError
from retrotone.progress import Progress, bar_in_notebooks, silent
from retrotone.style.media.chain import MAX_MAKEUP_DB, NEGLIGIBLE, makeup_db, medium_blocks
from retrotone.style.media.converter import Converter
from retrotone.style.media.dynamics import Compression, Limiter
from retrotone.style.media.filters import Filter, Highpass, Lowpass, Peak, Shelf
from retrotone.style.media.media import REFERENCE_LUFS, Saturation
from retrotone.style.media.noise import Crackle, Hum, Noise
from retrotone.style.media.spectrum import NoiseSpectrum
from retrotone.style.media.units import Between, Loudness, Share, SlowHertz
from retrotone.style.media.wow import Wobble
from retrotone.style.tables import read_fields, toml_value
from retrotone.utils.files import check_outputs, write_whole
from retrotone.utils.logs import log
from retrotone.utils.text import title

if TYPE_CHECKING:
    from retrotone.style.reading.reading import Reading
    from retrotone.style.reading.records import Recording

# The words for parts of a medium, in the order of the chain; each with the fields that only it has.
PARTS: dict[str, tuple[str, ...]] = {
    "width": ("separation_db",),
    "delay": ("delay_s",),
    # of the filters: `_FILTERS`
    "band": (),
    "colour": (),
    "compression": ("compression",),
    "saturation": ("saturation",),
    "wow": ("wobbles",),
    "converter": ("converter",),
    "noise": ("noises",),
    "hum": ("hums",),
    "crackle": ("crackle",),
    "limiter": ("limiter",),
}
_FILTERS = {"band": (Highpass, Lowpass), "colour": (Peak, Shelf)}
MAX_NAME = 100
_NUMBERS = re.compile(r"\[\n(?: +[-\w.+]+,\n)+\]")
# Pieces of a recording from which the gain before the noise is found.
MAKEUP_PIECES = 16

HEADING = """\
# A recording medium for retrotone. To give a song its sound:
#     retrotone style SONG --style {file}
# Levels are in dB re full scale for a programme at -20 LUFS; names that end in hz, s or lufs have that unit.

"""


@dataclass(frozen=True, kw_only=True)
class Medium:
    """A recording medium, as physical parameters at full strength; what is left out does nothing.

    Parameters
    ----------
    name : str
        Of the medium or its decade, e.g. ``"1930s"``; files are called after it.
    carrier : str
        What carried the sound.
    description : str
        The sound, in a line.
    year : int, optional
        A typical year of the medium.
    aliases : tuple of str
        Other names, lower case.
    separation_db : float, optional
        Between the channels; 0 is mono. None: they stay apart.
    delay_s : float
        How late the right channel is; the left one where it is negative.
    recording, playback : tuple of Filter
        Before compression, saturation, speed and noise, and after them.
    compression : Compression, optional
        Of the studio or transmitter.
    saturation : Saturation, optional
        Of the medium and its amplifiers.
    turns_hz : float
        Turns per second of disc or cylinder (0: does not turn).
    wobbles : tuple of Wobble
        Wow and flutter.
    converter : Converter, optional
        Digital resolution.
    recording_lufs : float, optional
        Loudness to which the programme is brought before it meets the noise. None: as the filters leave it.
    noises, hums : tuple of Noise or NoiseSpectrum, tuple of Hum
        Stationary noise.
    crackle : Crackle, optional
        Clicks.
    limiter : Limiter, optional
        Of the transfer.
    confidence : dict of str to float
        How sure each part is, in [0, 1], by the words of `PARTS`; only of media read from a recording.

    Raises
    ------
    StyleError
        A value of the wrong type or out of range.

    Examples
    --------
    >>> disc = Medium(name="my disc", separation_db=0, recording=(Highpass(100), Lowpass(5_000)))
    >>> disc.parts
    ('width', 'band')
    """

    name: str
    carrier: str = ""
    description: str = ""
    year: Annotated[int, Between(1, 9999)] | None = None
    aliases: tuple[str, ...] = ()
    separation_db: Annotated[float, Between(0.0, 200.0, "dB")] | None = None
    delay_s: Annotated[float, Between(-0.05, 0.05, "s")] = 0.0
    recording: tuple[Filter, ...] = ()
    compression: Compression | None = None
    saturation: Saturation | None = None
    turns_hz: SlowHertz = 0.0
    wobbles: tuple[Wobble, ...] = ()
    converter: Converter | None = None
    recording_lufs: Loudness | None = None
    noises: tuple[Noise | NoiseSpectrum, ...] = ()
    hums: tuple[Hum, ...] = ()
    crackle: Crackle | None = None
    playback: tuple[Filter, ...] = ()
    limiter: Limiter | None = None
    confidence: Mapping[str, Share] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        # also takes lists, whole numbers and the tables of a file
        for key, value in read_fields(type(self), values).items():
            object.__setattr__(self, key, value)
        if not self.name.strip() or len(self.name) > MAX_NAME or set(self.name) & set("/\\"):
            raise StyleError(f"name is {self.name[:MAX_NAME]!r}: use 1 to {MAX_NAME} characters other than / and \\")
        check_words(self.confidence)

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that do something, in the words that `only` takes."""
        filters = self.recording + self.playback
        present = {word for word, kinds in _FILTERS.items() if any(isinstance(each, kinds) for each in filters)}
        idle = {each.name: each.default for each in fields(self)}
        for word, names in PARTS.items():
            if any(getattr(self, name) != idle[name] for name in names):
                present.add(word)
        return tuple(word for word in PARTS if word in present)

    def without(self, *parts: str) -> Medium:
        """Return a copy that lacks some parts.

        Parameters
        ----------
        *parts : str
            Any of width, delay, band (high- and low-pass filters), colour (peaks and shelves), compression,
            saturation, wow, converter, noise, hum, crackle, limiter.

        Raises
        ------
        StyleError
            There is no such part.
        """
        check_words(parts)
        idle = {each.name: each.default for each in fields(self)}
        changed: dict[str, Any] = {name: idle[name] for word in parts for name in PARTS[word]}
        dropped = tuple(kind for word in parts for kind in _FILTERS.get(word, ()))
        for name in ("recording", "playback"):
            changed[name] = tuple(each for each in getattr(self, name) if not isinstance(each, dropped))
        changed["confidence"] = {word: share for word, share in self.confidence.items() if word not in parts}
        return replace(self, **changed)

    def only(self, *parts: str) -> Medium:
        """Return a copy that has no other parts than these; see `without`."""
        check_words(parts)
        return self.without(*(word for word in PARTS if word not in parts))

    def apply(self, audio: Audio, strength: float = 1.0, seed: int = 0, programme_lufs: float | None = None) -> Audio:
        """Return a recording as this medium would have kept it.

        Parameters
        ----------
        audio : Audio
            Any rate, one or two channels, any length.
        strength : float
            In [0, 1]: 0 gives the recording back untouched, 1 is the whole medium.
        seed : int
            At least 0. The same seed gives the same hiss, clicks and wow.
        programme_lufs : float, optional
            Integrated loudness of the programme that this is a part of; by default its own.

        Returns
        -------
        Audio
            As long, of the same rate and channels (a mono medium gives equal ones), and about as loud:
            restored by at most 12 dB; silence stays at the level of the medium's noise.

        Raises
        ------
        StyleError
            Strength outside [0, 1], negative seed.
        """
        loudness, channels, rate = audio.loudness, audio.channels, audio.sample_rate
        programme = programme_lufs
        if programme is None:
            programme = REFERENCE_LUFS if isinf(loudness) else loudness
        pieces = np.array_split(audio.samples, MAKEUP_PIECES, axis=1)
        makeup = makeup_db(self, pieces, channels, rate, strength, programme)
        blocks = medium_blocks(audio.blocks(), channels, rate, self, strength, seed, programme, makeup)
        aged = audio.with_samples(np.concatenate(list(blocks), axis=1))
        if strength < NEGLIGIBLE or isinf(loudness):
            return aged
        return aged.gain(min(max(loudness - aged.loudness, -MAX_MAKEUP_DB), MAX_MAKEUP_DB))

    @classmethod
    @bar_in_notebooks
    def from_recording(
        cls, records: Recording | Sequence[Recording], name: str | None = None, progress: Progress = silent
    ) -> Medium:
        """Read the medium of a record, blindly: what its machine did, and not its music.

        Parameters
        ----------
        records : Audio, AudioFile or path, or several
            Any rate, any length. Several records of the same kind make one medium, by medians.
        name : str, optional
            Of the medium; by default that of the first record.
        progress : Progress
            Called with the share of the work that is done; it may raise `Cancelled` to stop.

        Returns
        -------
        Medium
            Only parts that the records show, each with its confidence. A clean recording gives an empty one, and a
            warning in the log that says so.

        Raises
        ------
        AudioError
            A record is silent or cannot be read.
        StyleError
            No records.

        Examples
        --------
        >>> from retrotone.utils.assets import bundled_record
        >>> disc = Medium.from_recording(bundled_record())
        >>> "noise" in disc.parts, disc.separation_db
        (True, 0.0)
        """
        from retrotone.style.reading.records import read_records

        readings = read_records(records, progress)
        return cls.from_readings(readings, name)

    @classmethod
    def from_readings(cls, readings: Sequence[Reading], name: str | None = None) -> Medium:
        """Make the medium that records of the same kind show; `from_recording` reads them and does this.

        Parameters
        ----------
        readings : sequence of Reading
            From `retrotone.style.reading.records.read_records`, at least one.
        name : str, optional
            Of the medium; by default that of the first record.
        """
        from retrotone.style.reading.parts import medium_parts

        medium = cls(
            name=_usable(name or title(readings[0].name)),
            description=f"the medium of {_named(readings)}",
            **medium_parts(readings),
        )
        if not medium.parts:
            none = "has no medium of its own" if len(readings) == 1 else "have no medium of their own"
            log.warning("%s %s to give: the method transport gives the tonal colour", _named(readings), none)
        return medium

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> Path:
        """Write the medium as a TOML file, whole or not at all, and return its path.

        Parameters
        ----------
        path : path-like
            `retrotone style SONG --style FILE.toml` needs the suffix .toml.
        overwrite : bool
            Whether a file that exists is replaced: it may have been edited by hand.

        Raises
        ------
        OutputError
            It exists, or cannot be written.
        """
        import tomli_w

        path = Path(path)
        check_outputs([path], overwrite=overwrite)
        # text that a comment holds must be a line
        file = path.name if path.name.isprintable() else "FILE.toml"
        lines, tables = {}, []
        for name, value in self._set().items():
            if isinstance(value, list) and value and isinstance(value[0], dict):
                tables += [f"\n[[{name}]]\n{tomli_w.dumps(row)}" for row in value]
            elif isinstance(value, dict):
                tables += [f"\n[{name}]\n{tomli_w.dumps(value)}"] if value else []
            else:
                lines[name] = value
        text = HEADING.format(file=shlex.quote(file)) + tomli_w.dumps(lines) + "".join(tables)
        # a list of numbers on one line each
        text = _NUMBERS.sub(lambda found: "[" + ", ".join(re.findall(r"[-\w.+]+", found[0])) + "]", text)
        write_whole(path, text.encode())
        return path

    def _set(self) -> dict[str, Any]:
        """Return the parameters that differ from their defaults, as TOML has them."""
        values = {each.name: (each.default, getattr(self, each.name)) for each in fields(self)}
        return {name: toml_value(value) for name, (idle, value) in values.items() if idle is MISSING or value != idle}

    def _repr_html_(self) -> str:
        from retrotone.utils.templates import render_page

        set_here = {name: value for name, value in self._set().items() if name != "name" and value not in ({}, [])}
        rows = [(name.replace("_", " "), _words(value)) for name, value in set_here.items()]
        return render_page("notebook.html.j2", heading=self.name, rows=rows, points=[], source="")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Medium:
        """Read a medium that `save` or a text editor wrote.

        Parameters
        ----------
        path : path-like
            A TOML file whose keys are the parameters of this class.

        Raises
        ------
        StyleError
            It cannot be read, is no TOML, or has a wrong key or value; the message names the file and the key.
        """
        try:
            # a recursion error: brackets nested a thousand deep
            values = tomllib.loads(Path(path).read_text("utf-8"))
            return cls(**read_fields(cls, values))
        except OSError as error:
            raise StyleError(f"{path} cannot be read ({error.strerror}): check the path") from error
        except UnicodeDecodeError as error:
            raise StyleError(f"{path} is not text in UTF-8: give a TOML file, as Medium.save writes it") from error
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise StyleError(f"{path} is not TOML ({error}): correct it in a text editor") from error
        except StyleError as error:
            raise StyleError(f"{path}: {error}") from error


def _words(value: Any) -> str:
    """Return a value of TOML for people.

    >>> _words([{"kind": "highpass", "hz": 70.0, "order": 2}, {"kind": "lowpass", "hz": 6000.0, "order": 4}])
    'kind highpass, hz 70, order 2; kind lowpass, hz 6000, order 4'
    """
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_words(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ("; " if value and isinstance(value[0], dict) else ", ").join(map(_words, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _named(readings: Sequence[Reading]) -> str:
    """Return what several records are called together."""
    return title(readings[0].name) + (f" and {len(readings) - 1} more" if len(readings) > 1 else "")


def _usable(name: str) -> str:
    """Return a name without what a medium's name may not have."""
    return name.replace("/", " ").replace("\\", " ").strip()[:MAX_NAME] or "record"


def check_words(words: Iterable[str]) -> None:
    """Raise `StyleError` for a word that names no part of a medium."""
    for word in words:
        if word not in PARTS:
            raise StyleError(f"there is no part {word!r} of a medium: use {', '.join(PARTS)}")
