"""HTML pages made from Jinja templates: the reports, the library's map and the study."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from retrotone.utils.assets import ASSETS

if TYPE_CHECKING:
    import jinja2


def render_page(template: str, **values: object) -> str:
    """Fill in a template.

    Parameters
    ----------
    template : str
        Name of a Jinja template among the files that ship with retrotone.
    **values : object
        Values of its variables. Text is escaped.

    Returns
    -------
    str

    Raises
    ------
    jinja2.UndefinedError
        The template uses a variable that has no value.
    """
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> jinja2.Environment:
    """Return what finds templates, and keeps them compiled."""
    import jinja2

    return jinja2.Environment(
        # pages share pieces
        loader=jinja2.FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
