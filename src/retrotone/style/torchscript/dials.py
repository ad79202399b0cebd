"""What can be turned while a medium plays."""

from retrotone.style.media.chain import NEGLIGIBLE

# From 0 to 1: how much of the medium, and of parts of it. Modules get a tensor of shape (len(DIALS), n).
DIALS = ("strength", "noise", "crackle", "wow")
# Evenly spaced strengths for which filters and gains are computed; between them, they are interpolated. The first is as
# good as 0: all is left but what lies beyond the limits of hearing.
STRENGTHS = (NEGLIGIBLE, *(eighths / 8 for eighths in range(1, 9)))
