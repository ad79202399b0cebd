"""`python -m benchmarks [--long] [--only NAME ...]`: measure, and write out/bench/bench.md with its figures."""

from __future__ import annotations

import argparse
import logging
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import retrotone as rt
from benchmarks import (
    classification,
    generation,
    genre,
    length,
    library,
    quality,
    rave,
    speed,
    startup,
    tempo_key,
    truth,
)
from benchmarks.cases import cases
from benchmarks.methods import methods
from benchmarks.page import MissingDataError, Page
from benchmarks.pairs import Pair, bundled, played, real
from retrotone.figures.base import png
from retrotone.utils.files import make_folder, write_whole

OUT = Path("out/bench")

Section = Callable[[bool], Page]  # of whether the form is long


def _speed(long: bool) -> Page:
    return speed.page(speed.measure_speed(bundled()))


def _quality(long: bool) -> Page:
    seconds = 30.0 if long else 10.0
    pairs: Iterable[Pair] = chain([bundled(seconds), played(seconds)], real(seconds))
    return quality.page(quality.measure_quality(pairs, methods(gram_steps=60 if long else 20), seconds))


def _truth(long: bool) -> Page:
    found = truth.measure_truth(cases(long))
    return truth.page(replace(found, made=truth.made_signals(), realtime=truth.realtime_factor()))


def _length(long: bool) -> Page:
    names = [name for name in length.JOBS if name != "Matchering 2" or find_spec("matchering")]
    return length.page(length.measure_length(bundled(), length.LONG if long else length.SHORT, names))


def _startup(long: bool) -> Page:
    return startup.page(startup.measure_startup())


def _rave(long: bool) -> Page:
    return rave.page(rave.measure_rave())


def _generation(long: bool) -> Page:
    return generation.page(generation.measure_generation())


def _genre(long: bool) -> Page:
    return genre.page(genre.measure_genre(bundled().content))


def _classification(long: bool) -> Page:
    return classification.page(classification.measure_classification(long))


def _tempo_key(long: bool) -> Page:
    return tempo_key.page(tempo_key.measure_tempo_key())


def _library(long: bool) -> Page:
    if not find_spec("bliss_audio"):
        raise MissingDataError("its rival is not installed: pip install 'retrotone[bench]'")
    return library.page(library.measure_library())


SECTIONS: dict[str, Section] = {
    "speed": _speed,
    "quality": _quality,
    "truth": _truth,
    "length": _length,
    "startup": _startup,
    "rave": _rave,
    "generation": _generation,
    "genre": _genre,
    "classification": _classification,
    "tempo": _tempo_key,
    "library": _library,
}


def write(sections: Mapping[str, Section], long: bool, out: Path) -> list[str]:
    """Measure section by section and rewrite the page after each, so that no result is lost.

    Returns
    -------
    list of str
        The sections that failed. A section whose data is missing does not count; the page says what is missing.
    """
    make_folder(out)
    parts, failed = [_head(long)], []
    for name, section in sections.items():
        began, load = time.perf_counter(), os.getloadavg()[0]
        heading = f"## {name.capitalize()}\n\n"
        try:
            page = section(long)
        except MissingDataError as missing:
            page = Page(f"{heading}Left out: {missing}.\n")
        except Exception as error:
            traceback.print_exc()
            failed.append(name)
            page = Page(f"{heading}Failed: {type(error).__name__}: {' '.join(str(error).split())}\n")
        for title, figure in page.figures.items():
            write_whole(out / f"{title}.png", png(figure))
        took = f"*{time.perf_counter() - began:.0f} s; load before it {load:.1f}*"
        parts.append(f"{page.text.rstrip()}\n\n{took}\n")
        print(parts[-1], flush=True)
        write_whole(out / "bench.md", "\n".join(parts).encode())
    return failed


def _head(long: bool) -> str:
    return (
        f"# Benchmarks\n\n{'Long' if long else 'Short'} form, {time.strftime('%d %B %Y')}, retrotone {rt.__version__}, "
        f"Python {platform.python_version()}, {os.cpu_count()} cores. Under each section stands how long it took, and "
        "the load average when it began: above 0.5, the machine did something else, too, and times by the clock are "
        "too long. The processor's are less disturbed.\n"
    )


def main() -> None:
    """Write the page; exit with 1 if a section failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="every figure beside a rival's")
    parser.add_argument("--long", action="store_true", help="all networks, songs of 30 s, up to an hour")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), metavar="NAME",
                        help=", ".join(SECTIONS))  # fmt: skip
    parser.add_argument("--out", type=Path, default=OUT, help=f"{OUT} by default")
    arguments = parser.parse_args()
    logging.getLogger("retrotone").setLevel(logging.ERROR)  # hides reports such as limited peaks
    failed = write({name: SECTIONS[name] for name in arguments.only}, arguments.long, arguments.out)
    print(f"wrote {arguments.out / 'bench.md'}")
    sys.exit(f"failed: {', '.join(failed)}" if failed else None)


if __name__ == "__main__":
    main()
