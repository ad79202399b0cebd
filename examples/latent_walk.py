"""
A walk through a RAVE's latent space
====================================

The study's first experiment: points in the latent space of a RAVE, a path between them, and what the decoder makes of
it. `parlour` ships with retrotone; any published export works the same.
"""

import matplotlib.pyplot as plt

import retrotone as rt
from retrotone.figures.recordings import feature_figure
from retrotone.services.demo import bundled

model = rt.RaveModel.from_pretrained()
print(model.info)

# %%
# Random anchors, joined by arcs: waveform, mel spectrogram, centroid and chroma of eight seconds.

clip = model.generate(8, path="slerp", seed=7)
figure = feature_figure(clip, "slerp, seed 7")
plt.figure(figure)

# %%
# A recording in that space: its first four latents over time.

song = bundled("demo_song.ogg", "song").slice(0, 8)
latents = model.encode(song)
figure, axes = plt.subplots(figsize=(9, 3), layout="constrained")
axes.plot(latents[:4].T)
axes.set(xlabel="frame", ylabel="latent", title="the bundled song, as parlour hears it")
