"""Genre classification: data sets and splits, a linear classifier on musicnn's tags, trainable networks, evaluation.

Start at `classifier` (the bundled classifier and its method) and `training` (networks from scratch); `base` has what
both share, `models` opens either.
"""
