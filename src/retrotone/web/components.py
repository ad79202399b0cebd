"""The page itself and its parts, where Gradio's own need a change."""

from __future__ import annotations

import reprlib
from typing import Any

import gradio as gr

from retrotone.services.compare import meanings
from retrotone.web.handlers import MAX_SEED, Handlers
from retrotone.web.live import nothing_heard

PRIVATE: dict[str, Any] = {"api_visibility": "private"}
HIDDEN = PRIVATE | {"show_progress": "hidden"}
# not in the queue
AT_ONCE = HIDDEN | {"queue": False}
# what the list of calls gives as an example; Gradio's is on the internet, and this page fetches nothing
EXAMPLE = {"path": "song.wav", "meta": {"_type": "gradio.FileData"}, "orig_name": "song.wav", "url": "song.wav"}

# Gradio runs a template as JavaScript once Handlebars has filled it in: in place of {{value}}, a title with ${} would
# be run, too. In ${} the value is data, and every letter is shown by its number, so that no tag comes of it either.
WORDS = """<p>${[...(value || "")].map(letter => "&#" + letter.codePointAt() + ";").join("")}</p>"""


class Page(gr.Blocks):
    """A page that answers wrong values of a program with a sentence; Gradio prints a traceback, and tells nothing."""

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *rest: Any, **options: Any) -> Any:
        """Check the values that a call was given, and prepare them for its handler."""
        for component, value in zip(block_fn.inputs, inputs, strict=False):
            if wanted := _wanted(component, value):
                raise _refused(f"{component.label} cannot be {reprlib.repr(value)}: it is {wanted}.")
        try:
            return await super().preprocess_data(block_fn, inputs, *rest, **options)
        except Exception as error:
            raise _refused(
                "This call takes other values: Use via API, at the bottom of the page, lists them."
            ) from error


def _wanted(component: Any, value: Any) -> str | None:
    """Return what a component takes, if a value is something else."""
    if isinstance(component, gr.Radio):
        choices = [choice for _, choice in component.choices]
        return None if value in choices else f"one of {', '.join(map(str, choices))}"
    if isinstance(component, gr.Slider | gr.Number):
        low, high = component.minimum or 0, component.maximum or MAX_SEED
        fits = isinstance(value, int | float) and low <= value <= high
        return None if fits else f"a number from {low:.10g} to {high:.10g}"
    return None


def _refused(sentence: str) -> gr.Error:
    return gr.Error(sentence, title="That did not work", duration=None, print_exception=False)


def words(text: str = "", **settings: Any) -> gr.HTML:
    """Return a sentence as it is: in Markdown a name would need backslashes, which programs would get, too."""
    return gr.HTML(text, html_template=WORDS, **settings)


def upload(label: str, **settings: Any) -> gr.Audio:
    """Return a recording that the visitor uploads, and its player, onto which another can be dropped."""
    recording = gr.Audio(
        label=label,
        sources=["upload"],
        type="filepath",
        editable=False,
        interactive=True,
        buttons=[],
        elem_classes="upload",
        **settings,
    )
    # no subclass: Gradio would write a file beside its source
    recording.example_payload = lambda: EXAMPLE  # type: ignore[method-assign]
    return recording


def synchronised_players(connect: str = "connect") -> gr.HTML:
    """Return players of versions at the same moment, for `retrotone.report.Comparison.players`.

    Parameters
    ----------
    connect : str
        The function of page.js that connects them.
    """
    return gr.HTML(js_on_load=f"watch('value', () => {connect}(element));")


def live_players() -> gr.HTML:
    """Return players of a song and of what is heard at once, for `retrotone.web.live.LiveSound`."""
    return gr.HTML(nothing_heard(), js_on_load="watch('value', () => goOn(element));", elem_id="live")


def show_renders(renders: Any, timer: gr.Timer, go: gr.Button) -> None:
    """Show the list of what is and was rendered for a visitor, and follow it once a button renders."""
    renders.render()
    # Before the click renders, as Gradio waits for what a click does first. In the browser, as what is chosen until a
    # server answers would be rendered in place of what was chosen.
    go.click(None, None, timer, js="() => ({ __type__: 'update', active: true })", **HIDDEN)


def job_buttons(handlers: Handlers, label: str, **settings: Any) -> gr.Button:
    """Return a button that starts a job, with one that stops it next to it."""
    with gr.Row():
        go = gr.Button(label, variant="primary", scale=3, min_width=160, **settings)
        gr.Button("Stop", scale=1, min_width=80).click(handlers.stop, None, None, **AT_ONCE)
    return go


def measures_note() -> gr.Markdown:
    """Return what the measures of a comparison without a style tell; it appears with their table."""
    lines = meanings(["chroma cosine", "onset F1"])
    return gr.Markdown("\n\n".join(lines), visible=False, elem_classes="quiet")


def figure_image(what: str, name: str) -> gr.Image:
    """Return the component of a figure; it has no label, as figures have titles."""
    return gr.Image(
        alt_text=what,
        show_label=False,
        type="filepath",
        format="png",
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_id=name,
        elem_classes="figure",
    )


def run(
    trigger: Any, handler: Any, inputs: Any, outputs: list[Any], on: Any, pool: dict[str, Any], name: str | None = None
) -> Any:
    """Let a trigger run a handler, and empty what it shows where that fails; return the event.

    Parameters
    ----------
    trigger : function
        Such as ``button.click``.
    handler : function
    inputs, outputs : components
    on : component
        It shows the progress; one of the outputs, or what is filled from them.
    pool : dict
        Which jobs it waits for.
    name : str, optional
        Of the call for programs; without, there is none.
    """
    api = {"api_name": name} if name else PRIVATE
    # Gradio's whole progress moves a logo sixty times a second until something is told, on the processor
    event = trigger(handler, inputs, outputs, show_progress="minimal", show_progress_on=on, **api, **pool)
    # an older result must not stand under an error
    shown = [each for each in dict.fromkeys([on, *outputs]) if not isinstance(each, gr.State)]
    event.failure(lambda: [gr.update(value=None, visible=each.visible) for each in shown], None, shown, **HIDDEN)
    return event


def at_first(shown: Any) -> Any:
    """Return what brings a component back to what it showed at first."""
    return shown.value if isinstance(shown, gr.State) else gr.update(value=shown.value, visible=shown.visible)
