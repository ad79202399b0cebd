"""Memory, as Linux reports it."""

from __future__ import annotations

from pathlib import Path


def peak() -> float:
    """Return the most memory that this process had, in MB. ru_maxrss is unsuitable: it starts at the parent's peak."""
    return _megabytes("/proc/self/status", "VmHWM")


def available() -> float:
    """Return the free memory of this machine, in MB."""
    return _megabytes("/proc/meminfo", "MemAvailable")


def _megabytes(path: str, key: str) -> float:
    lines = Path(path).read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{key}:"))
