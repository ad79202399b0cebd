"""How the page looks: the colours of the figures and the fonts of the system; and the scripts that its players need."""

from __future__ import annotations

from gradio.themes import Base, colors, sizes

from retrotone.figures.base import PAPER
from retrotone.utils.assets import asset

SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Ubuntu", "sans-serif")
MONO_FONTS = ("ui-monospace", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")
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
# hints and times in a colour that can be read: 4.5 to 1 against the paper at least
SOFT = "#6d665c"
CSS = """
.gradio-container { width: 100% !important; max-width: 1100px !important; margin: auto; overflow: clip !important; }
.upload [data-testid="block-label"] { max-width: calc(100% - 2.5rem); overflow-wrap: anywhere; }
.gradio-container .quiet .prose * { color: var(--body-text-color-subdued); }
.gradio-container time, .gradio-container .playback.icon { color: var(--body-text-color-subdued) !important; }
.gradio-container input:is([type=range], [type=radio]):focus-visible {
  outline: 3px solid var(--body-text-color); outline-offset: 2px;
}
.gradio-container input[type=range]::-webkit-slider-thumb { background-color: var(--slider-color); }
.gradio-container input[type=range]::-moz-range-thumb { background-color: var(--slider-color); }
.gradio-container .icon-button, .gradio-container .download-link { min-width: 24px; min-height: 24px; }
.gradio-container .download-link { color: var(--body-text-color) !important; }
.gradio-container .file-preview .download { min-width: 5.5rem !important; }
.gradio-container .filename .stem {
  white-space: normal !important; overflow-wrap: anywhere;
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3;
}
@media (max-width: 360px) { .gradio-container .file-preview .download { display: none; } }
#versions [data-testid=block-label] { max-width: calc(100% - 5rem); height: auto; }
.gradio-container .html-container { padding: 0; }
.figure:has(.empty), .shares:has(.empty) { display: none; }
.gradio-container .block:has(> [data-testid=status-tracker]:not(.hide)) { min-height: 4.5rem !important; }
.gradio-container .wrap.default.minimal:has(.progress-text) { background: var(--block-background-fill); }
.gradio-container .block:not(#live) > .wrap.center.minimal { overflow: visible; }
.gradio-container .progress-bar { transition: none !important; }
.dark .gradio-container [role=tab][aria-selected=true] { color: var(--primary-300); }
.dark .gradio-container input[type=range] { --neutral-200: var(--neutral-600); }
#tabs { --font-mono: var(--font); }
#sweep-table table { font-size: 13px; }
.gradio-container th, .gradio-container th * { white-space: nowrap !important; word-break: normal !important; }
.gradio-container .table-wrap { container-type: inline-size; }
.gradio-container .sizing-body td:first-child .cell-wrap { width: max-content; max-width: max(10rem, 38cqw); }
.gradio-container .selection-button { display: none; }
.players { --ink: var(--body-text-color); --soft: var(--body-text-color-subdued); --line: var(--border-color-primary); }
.dark .players { color-scheme: dark; }
.gradio-container .versions button { margin: 0; }
.hint a, .hint label { color: inherit; padding: 0; }
.column:has(> #live) { align-self: stretch; }
#live:has(.players) { z-index: 50; background: var(--body-background-fill); }
@media (min-width: 800px) { #live:has(.players) { position: sticky; top: 0; } }
@media (max-width: 799px) and (min-height: 300px) {
  #live:has(.players) {
    position: fixed !important; inset: auto 0 0; padding: .5rem 1rem; border-top: 1px solid var(--border-color-primary);
  }
}
@media (max-width: 799px) and (max-height: 599px) {
  #live .players { display: grid; grid-template-columns: 1fr 1fr; gap: .25rem 1rem; }
  #live .players > * { margin: 0; min-width: 0; }
  #live .versions button { padding: .4rem; }
  #live .hint { overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
}
.renders ul { max-height: 12rem; overflow-y: auto; margin: .25rem 0 0; padding-left: 1.25rem; }
.hint { color: var(--body-text-color-subdued); font-size: .85rem; margin: .25rem 0 0; }
""" + asset("players.css.j2").read_text("utf-8").partition("\n")[2]
HEAD = "".join(f"<script>{asset(name).read_text('utf-8')}</script>" for name in ("players.js", "page.js"))
# Gradio would have CSS apply to what is within its page, without the footer. A narrow page has no link to the API, and
# room below for the players, which lie over its end.
HEAD += """<style>
@media (max-width: 640px) { footer .divider { display: none !important; } }
@media (max-width: 799px) { body:has(#live .players) { padding-bottom: 15rem !important; } }
</style>"""


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
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
        block_label_text_weight="500",
        body_text_color_subdued=SOFT,
        block_info_text_color=SOFT,
    )
