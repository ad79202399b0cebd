"""Where warnings go: the log "retrotone", which the command line prints and other programs may read."""

from __future__ import annotations

import logging

log = logging.getLogger("retrotone")
