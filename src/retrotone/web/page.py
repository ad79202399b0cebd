"""The layout of the page; what its buttons do is in `retrotone.web.handlers`."""

from __future__ import annotations

import reprlib
from typing import Any

import gradio as gr
from gradio.themes import Base, colors, sizes

from retrotone.figures.base import PAPER
from retrotone.services.generate import WALKS
from retrotone.study.sweep import SHORT_COLUMNS
from retrotone.style.choices import StyleChoice
from retrotone.utils.assets import bundled_song
from retrotone.web import permalink
from retrotone.web.handlers import MAX_CLIP_SECONDS, MAX_SEED, RECORD, SIMILAR_TRACKS, Handlers, styles
from retrotone.web.uploads import Uploads

# jobs that may wait in the queue
WAITING = 20
SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Ubuntu", "sans-serif")
MONO_FONTS = ("ui-monospace", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")
# one job at a time: other visitors see their position in the queue
HEAVY: dict[str, Any] = {"concurrency_id": "heavy", "concurrency_limit": 1}
# takes minutes, but little memory
STUDY: dict[str, Any] = {"concurrency_id": "study", "concurrency_limit": 1, "api_visibility": "private"}
HIDDEN: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
TABLE: dict[str, Any] = {"interactive": False, "type": "array", "buttons": [], "wrap": True, "show_label": False}
LOSS_WIDTHS: list[str | int] = [f"{width}px" for width in (75, 52, 70, 65, 60, 80, 80, 65, 55, 150, 290)]
# shades of the first colour of the figures, from light to dark
INK = (
    "#eef4f7",
    "#dbe7ee",
    "#b9cfdb",
    "#8db0c3",
    "#5f8ca6",
    "#44738d",
    "#2f5d73",
    "#274d60",
    "#20404f",
    "#1a3340",
    "#122530",
)
CSS = """
.gradio-container { width: 100% !important; max-width: 1100px !important; margin: auto; }
.quiet { opacity: .75; }
#tabs { --font-mono: var(--font); }
#sweep-table table { font-size: 13px; }
"""


def theme() -> Base:
    """Return a theme in the colours of the figures and in fonts that every system has, so that none is fetched."""
    ink = colors.Color(*INK)
    made = Base(
        primary_hue=ink,
        secondary_hue=ink,
        neutral_hue=colors.stone,
        radius_size=sizes.radius_md,
        font=list(SYSTEM_FONTS),
        font_mono=list(MONO_FONTS),
    )
    return made.set(
        body_background_fill=PAPER,
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_500",
        button_primary_background_fill_hover_dark="*primary_400",
        button_primary_text_color="white",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
        block_label_text_weight="500",
    )


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


def page(handlers: Handlers, uploads: Uploads) -> gr.Blocks:
    """Lay the page out and connect it."""
    example = str(uploads.keep(bundled_song()))
    blocks = Page(title="retrotone", analytics_enabled=False)
    with blocks:
        gr.Markdown("# retrotone\nGive any recording the sound of another era.")
        song = _upload("Your song: close this one to drop yours", elem_id="song")
        again = gr.Button("Take the song that comes with retrotone", size="sm", visible=False, elem_id="again")
        with gr.Tabs(overflow_behavior="wrap", elem_id="tabs") as tabs:
            settings, render = _restyle(handlers, song)
            _genre(handlers, song)
            _similar(handlers, song)
            _compare(handlers)
            more, generate = _generate(handlers)
            _study(handlers)
        song.clear(lambda: (gr.Button(visible=True), gr.Audio(label="Your song")), None, [again, song], **HIDDEN)
        again.click(lambda: example, None, song, **HIDDEN)
        # not in the configuration, which so names no folder
        blocks.load(lambda: example, None, song, **HIDDEN)
        _share(blocks, tabs, settings | more, [render, generate])
        blocks.unload(handlers.stop)
    blocks.queue(default_concurrency_limit=4, max_size=WAITING, api_open=False)
    return blocks


def _restyle(handlers: Handlers, song: gr.Audio) -> tuple[dict[str, Any], gr.Button]:
    known = styles()
    with gr.Tab("Restyle", id="retro"), gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=300):
            choices = [(_short(choice), name) for name, choice in known.items()]
            style = gr.Radio([*choices, ("a record of mine", RECORD)], value="1930s", label="Style", elem_id="styles")
            about = gr.Markdown(_about("1930s"), elem_classes="quiet")
            record = _upload("The record that it should sound like", visible=False, elem_id="record")
            strength = gr.Slider(0, 1, 1, step=0.05, label="Strength", info="0 is the song, 1 all of the style")
            go = _buttons(handlers, "Restyle", interactive=False)
        with gr.Column(scale=3, min_width=300):
            sentence = gr.Markdown("The result appears here.", elem_classes="quiet")
            result = _player("Result", "result")
            picture = _picture("Before and after", "retro-picture")
            table = gr.Dataframe(visible=False, **TABLE)
    style.change(lambda name: (_about(name), gr.Audio(visible=name == RECORD)), style, [about, record], **HIDDEN)
    go.click(
        handlers.restyle,
        [song, style, strength, record],
        [sentence, result, picture, table],
        api_name="retro",
        show_progress_on=result,
        **HEAVY,
    ).success(_shown, None, table, **HIDDEN)
    return {"style": style, "strength": strength}, go


def _genre(handlers: Handlers, song: gr.Audio) -> None:
    with gr.Tab("Genre", id="genre"):
        go = _buttons(handlers, "Classify its genre")
        sentence = gr.Markdown("One of ten genres, or not sure; and the evidence for each over time.")
        with gr.Row(equal_height=False):
            genres = gr.Label(label="Genre", num_top_classes=10, show_heading=False, elem_id="genres")
            tags = gr.Label(label="What listeners would call it", num_top_classes=8, show_heading=False, elem_id="tags")
        picture = _picture("Evidence over time", "genre-picture")
    go.click(
        handlers.genre, song, [sentence, genres, tags, picture], api_name="genre", show_progress_on=genres, **HEAVY
    )


def _similar(handlers: Handlers, song: gr.Audio) -> None:
    with gr.Tab("Similar", id="similar"):
        go = _buttons(handlers, "Find similar tracks")
        sentence = gr.Markdown("The five tracks of the library that sound most like it.", elem_id="similar-words")
        # for the API; on the page the labels of the players say the same
        table = gr.Dataframe(visible=False, **TABLE)
        players = [
            gr.Audio(type="filepath", interactive=False, visible=False, buttons=[], elem_id=f"similar-{k}")
            for k in range(SIMILAR_TRACKS)
        ]

    def label(rows: list[list[str]]) -> list[gr.Audio]:
        """Label the players by the rows of the table, and hide the others."""
        labels = [" · ".join(row[:-1]) + f" ({float(row[-1]):.0%} alike)" for row in rows]
        hidden = [gr.Audio(visible=False)] * (SIMILAR_TRACKS - len(rows))
        return [*(gr.Audio(label=label, visible=True) for label in labels), *hidden]

    go.click(
        handlers.similar, song, [sentence, table, *players], api_name="similar", show_progress_on=sentence, **HEAVY
    ).success(label, table, players, **HIDDEN)


def _compare(handlers: Handlers) -> None:
    with gr.Tab("Compare", id="compare"):
        files = gr.File(
            label="Two or three versions of a song, the original first",
            file_count="multiple",
            type="filepath",
            elem_id="versions",
            height=160,
            allow_reordering=True,
        )
        go = _buttons(handlers, "Compare them")
        sentence = gr.Markdown()
        picture = _picture("Side by side", "compare-picture")
        table = gr.Dataframe(visible=False, **TABLE)
    go.click(
        handlers.compare, files, [sentence, picture, table], api_name="compare", show_progress_on=picture, **HEAVY
    ).success(_shown, None, table, **HIDDEN)


def _generate(handlers: Handlers) -> tuple[dict[str, Any], gr.Button]:
    models = [name for name, choice in styles().items() if choice.kind == "rave"]
    with gr.Tab("Generate", id="generate"), gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=300):
            model = gr.Radio(models, value=models[0], label="Model")
            walk = gr.Radio([(label, name) for name, label in WALKS.items()], value="records", label="How it moves")
            seconds = gr.Slider(1, MAX_CLIP_SECONDS, 10, step=1, label="Seconds")
            temperature = gr.Slider(0, 3, 1, step=0.1, label="Temperature", info="1 is usual; higher varies more")
            seed = gr.Number(
                0, label="Seed", info="Another seed, another clip", precision=0, minimum=0, maximum=MAX_SEED
            )
            go = _buttons(handlers, "Generate a clip", interactive=False)
        with gr.Column(scale=3, min_width=300):
            sentence = gr.Markdown("The generated clip appears here.", elem_classes="quiet")
            clip = _player("Clip", "clip")
            picture = _picture("Its features", "clip-picture")
    go.click(
        handlers.generate,
        [model, walk, seconds, seed, temperature],
        [sentence, clip, picture],
        api_name="generate",
        show_progress_on=clip,
        **HEAVY,
    )
    return {"model": model, "walk": walk, "seconds": seconds, "seed": seed, "temperature": temperature}, go


def _study(handlers: Handlers) -> None:
    with gr.Tab("Study", id="study"):
        gr.Markdown("The two experiments that retrotone grew out of, small enough to watch.")
        with gr.Row(equal_height=False):
            with gr.Column(min_width=300):
                gr.Markdown("### Why the style loss stood still\nThe study's settings, clamped and not, row by row.")
                sweep = _buttons(handlers, "Run the sweep")
                row = gr.Markdown(min_height=70)
                losses = _picture("Losses", "loss-picture")
            with gr.Column(min_width=300):
                gr.Markdown("### M5 learns\nThe study's network learns to tell three eras of the bundled song apart.")
                train = _buttons(handlers, "Train M5")
                learned = gr.Markdown(min_height=70)
                curves = _picture("Losses of training and validation", "curves-picture")
        table = gr.Dataframe(headers=list(SHORT_COLUMNS), column_widths=LOSS_WIDTHS, elem_id="sweep-table", **TABLE)
    sweep.click(handlers.sweep, None, [table, losses], show_progress_on=row, **STUDY)
    train.click(handlers.train, None, [learned, curves], show_progress_on=learned, **STUDY)


def _share(blocks: gr.Blocks, tabs: gr.Tabs, settings: dict[str, Any], starters: list[gr.Button]) -> None:
    """Set the settings from the page's address, then enable the buttons; write changed settings into the address."""

    def fill(request: gr.Request) -> list[Any]:
        found, wrong = permalink.read(request.query_params)
        if wrong:
            gr.Warning(f"The address gives an unknown {' and '.join(wrong)}: the default is kept.")
        tab = gr.Tabs(selected=found["tab"]) if "tab" in found else gr.skip()
        ready = [gr.Button(interactive=True)] * len(starters)
        return [tab, *(found.get(name, gr.skip()) for name in settings), *ready]

    blocks.load(fill, None, [tabs, *settings.values(), *starters], **HIDDEN).then(
        None, None, None, js=permalink.WAS_READ, **HIDDEN
    )
    for name, component in settings.items():
        component.change(None, component, None, js=permalink.writer(name), **HIDDEN)
    each: Any
    for each in tabs.children:
        each.select(None, None, None, js=permalink.writer("tab", each.id), **HIDDEN)


def _upload(label: str, **settings: Any) -> gr.Audio:
    return gr.Audio(
        label=label, sources=["upload"], type="filepath", editable=False, interactive=True, buttons=[], **settings
    )


def _player(label: str, name: str) -> gr.Audio:
    return gr.Audio(label=label, type="filepath", interactive=False, buttons=["download"], elem_id=name)


def _buttons(handlers: Handlers, label: str, interactive: bool = True) -> gr.Button:
    """Return a button that starts a job, with one that stops it next to it."""
    with gr.Row():
        go = gr.Button(label, variant="primary", scale=3, min_width=160, interactive=interactive)
        gr.Button("Stop", scale=1, min_width=80).click(handlers.stop, None, None, queue=False, **HIDDEN)
    return go


def _picture(what: str, name: str) -> gr.Image:
    """Return the component of a figure; it has no label, as figures have titles."""
    return gr.Image(
        alt_text=what,
        show_label=False,
        type="filepath",
        format="png",
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_id=name,
    )


def _shown() -> gr.Dataframe:
    return gr.Dataframe(visible=True)


def _short(choice: StyleChoice) -> str:
    return choice.name if choice.kind == "era" else choice.title


def _about(style: str) -> str:
    if style == RECORD:
        return "The sound of a recording of yours: half a second of it is enough, half a minute is better."
    choice = styles()[style]
    return f"**{choice.title}**. {choice.description}" if choice.description else choice.title
