"""HTML pages made from Jinja templates: the reports, the library's map and the study."""

from __future__ import annotations

from retrotone.utils.assets import ASSETS


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
    import jinja2

    environment = jinja2.Environment(
        # pages share pieces
        loader=jinja2.FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template(template).render(**values)
