"""
Tags and genre of a song
========================

One analysis of a recording, `analyse`, serves the tags, the genre and the search for similar songs.
"""

import numpy as np

import retrotone as rt
from retrotone.figures.genre import evidence_figure
from retrotone.services.demo import bundled

song = bundled("demo_song.ogg", "the bundled song")
analysis = rt.analyse(song)
tags = analysis.taggram.mean(axis=0)
for index in np.argsort(-tags)[:5]:
    print(f"{tags[index]:.2f}  {rt.musicnn.LABELS[index]}")

# %%
# The genre, with the evidence over time. The answer is "not sure" for sounds unlike the training music.

answer = rt.GenreClassifier.from_pretrained().answer(analysis)
print(answer.genre, f"{answer.confidence:.2f}", "sure" if answer.sure else f"not sure: {answer.doubt}")
figure = evidence_figure(answer, "the bundled song", song.duration)

# %%
# How similar do versions of one song sound? Cosines of the vectors that a library searches by.

versions = {"as it was": song} | {era: rt.StyleTransfer().stylize(song, era) for era in ("1930s", "1980s")}
vectors = np.array([rt.Library.embed(rt.analyse(version)) for version in versions.values()])
print(list(versions), (vectors @ vectors.T).round(2), sep="\n")
