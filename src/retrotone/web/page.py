"""The layout of the page; what its buttons do is in `retrotone.web.handlers`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from retrotone.figures.dials import part_texts
from retrotone.services.generate import WALKS
from retrotone.services.similar import CONDITIONS, GENRE_NOTE, SIMILAR_TRACKS
from retrotone.study.sweep import SHORT_COLUMNS
from retrotone.style.amounts import MOST
from retrotone.style.choices import StyleChoice
from retrotone.style.eras import ERAS
from retrotone.style.medium import PARTS
from retrotone.utils.assets import bundled_song
from retrotone.utils.text import shortened
from retrotone.web import permalink
from retrotone.web.components import (
    AT_ONCE,
    EXAMPLE,
    HIDDEN,
    PRIVATE,
    Page,
    at_first,
    figure_image,
    job_buttons,
    live_players,
    measures_note,
    run,
    show_renders,
    synchronised_players,
    upload,
    words,
)
from retrotone.web.dials import read_amounts
from retrotone.web.handlers import MAX_CLIP_SECONDS, MAX_SEED, Handlers
from retrotone.web.live import RECORD, nothing_heard, styles
from retrotone.web.uploads import Uploads

YOUR_SONG = "Your song: drop yours onto it"
# characters of the name of a song on its player
LONGEST_NAME = 60
# jobs that may wait in the queue
WAITING = 20
# these wait for their turn in their handlers
BIG: dict[str, Any] = {"concurrency_id": "big", "concurrency_limit": WAITING}
# renders queue up: Gradio would ignore a click while the one before renders
RENDER: dict[str, Any] = BIG | {"trigger_mode": "multiple"}
# these take seconds or minutes, and little memory; what was given meanwhile is described next
DESCRIPTION: dict[str, Any] = {"concurrency_id": "description", "concurrency_limit": 1, "trigger_mode": "always_last"}
PARTS_SHOWN: dict[str, Any] = {"concurrency_id": "parts", "concurrency_limit": 1, "trigger_mode": "always_last"}
# seconds between two looks at what is rendered
RENDERS_SECONDS = 2.0
# JavaScript: an excerpt begins where the player has come to
FROM_PLAYHEAD = "(...given) => [...given.slice(0, -1), wantedSeconds()]"
# JavaScript: how many files were given, of which the song is the first
HOW_MANY_GIVEN = "song => [song, given]"
# JavaScript: what was heard of the song before ends
QUIET = "song => (letSound(null), song)"
# heard at once: it does not wait in the queue
EXCERPT: dict[str, Any] = {"queue": False, "trigger_mode": "always_last", "js": FROM_PLAYHEAD}
# every excerpt is followed: `whole` itself gives up what is not wanted any more
WHOLE: dict[str, Any] = {"concurrency_id": "whole", "concurrency_limit": 1, "trigger_mode": "multiple"}
# what may be typed as conditions of the search for similar tracks
EXAMPLES = {"bpm": "90-110", "key": "Am", "year": "1950-1959", "genre": "jazz"}
STUDY: dict[str, Any] = {"concurrency_id": "study", "concurrency_limit": 1}
TABLE: dict[str, Any] = {"interactive": False, "type": "array", "buttons": [], "wrap": True, "show_label": False}
SHARES: dict[str, Any] = {"show_heading": False, "elem_classes": "shares"}
LOSS_WIDTHS: list[str | int] = [f"{width}px" for width in (110, 60, 75, 70, 70, 650)]
# JavaScript: the dials that were moved as text, and all dials as they are at first
TO_TEXT = f"(...amounts) => {json.dumps(list(PARTS))}.map((part, i) => [part, amounts[i] / 100])" + (
    ".filter(([, amount]) => amount !== 1).map(([part, amount]) => `${part}:${amount}`).join()"
)
USUAL = f"() => [...Array({len(PARTS)}).fill(100), '']"
# JavaScript: a preset holds its dials already
USUAL_FOR_PRESET = "(file, ...amounts) => amounts.map(amount => /[.]toml$/i.test(file.orig_name) ? 100 : amount)"


def page(handlers: Handlers, uploads: Uploads) -> gr.Blocks:
    """Lay the page out and connect it."""
    example = str(uploads.keep(bundled_song()))
    blocks = Page(title="retrotone", analytics_enabled=False)
    with blocks:
        gr.Markdown("# retrotone\nGive any recording the sound of another era.")
        song, given = upload(YOUR_SONG, elem_id="song"), gr.Number(1, visible=False)
        # under two buttons, and asked for while something is rendered
        lists = [gr.HTML(elem_classes="renders", render=False) for _ in range(2)]
        renders: tuple[Any, ...] = (*lists, gr.Timer(RENDERS_SECONDS, active=False))
        about = words(elem_classes="quiet", elem_id="about")
        again = gr.Button("Take the song that comes with retrotone", size="sm", visible=False, elem_id="again")
        with gr.Tabs(overflow_behavior="wrap", elem_id="tabs") as tabs:
            settings, dials, render = _restyle(handlers, song, renders)
            genre = _genre(handlers, song)
            filters, similar = _similar(handlers, song)
            _compare(handlers)
            more, generate = _generate(handlers, renders)
            _study(handlers)
        described = [about, *genre, *similar]
        song.clear(
            lambda: (gr.Button(visible=True), gr.Audio(label="Your song"), *map(at_first, described)),
            None,
            [again, song, *described],
            **HIDDEN,
        )
        song.upload(_uploaded, [song, given], [again, song], js=HOW_MANY_GIVEN, **HIDDEN)
        run(song.upload, handlers.describe, [song, *filters], described, about, DESCRIPTION)
        again.click(
            lambda: (gr.Button(visible=False), gr.Audio(example, label=YOUR_SONG)), None, [again, song], **HIDDEN
        )
        # with the settings and not in the configuration, which so names no folder
        started = _start(blocks, handlers, (song, example), tabs, settings | more, dials, [render, generate])
        started.success(handlers.describe_again, [song, *filters], described, **HIDDEN)
        for trigger in (blocks.load, renders[-1].tick):
            trigger(handlers.list_renders, None, [*renders], **AT_ONCE)
        blocks.unload(handlers.leave)
    blocks.queue(default_concurrency_limit=4, max_size=WAITING, api_open=False)
    return blocks


def _uploaded(path: str, given: int) -> Any:
    """Name a song that was uploaded, and say so where it is one of several."""
    name = Path(path).name
    if given > 1:
        gr.Info(f"Of {given} files, {name} is taken: this page takes one song at a time.")
    return gr.Button(visible=False), gr.Audio(label=_label(name))


def _label(name: str) -> str:
    """Return what stands on the player of a song that was uploaded."""
    return f"{shortened(name, LONGEST_NAME)}: drop another onto it"


def _restyle(
    handlers: Handlers, song: gr.Audio, renders: tuple[Any, ...]
) -> tuple[dict[str, Any], list[Any], gr.Button]:
    known = styles()
    with gr.Tab("Restyle", id="retro"), gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=300):
            choices = [(_short(choice), name) for name, choice in known.items()]
            style = gr.Radio([*choices, ("a file of mine", RECORD)], value="1930s", label="Style", elem_id="styles")
            about = gr.Markdown(_about("1930s"), elem_classes="quiet")
            record = gr.File(label="A record, or a preset (.toml)", visible=False, elem_id="record", height=140)
            record.example_payload = lambda: EXAMPLE  # type: ignore[method-assign]
            percent = gr.Slider(0, 100, 100, step=5, label="Strength (%)", info="0 is the song, 100 all of the style")
            strength = gr.Number(1, label="Strength", minimum=0, maximum=1, visible="hidden")
            percent.change(None, percent, strength, js="percent => percent / 100", **HIDDEN)
            dials, settings, box, reset, preset = _dials()
            position = gr.Number(0, visible=False, label="Position")
            go = job_buttons(handlers, "Restyle", interactive=False)
            show_renders(renders[0], renders[-1], go)
        with gr.Column(scale=3, min_width=300):
            live, sentence = live_players(), words(elem_classes="quiet")
            following = gr.Textbox(visible="hidden")
            players, restyled, wanted = synchronised_players("takeOver"), gr.State(), gr.State()
            # for programs
            result = gr.Audio(type="filepath", visible=False)
            picture = figure_image("Before and after", "retro-picture")
            table, note = gr.Dataframe(visible=False, **TABLE), measures_note()
    inputs = [song, style, strength, record, settings]

    def shown(
        request: gr.Request,
        name: str,
        file: str | None,
        bar: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio passes a bar because of this default
    ) -> list[Any]:
        """Show a style, and a dial for each of its parts."""
        parts = handlers.parts(request, name, file, bar)
        dials = [gr.Slider(visible=part in parts, info=parts.get(part, "")) for part in PARTS]
        return [_about(name), gr.File(visible=name == RECORD), gr.Accordion(visible=bool(parts)), *dials]

    def show(trigger: Any) -> Any:
        event = trigger(
            shown,
            [style, record],
            [about, record, box, *dials],
            show_progress="minimal",
            show_progress_on=about,
            **PARTS_SHOWN,
            **PRIVATE,
        )
        # a message tells why; Gradio's "Error" would lie over the words
        event.failure(lambda name: (_about(name), gr.Accordion(visible=False)), style, [about, box], **HIDDEN)
        return event

    def hear(trigger: Any) -> None:
        """Play an excerpt after a change, and render the whole song behind it."""
        run(trigger, handlers.excerpt, [*inputs, position], [live, preset, wanted], live, EXCERPT).success(
            handlers.whole, wanted, following, show_progress_on=wanted, **WHOLE, **HIDDEN
        ).success(None, following, following, js="whenPlayable", trigger_mode="multiple", **HIDDEN).success(
            None, [live, following], live, js="follow", **HIDDEN
        ).success(handlers.list_renders, None, [*renders], **AT_ONCE)

    song.change(handlers.forget, song, live, js=QUIET, **AT_ONCE)
    show(style.change)
    show(record.clear)
    read = show(record.upload(None, [record, *dials], dials, js=USUAL_FOR_PRESET, **HIDDEN).success)
    read.failure(handlers.forget, song, live, **AT_ONCE)
    for trigger in (style.input, percent.input, read.success, *(dial.input for dial in dials)):
        hear(trigger)
    hear(reset.click(None, None, [*dials, settings], js=USUAL, **HIDDEN).success)
    outputs = [sentence, result, picture, table, restyled]
    done = run(go.click, handlers.restyle, inputs, outputs, players, RENDER, "retro")
    _show_versions(done, lambda new: new and new.players, restyled, [table, note, players]).success(
        lambda new: nothing_heard(new.key) if new else gr.skip(), restyled, following, **HIDDEN
    ).success(None, [live, following], live, js="follow", **HIDDEN)
    done.success(handlers.list_renders, None, [*renders], **AT_ONCE)
    return {"style": style, "strength": strength, "dials": settings}, [box, percent, *dials], go


def _dials() -> tuple[list[gr.Slider], gr.Textbox, gr.Accordion, gr.Button, gr.HTML]:
    """Return a slider for each part of a medium, the text that holds those that were moved, and what is around them."""
    parts = part_texts(ERAS["1930s"])
    with gr.Accordion("Parts of the medium", open=False, elem_id="dials") as box:
        dials = [
            gr.Slider(0, 100 * MOST, 100, step=5, label=f"{part} (%)", info=parts.get(part, ""), visible=part in parts)
            for part in PARTS
        ]
        reset, preset = gr.Button("Reset dials", size="sm"), gr.HTML()
    text = gr.Textbox("", label="Dials", visible="hidden", elem_id="dials-text")
    # what the page of the API shows as an example; Gradio's own, "Hello!!", is refused
    text.example_payload = lambda: "noise:0.5"  # type: ignore[method-assign]
    for dial in dials:
        dial.change(None, dials, text, js=TO_TEXT, **HIDDEN)
    return dials, text, box, reset, preset


def _genre(handlers: Handlers, song: gr.Audio) -> list[Any]:
    with gr.Tab("Genre", id="genre"):
        go = job_buttons(handlers, "Classify its genre")
        sentence = words("One of ten genres, or not sure; and the evidence for each over time.")
        with gr.Row(equal_height=False):
            genres = gr.Label(label="Genre", num_top_classes=10, elem_id="genres", **SHARES)
            tags = gr.Label(label="What listeners might call it", num_top_classes=8, elem_id="tags", **SHARES)
        picture = figure_image("Evidence over time", "genre-picture")
    shown = [sentence, genres, tags, picture]
    run(go.click, handlers.genre, song, shown, sentence, BIG, "genre")
    return shown


def _similar(handlers: Handlers, song: gr.Audio) -> tuple[list[gr.Textbox], list[Any]]:
    with gr.Tab("Similar", id="similar") as tab:
        with gr.Row():
            filters = [_filter(label, EXAMPLES[name]) for name, label in CONDITIONS.items()]
        go = job_buttons(handlers, "Find similar tracks", elem_id="find")
        sentence = words(f"The {SIMILAR_TRACKS} tracks of the library most like it in sound.", elem_id="similar-words")
        table, found = gr.Dataframe(visible=False, elem_id="similar-table", **TABLE), gr.State([])
        note = gr.Markdown(GENRE_NOTE, visible=False, elem_classes="quiet")
        player = gr.Audio(
            type="filepath", interactive=False, visible=False, buttons=[], autoplay=True, elem_id="similar-player"
        )
    table.select(handlers.similar_excerpt, found, player, show_progress_on=player, **PRIVATE)
    shown = [sentence, table, found]
    found.change(
        lambda found: (*[gr.update(visible=bool(found))] * 2, gr.Audio(None, visible=False)),
        found,
        [table, note, player],
        **HIDDEN,
    )
    done = run(go.click, handlers.similar, [song, *filters], shown, sentence, BIG, "similar")
    done.failure(lambda: [], None, found, **HIDDEN)
    tab.select(handlers.similar_now, [song, *filters, found], shown, **HIDDEN)
    return filters, shown


def _filter(label: str, example: str) -> gr.Textbox:
    """Return a field for a condition of the search, empty for none; Enter searches."""
    field = gr.Textbox("", label=label, placeholder=example, max_lines=1, min_width=120)
    field.example_payload = lambda: ""  # type: ignore[method-assign]
    field.submit(None, None, None, js="() => document.getElementById('find').click()", **HIDDEN)
    return field


def _compare(handlers: Handlers) -> None:
    with gr.Tab("Compare", id="compare"):
        files = gr.File(
            label="Two or three versions, the original first",
            file_count="multiple",
            type="filepath",
            elem_id="versions",
            height=200,
            allow_reordering=True,
        )
        files.example_payload = lambda: [EXAMPLE, EXAMPLE]  # type: ignore[method-assign]
        go = job_buttons(handlers, "Compare them")
        sentence = words()
        players, versions = synchronised_players(), gr.State()
        picture = figure_image("Side by side", "compare-picture")
        table, note = gr.Dataframe(visible=False, **TABLE), measures_note()
    outputs = [sentence, picture, table, versions]
    done = run(go.click, handlers.compare, files, outputs, players, BIG, "compare")
    _show_versions(done, lambda html: html, versions, [table, note, players])


def _generate(handlers: Handlers, renders: tuple[Any, ...]) -> tuple[dict[str, Any], gr.Button]:
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
            go = job_buttons(handlers, "Generate a clip", interactive=False)
            show_renders(renders[1], renders[-1], go)
        with gr.Column(scale=3, min_width=300):
            sentence = words("The generated clip appears here.", elem_classes="quiet")
            clip = gr.Audio(label="Clip", type="filepath", interactive=False, buttons=["download"], elem_id="clip")
            picture = figure_image("Its features", "clip-picture")
    inputs = [model, walk, seconds, seed, temperature]
    done = run(go.click, handlers.generate, inputs, [sentence, clip, picture], clip, RENDER, "generate")
    done.success(handlers.list_renders, None, [*renders], **AT_ONCE)
    return {"model": model, "walk": walk, "seconds": seconds, "seed": seed, "temperature": temperature}, go


def _study(handlers: Handlers) -> None:
    with gr.Tab("Study", id="study"):
        gr.Markdown("The two experiments that retrotone grew out of, small enough to watch.")
        with gr.Row(equal_height=False):
            with gr.Column(min_width=300):
                gr.Markdown("## Why the style loss stood still\nThe study's settings, clamped and not, row by row.")
                sweep = job_buttons(handlers, "Run the loss table")
                row = words(min_height=70)
                losses = figure_image("Losses", "loss-picture")
            with gr.Column(min_width=300):
                gr.Markdown("## M5 learns\nThe study's network learns to tell three eras of the bundled song apart.")
                train = job_buttons(handlers, "Train M5")
                learned = words(min_height=70)
                curves = figure_image("Losses of training and validation", "curves-picture")
        table = gr.Dataframe(headers=list(SHORT_COLUMNS), column_widths=LOSS_WIDTHS, elem_id="sweep-table", **TABLE)
    run(sweep.click, handlers.sweep, None, [table, losses], row, STUDY)
    run(train.click, handlers.train, None, [learned, curves], learned, STUDY)


def _start(
    blocks: gr.Blocks,
    handlers: Handlers,
    example: tuple[gr.Audio, str],
    tabs: gr.Tabs,
    settings: dict[str, Any],
    dials: list[Any],
    starters: list[gr.Button],
) -> Any:
    """Load a song, set the settings from the page's address, enable the buttons; keep settings in the address.

    Returns the event of the start.
    """

    def fill(request: gr.Request) -> list[Any]:
        found, wrong = permalink.read(request.query_params)
        if wrong:
            gr.Warning(f"The address gives no valid value for: {', '.join(wrong)}. The default is kept.")
        tab = gr.Tabs(selected=found["tab"]) if "tab" in found else gr.skip()
        ready = [gr.Button(interactive=True)] * len(starters)
        amounts = read_amounts(found.get("dials", ""))
        shares = [found.get("strength", 1.0), *(amounts.get(part, 1.0) for part in PARTS)]
        turned = [gr.Accordion(open=bool(amounts)), *(round(100 * share) for share in shares)]
        path = handlers.last_song(request) or example[1]
        song = gr.Audio(path, label=YOUR_SONG if path == example[1] else _label(Path(path).name))
        return [song, tab, *(found.get(name, gr.skip()) for name in settings), *turned, *ready]

    started = blocks.load(fill, None, [example[0], tabs, *settings.values(), *dials, *starters], **HIDDEN)
    started.then(None, None, None, js=permalink.WAS_READ, **HIDDEN)
    for name, component in settings.items():
        component.change(None, component, None, js=permalink.writer(name), **HIDDEN)
    each: Any
    for each in tabs.children:
        each.select(None, None, None, js=permalink.writer("tab", each.id), **HIDDEN)
    return started


def _show_versions(done: Any, players: Callable[[Any], str | None], made: gr.State, shown: list[Any]) -> Any:
    """Show table, note and players once versions are compared: nothing new after a stop, none after a failure."""
    _, note, _ = shown

    def show(new: Any) -> Any:
        html = players(new)
        return (gr.Dataframe(visible=True), gr.Markdown(visible=True), html) if html else gr.skip()

    done.failure(lambda: gr.Markdown(visible=False), None, note, **HIDDEN)
    return done.success(show, made, shown, **HIDDEN)


def _short(choice: StyleChoice) -> str:
    return choice.name if choice.kind == "era" else choice.title


def _about(style: str) -> str:
    if style == RECORD:
        return "The sound of a recording of yours (half a second is enough, half a minute is better), or of a preset."
    choice = styles()[style]
    about = choice.description
    return f"**{choice.title}.** {about[0].upper()}{about[1:]}." if about else choice.title
