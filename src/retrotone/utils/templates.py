"""Pages from templates: what the report, the map and the study told again are written with."""

from __future__ import annotations

from importlib import resources


def render_page(template: str, **values: object) -> str:
    """Return a page; text in it is escaped, and a value that the template misses is an error.

    Parameters
    ----------
    template : str
        Name of a Jinja template in ``assets``.
    **values : object
        What it fills in.
    """
    import jinja2

    text = (resources.files("retrotone") / "assets" / template).read_text("utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(text).render(**values)
