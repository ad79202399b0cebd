"""
A song through the decades
==========================

An era is a model of a medium, from horn to sampler. Here are mel spectrograms of the bundled song through four of
them, and the effect of strength, from the song to the disc.
"""

import matplotlib.pyplot as plt

import retrotone as rt
from retrotone.features.spectral import mel_spectrogram
from retrotone.figures.recordings import draw_mel
from retrotone.metrics import style_gain
from retrotone.services.demo import bundled

song = bundled("demo_song.ogg", "song").slice(0, 6)
versions = {"as it was": song}
versions |= {era: rt.StyleTransfer().stylize(song, era) for era in ("1900s", "1930s", "1960s", "1990s")}

figure, panels = plt.subplots(5, 1, figsize=(9, 11), sharex=True, layout="constrained")
for panel, (name, version) in zip(panels, versions.items(), strict=True):
    draw_mel(panel, mel_spectrogram(version), version)
    panel.set_title(name)
    panel.label_outer()

# %%
# Strength goes from 0, the unchanged song, to 1, the full medium.

for strength in (0.0, 0.5, 1.0):
    half = rt.StyleTransfer(strength=strength).stylize(song, "1930s")
    gain = style_gain(song, versions["1930s"], half)
    print(f"strength {strength}: {gain:.0%} of the way to the disc's sound")
