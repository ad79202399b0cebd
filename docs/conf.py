"""Sphinx: the manual, in Markdown."""

from importlib.metadata import version as installed

project = "retrotone"
author = "The retrotone developers"
copyright = f"2026, {author}"
release = version = installed("retrotone")

extensions = ["myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"retrotone {release}"
