"""``retrotone tags``: what listeners would call a song."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from retrotone.cli.console import Bar, failure, report_failures
from retrotone.utils.text import printable

SHOWN = 5  # tags a line


def show_tags(
    songs: Annotated[list[str], typer.Argument(metavar="SONG", help="Recordings of any length.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a song, with all fifty tags.")
    ] = False,
) -> None:
    """Tag songs with what listeners would call them: genres, moods, decades, voices."""
    failures = []
    with Bar(len(songs)) as bar:
        from retrotone.features.analysis import analyse
        from retrotone.features.musicnn import LABELS

        for index, song in enumerate(songs):
            try:
                taggram = analyse(song, bar.item(index)).taggram
            except Exception as error:
                if len(songs) == 1:
                    raise
                failures.append(failure(song, error))
                continue
            assert taggram is not None
            means = taggram.mean(axis=0)
            tags = {LABELS[k]: round(float(means[k]), 4) for k in means.argsort()[::-1]}
            if as_json:
                bar.print(json.dumps({"file": song, "tags": tags}))
            else:
                top = [f"{label} {value:.2f}" for label, value in list(tags.items())[:SHOWN]]
                bar.print(printable(f"{song}: {', '.join(top)}"))
    report_failures(failures, len(songs))
