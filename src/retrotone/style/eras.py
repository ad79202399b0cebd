"""Eras: nine media from the wax cylinder to the early sampler, each modelled from its physics.

A medium is a chain: channels (mono, crosstalk) -> recording filters (horn, cutter, pre-emphasis) ->
saturation -> wow and flutter -> converters -> noise, hum and crackle -> playback filters. The comment above a
number gives its source; "by ear" marks those that have none. "Fitted" means fitted to transfers of seven 78 rpm
sides of the 1930s-40s: band levels of the music and of its quietest 3 %. "Measured" means measured on eight sides that
were played on a mechanical gramophone before a microphone. `retrotone.style.ageing` applies an era.

Sources
-------
.. [AES6] AES6-2008 / IEC 60386: measurement of wow and flutter (weighting peaks at 4 Hz).
.. [CMAR] P. Copeland, "Manual of Analogue Sound Restoration Techniques", The British Library, 2008.
.. [DIN] DIN 45500, hi-fi minimum requirements: disc players and cassette machines.
.. [EMU] E-mu SP-1200 (1987): 12 bits linear, 26.04 kHz, mono.
.. [IEC94] IEC 60094-1: tape speeds and equalisation; compact cassette 4.76 cm/s, 3180 us + 120 us (type I).
.. [IEC98] IEC 60098 / RIAA 1954: disc speeds, 33 1/3 and 78 rpm; equalisation 3180 / 318 / 75 us.
.. [MH26] J. P. Maxfield and H. C. Harrison, "Methods of high quality recording and reproducing of music
   and speech based on telephone research", Bell System Technical Journal 5, 1926.
.. [NARBA] Medium-wave channels 10 kHz apart in the Americas (agreement of 1937, in force 1941).
"""

from __future__ import annotations

from retrotone.errors import StyleError
from retrotone.style.media.chain import MONO
from retrotone.style.media.converter import Converter
from retrotone.style.media.filters import Highpass, Lowpass, Peak, Shelf
from retrotone.style.media.media import Saturation
from retrotone.style.media.noise import Crackle, Hum, Noise
from retrotone.style.media.wow import Wobble
from retrotone.style.medium import Medium

# turns per second of 160, 78.26 and 33 1/3 rpm
TURN_160, TURN_78, TURN_33 = 160 / 60, 78.26 / 60, 100 / 180


_ALL = (
    Medium(
        name="1900s",
        year=1905,
        carrier="wax cylinder",
        description="horn into wax at 160 rpm: 250 Hz to 2.6 kHz, a honk, a roaring surface, unsteady speed",
        aliases=("cylinder", "wax", "phonograph"),
        separation_db=MONO,
        recording=(
            # commonly quoted: some 200 Hz - 3 kHz; this corner by ear
            Highpass(250.0, 3),
            # standing waves along the horn: peaks of several dB; these by ear
            Peak(420.0, 4.0, 3.0),
            Peak(850.0, 5.0, 3.5),
            # the glass diaphragm, by ear
            Peak(1900.0, 6.0, 3.0),
            Lowpass(2600.0, 4),
        ),
        # surface noise outlasts the music; by ear
        playback=(Highpass(60.0, 2), Lowpass(4500.0, 3)),
        # soft wax and a blasting diaphragm, by ear
        saturation=Saturation(1.6, 0.25),
        # 160 rpm: standard of moulded cylinders from 1902
        turns_hz=TURN_160,
        wobbles=(
            # eccentric wax, by ear
            Wobble(TURN_160, 0.004),
            # spring motor and governor, by ear
            Wobble(0.6, 0.004, random=True),
            # belt and gears, by ear
            Wobble(9.0, 0.002, random=True),
        ),
        noises=(
            # surface, by ear
            Noise(-39.0, 700.0, 3000.0, swish=0.25),
            # mechanism, by ear
            Noise(-40.0, 40.0, 160.0, swish=0.15),
        ),
        # by ear
        crackle=Crackle(40.0, -33.0, 1900.0, 0.0006, scratch=True),
    ),
    Medium(
        name="1910s",
        year=1915,
        carrier="acoustic 78",
        description="horn onto shellac: 170 Hz to 3.2 kHz, resonances, hiss and crackle, slow wow",
        aliases=("acoustic", "horn", "victrola", "gramophone"),
        separation_db=MONO,
        recording=(
            # commonly quoted as 168 Hz - 2 kHz, fading out above: horn cut-off
            Highpass(170.0, 3),
            # horn resonances, by ear
            Peak(330.0, 3.0, 3.0),
            Peak(700.0, 3.0, 3.5),
            # the diaphragm's own resonance lies at 2-3 kHz; gain by ear
            Peak(2100.0, 5.0, 2.5),
            Lowpass(3200.0, 4),
        ),
        # an electrical replay hears more hiss than music
        playback=(Highpass(45.0, 2), Lowpass(6000.0, 4)),
        # by ear
        saturation=Saturation(1.2, 0.2),
        # nominal 78 rpm [IEC98]; acoustic sides ran at 70 to 82 or so [CMAR]
        turns_hz=TURN_78,
        wobbles=(
            # off centre by 1 mm at a radius of 100 mm is 1 %; this by ear
            Wobble(TURN_78, 0.0025),
            # weight or spring motor, by ear
            Wobble(0.5, 0.002, random=True),
            Wobble(7.0, 0.001, random=True),
        ),
        noises=(
            # abrasive filler of shellac; 8 dB over "1930s" by ear
            Noise(-43.0, 900.0, 4500.0, swish=0.3),
            Noise(-44.0, 30.0, 200.0, swish=0.15),
        ),
        # by ear
        crackle=Crackle(22.0, -37.0, 2600.0, 0.0004, scratch=True),
    ),
    Medium(
        name="1920s",
        year=1926,
        carrier="acoustic replay of 78s",
        description="a 78 on a wind-up gramophone: 200 Hz to 3.7 kHz, a horn, hiss up to 15 kHz, crackle",
        aliases=("gramophone replay", "mechanical gramophone"),
        separation_db=MONO,
        recording=(
            # measured: almost nothing below 200 Hz; the music ends steeply near 3.7 kHz
            Highpass(200.0, 4),
            # resonances of horn and sound box, by ear
            Peak(480.0, 3.0, 2.5),
            Peak(1100.0, 3.0, 3.0),
            Peak(2700.0, 5.0, 2.5),
            Lowpass(3700.0, 8),
        ),
        # the needle's noise does not pass the horn alone: measured, it goes on to 15-17 kHz
        playback=(Highpass(180.0, 3), Lowpass(15_000.0, 4)),
        # a sound box moved by the whole force of the groove; by ear
        saturation=Saturation(1.0, 0.15),
        turns_hz=TURN_78,
        wobbles=(
            # off-centre pressing, by ear
            Wobble(TURN_78, 0.002),
            # spring motor and governor, by ear
            Wobble(0.5, 0.001, random=True),
            Wobble(7.0, 0.0006, random=True),
        ),
        # measured: the music is 16 to 22 dB above the floor
        noises=(Noise(-43.0, 700.0, 6000.0, swish=0.2),),
        # measured: the kurtosis of the floor is 4.4 to 7.9
        crackle=Crackle(30.0, -42.0, 2600.0, 0.0003, scratch=True),
    ),
    Medium(
        name="1930s",
        year=1938,
        carrier="electrical 78",
        description="microphone onto shellac: 70 Hz to 6 kHz, hiss, crackle and a tick every turn",
        aliases=("shellac", "78", "78rpm", "78 rpm", "swing"),
        separation_db=MONO,
        recording=(
            # [MH26] some 60 Hz to 6 kHz; both corners agree with the real sides
            Highpass(70.0, 2),
            # rise of carbon and condenser microphones of the time, by ear
            Peak(2800.0, 2.5, 1.2),
            Lowpass(6000.0, 4),
        ),
        playback=(
            Highpass(30.0, 2),
            # fitted: the floor falls some 6 dB a kHz above 7 kHz
            Lowpass(7500.0, 4),
        ),
        # by ear
        saturation=Saturation(0.8, 0.1),
        # 78.26 rpm: a 3600 rpm motor geared 46:1
        turns_hz=TURN_78,
        wobbles=(
            # off-centre pressing, by ear
            Wobble(TURN_78, 0.0015),
            # by ear
            Wobble(0.5, 0.0008, random=True),
            Wobble(6.0, 0.0005, random=True),
        ),
        noises=(
            # fitted: -52 dB in 1-2 kHz with the clicks (real sides: -44 to -62), falling 2-3 dB a kHz
            Noise(-53.5, 800.0, 2500.0, swish=0.25),
            # fitted: -50 dB an octave; replay boosts the bass
            Noise(-45.0, 40.0, 250.0, swish=0.1),
        ),
        # by ear
        crackle=Crackle(10.0, -43.0, 3000.0, 0.0003, scratch=True),
    ),
    Medium(
        name="1940s",
        year=1945,
        carrier="AM radio",
        description="a valve set on medium wave: 100 Hz to 4.5 kHz, boxy, limited, mains hum and static",
        aliases=("radio", "am", "am radio", "wireless", "broadcast"),
        separation_db=MONO,
        recording=(
            # output transformer and open-backed cabinet, by ear
            Highpass(100.0, 2),
            # within half of the 10 kHz between channels [NARBA]
            Lowpass(4500.0, 6),
        ),
        playback=(
            Highpass(60.0, 2),
            # cabinet, by ear
            Peak(180.0, 3.0, 1.5),
            # cone break-up, by ear
            Peak(1600.0, 3.0, 1.0),
            # intermediate-frequency filters and tone control, by ear
            Lowpass(5000.0, 4),
        ),
        # diode detector and a single-ended output valve: 0.5 % of harmonics of 1 kHz at the programme's level, which is
        # plausible at half modulation
        saturation=Saturation(0.65, 0.1),
        # receiver and atmospheric, by ear
        noises=(Noise(-49.0, 150.0, 9000.0),),
        # full-wave rectified 60 Hz mains; levels by ear
        hums=(Hum(120.0, -53.0), Hum(240.0, -63.0)),
        # atmospherics ringing in the IF filters, by ear
        crackle=Crackle(3.0, -42.0, 1400.0, 0.0015),
    ),
    Medium(
        name="1950s",
        year=1955,
        carrier="mono tape and LP",
        description="valve tape to mono microgroove: 45 Hz to 11 kHz, warm, soft hiss, a few ticks",
        aliases=("tape", "mono", "mono lp", "hifi", "valve"),
        separation_db=MONO,
        recording=(
            Highpass(45.0, 2),
            # head bump, by ear
            Peak(90.0, 1.5, 1.0),
            # record boost against 50 us (NAB) replay, corner 3.18 kHz; gain by ear
            Shelf(3180.0, 6.0),
        ),
        playback=(
            Shelf(3180.0, -6.0),
            Highpass(25.0, 2),
            # typical of early microgroove replay
            Lowpass(11000.0, 3),
        ),
        # tape: odd harmonics; valves: the bias; both by ear
        saturation=Saturation(0.8, 0.08),
        # 33 1/3 rpm [IEC98]
        turns_hz=TURN_33,
        wobbles=(
            # within 0.2 % weighted, the later limit of [DIN]
            Wobble(TURN_33, 0.0008),
            Wobble(4.0, 0.0005, random=True),
            # capstan, by ear
            Wobble(15.0, 0.0004, random=True),
        ),
        noises=(
            # tape hiss through the 6 dB de-emphasis, by ear
            Noise(-55.0, 1200.0, 12000.0),
            # rumble: 35 dB below 10 cm/s unweighted is the limit of [DIN]
            Noise(-54.0, 25.0, 90.0),
        ),
        # vinyl is far quieter than shellac; level by ear
        crackle=Crackle(2.0, -45.0, 3500.0, 0.0002),
    ),
    Medium(
        name="1970s",
        year=1972,
        carrier="stereo LP",
        description="stereo vinyl: 30 Hz to 14 kHz, 25 dB of separation, warmth, rumble, dust ticks",
        aliases=("1960s", "lp", "vinyl", "record", "stereo", "stereo lp"),
        # at least 20 dB at 1 kHz [DIN]; typical of cartridges
        separation_db=25.0,
        recording=(
            Highpass(30.0, 2),
            # head bump of the master tape, by ear
            Peak(80.0, 1.5, 0.8),
            # 75 us pre-emphasis [IEC98], part of it: the cutter clips treble first
            Shelf(2122.0, 5.0),
        ),
        playback=(
            Shelf(2122.0, -5.0),
            # 7950 us rumble filter, IEC amendment of 1976 [IEC98]
            Highpass(20.0, 2),
            # at least 40 Hz - 12.5 kHz [DIN]
            Lowpass(14000.0, 3),
        ),
        # by ear; tracing distortion is mostly second harmonic, hence the bias
        saturation=Saturation(0.6, 0.12),
        turns_hz=TURN_33,
        wobbles=(
            # off-centre hole; within 0.2 % weighted [DIN]
            Wobble(TURN_33, 0.0008),
            Wobble(5.0, 0.0004, random=True),
        ),
        noises=(
            # master tape and vinyl, by ear
            Noise(-61.0, 1000.0, 12000.0),
            # rumble, as above
            Noise(-56.0, 20.0, 60.0),
        ),
        # by ear
        crackle=Crackle(4.0, -46.0, 3800.0, 0.0002, scratch=True),
    ),
    Medium(
        name="1980s",
        year=1984,
        carrier="compact cassette",
        description="a ferric cassette: 40 Hz to 12 kHz, squashed treble, steady hiss, fluttering pitch",
        aliases=("cassette", "compact cassette", "walkman", "mixtape"),
        # typical of adjacent tracks
        separation_db=30.0,
        recording=(
            Highpass(40.0, 2),
            # head bump, by ear
            Peak(90.0, 2.0, 1.0),
            # record boost against 120 us replay, corner 1.33 kHz [IEC94]; gain by ear
            Shelf(1326.0, 7.0),
        ),
        playback=(
            Shelf(1326.0, -7.0),
            Highpass(25.0, 2),
            # 12.5 kHz at 4.76 cm/s [DIN]
            Lowpass(12000.0, 4),
        ),
        # by ear: the boosted treble saturates first; bias current makes tape symmetric: third harmonic only
        saturation=Saturation(1.0, 0.0),
        wobbles=(
            # reel tables, by ear: all three together give 0.17 % weighted [AES6], under the 0.2 % of [DIN]
            Wobble(0.9, 0.001, random=True),
            # capstan: 2 mm across at 47.6 mm/s turns 7.6 times a second
            Wobble(8.0, 0.0012),
            # the tape's friction at heads and guides, by ear
            Wobble(20.0, 0.0008, random=True),
        ),
        # before 7 dB of de-emphasis; no noise reduction; by ear
        noises=(Noise(-53.5, 1500.0, 15000.0),),
    ),
    Medium(
        name="1990s",
        year=1990,
        carrier="early sampler",
        description="12 bits at 26 kHz: mono, crunchy steps, folded and mirrored treble, steady pitch",
        aliases=("sampler", "12-bit", "12bit", "sp-1200", "sp1200", "hip hop", "lo-fi"),
        # [EMU]
        separation_db=MONO,
        # gentle filter before the converter, by ear
        recording=(Highpass(25.0, 2), Lowpass(12000.0, 3)),
        # barely filtered outputs let the images through, by ear
        playback=(Lowpass(16000.0, 2),),
        # input driven hot, by ear
        saturation=Saturation(0.9, 0.0),
        # analogue stages, by ear
        noises=(Noise(-70.0, 100.0, 15000.0),),
        # [EMU]; 12 dB of unused headroom, by ear
        converter=Converter(12.0, 26_040.0, 4.0),
    ),
)

ERAS: dict[str, Medium] = {era.name: era for era in _ALL}
"""The nine media by decade, oldest first."""

_NAMES = {name: era for era in _ALL for name in (era.name, era.carrier.lower(), *era.aliases)}


def find_era(name: str) -> Medium:
    """Return the era of a decade, a year or a medium.

    Parameters
    ----------
    name : str
        ``"1930s"``, ``"1938"``, ``"electrical 78"``, ``"shellac"``, in any case.

    Raises
    ------
    StyleError
        No such era; the message lists them.

    Examples
    --------
    >>> find_era("shellac").name, find_era("1955").carrier
    ('1930s', 'mono tape and LP')
    """
    wanted = " ".join(name.casefold().split())
    decade = f"{wanted[:3]}0s" if len(wanted) == 4 and wanted.isdecimal() else wanted
    era = _NAMES.get(decade)
    if era is None:
        listing = ", ".join(f"{era.name} ({era.carrier})" for era in _ALL)
        raise StyleError(f"there is no era '{name}': use one of {listing}")
    return era
