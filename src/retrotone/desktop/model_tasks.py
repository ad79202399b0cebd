"""The window's tasks that download models; see `retrotone.desktop.tasks`."""

from __future__ import annotations

from retrotone.desktop.jobs import TaskContext
from retrotone.utils import pretrained


def offer(context: TaskContext, name: str) -> str:
    """Return what the download of a model is; see `retrotone.utils.pretrained.offer`."""
    context.progress(0.0, f"asking for the size of {name}")
    return pretrained.offer(pretrained.find_entry(name))


def download(context: TaskContext, name: str) -> str:
    """Download a model, whose terms the user has agreed to; return a message."""
    return f"Downloaded {name}: {pretrained.download(name, context.progress)}."
