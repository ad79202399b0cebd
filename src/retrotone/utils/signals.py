"""The signals that end a process."""

from __future__ import annotations

import signal


def ending_signals() -> list[signal.Signals]:
    """Return the signals to be ended by: SIGTERM, and SIGHUP, which comes when the terminal is closed.

    SIGHUP is left out where it is ignored, as by nohup, and where the system has none.
    """
    if not hasattr(signal, "SIGHUP") or signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        return [signal.SIGTERM]
    return [signal.SIGTERM, signal.SIGHUP]
