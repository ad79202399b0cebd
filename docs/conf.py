"""Sphinx: the manual, in Markdown."""

import sys
from importlib.metadata import version as installed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "ext"))

project = "retrotone"
author = "The retrotone developers"
copyright = f"2026, {author}"
release = version = installed("retrotone")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_gallery.gen_gallery", "generated"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "gallery/*.ipynb"]
default_role = "code"
highlight_language = "text"  # of blocks that name none: commands, and what they print

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "abort_on_example_error": True,
}

html_theme = "furo"
html_title = f"retrotone {release}"
html_static_path = ["_generated/static"]
