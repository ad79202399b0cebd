"""What is heard at once: an excerpt in the sound that is being chosen, and behind it the whole song."""

from __future__ import annotations

import threading
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr

from retrotone.audio.audio import Audio
from retrotone.audio.files import AudioFile
from retrotone.audio.writing import AudioWriter
from retrotone.errors import Cancelled, StyleError
from retrotone.figures.base import COLOURS
from retrotone.figures.dials import part_texts
from retrotone.progress import Progress, silent
from retrotone.services.medium import medium_to_give
from retrotone.services.preview import LEAD_IN_SECONDS, Preview
from retrotone.services.restyle import restyle_file
from retrotone.style.choices import MEDIUM_SUFFIX, StyleChoice, find_style, style_choices
from retrotone.style.medium import Medium
from retrotone.style.transfer import Restyler
from retrotone.utils.templates import render_page
from retrotone.utils.text import clock
from retrotone.web.dials import adjusted, read_amounts
from retrotone.web.jobs import STOPPED, Jobs
from retrotone.web.renders import addresses, visitor
from retrotone.web.uploads import Uploads

# the style that is an uploaded recording or preset
RECORD = "record"
EXCERPT_SECONDS = 8.0
# a preset is a page of text
LARGEST_PRESET = 1 << 20
# media of records that were read, the last ones of all visitors: reading one takes seconds
MEDIA_KEPT = 20
# visitors of whom it is kept what they requested last: one may go without a word
VISITORS_KEPT = 100


Key = TypeVar("Key")
Value = TypeVar("Value")


def styles() -> dict[str, StyleChoice]:
    """Return the styles that this page offers by name: the eras, and the models that are downloaded."""
    return {choice.name: choice for choice in style_choices(files=False) if choice.downloaded}


class LiveSound(Jobs):
    """The handlers of styles and dials; see `retrotone.web.handlers.Handlers`."""

    def __init__(self, uploads: Uploads) -> None:
        super().__init__(uploads)
        self._media: dict[str, Medium] = {}
        # what each visitor requested last: what is rendered for an earlier request is given up
        self._requested: dict[str | None, object] = {}
        # the former and the present song of each page
        self._songs: dict[str | None, tuple[str | None, str | None]] = {}
        # the song that each visitor took last
        self._last_songs: dict[str, str | None] = {}
        # excerpts do not wait in Gradio's queue, but are rendered one at a time
        self._one_at_a_time = threading.Lock()

    def parts(
        self,
        request: gr.Request,
        style: str,
        record: str | None,
        bar: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio passes a bar because of this default
    ) -> dict[str, str]:
        """Return the parts of a style's medium, each with what it is set to and how sure that is; none of a model."""
        if style == RECORD and not record:
            return {}
        with self._job(request, bar) as progress:
            medium = self._choice(style, record, "", progress).medium
            return part_texts(medium) if medium else {}
        return {}

    def excerpt(
        self,
        request: gr.Request,
        song: str,
        style: str,
        strength: float,
        record: str | None,
        dials: str,
        position: float,
    ) -> Any:
        """Play some seconds of a song in a sound, and offer a preset of it; nothing where a record is still missing."""
        if style == RECORD and not record:
            return STOPPED, STOPPED, None
        wanted = song, style, strength, record, dials
        keep(self._requested, request.session_hash, wanted, VISITORS_KEPT)
        try:
            with self._one_at_a_time:
                choice, source = self._choice(style, record, dials), self._opened(song)
                start, sound = _excerpt(source, choice, position, strength)
                path = self.uploads.new_folder() / "excerpt.flac"
                # `Audio.save` would measure the peaks again, which the preview has limited
                with AudioWriter(path, sound.channels, sound.sample_rate, bit_depth=16) as writer:
                    writer.write(sound.samples)
            rest = "the rest follows" if choice.medium else "Restyle renders the whole song"
            words = f"From {clock(round(start))}: {rest}. Both are equally loud"
            players = self._players(source, choice, sound_key(*wanted), str(path), start, words)
            preset, followed = self._preset(choice.medium), wanted
        except Exception as error:
            # without its queue, Gradio shows no errors
            players, preset, followed = f'<p class="hint" role="alert">{escape(self._said(error))}</p>', STOPPED, None
        if self._requested.get(request.session_hash) != wanted:
            # by now another song or sound is wanted, or none
            return STOPPED, STOPPED, None
        if not followed:
            self._requested.pop(request.session_hash, None)
        return players, preset, followed

    def whole(self, request: gr.Request, wanted: tuple[str, str, float, str | None, str] | None) -> Any:
        """Render the whole song behind an excerpt, unless something else is to be heard meanwhile.

        The browser lets its players follow those of this excerpt, not of a later one: see page.js.
        """
        # there is a record to come, or the excerpt has said what is wrong
        if wanted is None or self._requested.get(request.session_hash) != wanted:
            return STOPPED
        song, style, strength, record, dials = wanted

        def progress(fraction: float, message: str) -> None:
            # an excerpt that somebody waits for is rendered first
            with self._one_at_a_time:
                pass
            if self._requested.get(request.session_hash) != wanted:
                raise Cancelled("another sound is wanted")

        try:
            choice, source = self._choice(style, record, dials, progress), self._opened(song)
            # models are slow: they render what was asked for
            if not choice.medium:
                return STOPPED
            path, _ = restyle_file(source, choice, self.uploads.new_folder(), strength, progress=progress)
            played = self._playable(path)
            progress(1.0, "rendered")
            # Gradio may have given this to the call for an earlier excerpt: the later call has nothing left to do
            self._requested.pop(request.session_hash, None)
        except Cancelled:
            return STOPPED
        except Exception as error:
            raise self._refused(error) from error
        self.renders.add(visitor(request), played)
        key = sound_key(*wanted)
        return self._players(source, choice, key, played, 0.0, "Both are equally loud", Path(played).name)

    def stop(self, request: gr.Request) -> None:
        """Stop what this page started, and what is still rendered for pages of this visitor that have gone."""
        super().stop(request)
        self._requested.pop(request.session_hash, None)

    def leave(self, request: gr.Request) -> None:
        """Stop what a page that has gone started, but for renders, which its visitor finds in the list."""
        super().leave(request)
        self._requested.pop(request.session_hash, None)

    def forget(self, request: gr.Request, song: str | None = None) -> str:
        """Give up what this visitor wanted of another song, and return what is shown in place of its players."""
        self._requested.pop(request.session_hash, None)
        former, present = self._songs.get(request.session_hash, (None, None))
        keep(self._songs, request.session_hash, (present or former, song), VISITORS_KEPT)
        keep(self._last_songs, visitor(request), song, VISITORS_KEPT)
        return nothing_heard()

    def last_song(self, request: gr.Request) -> str | None:
        """Return the song that this visitor took last, unless it was deleted since."""
        song = self._last_songs.get(visitor(request))
        return song if song and Path(song).exists() else None

    def _is_replaced(self, request: gr.Request, song: str) -> bool:
        """Return whether this visitor has taken another song instead, or none."""
        former, present = self._songs.get(request.session_hash, (None, None))
        return song == former != present

    def _choice(self, style: str, record: str | None, dials: str, progress: Progress = silent) -> StyleChoice:
        """Return the style that the settings choose, with its medium, as the dials are; a record is read once."""
        if style != RECORD:
            choice = find_style(style, files=False)
            medium = choice.open() if choice.kind == "era" else None
        elif record and record.lower().endswith(MEDIUM_SUFFIX):
            if Path(record).is_file() and Path(record).stat().st_size > LARGEST_PRESET:
                raise StyleError(f"{record} is too long for a preset")
            choice = find_style(record)
            medium = choice.open()
        else:
            recording = self._opened(record, "record")
            choice = StyleChoice.of_recording(recording)
            medium = self._media.get(recording.name)
            if medium is None:
                medium = medium_to_give(recording, progress)
                keep(self._media, recording.name, medium, MEDIA_KEPT)
        amounts = read_amounts(dials)
        return adjusted(choice, medium, amounts) if isinstance(medium, Medium) else choice

    def _preset(self, medium: Medium | None) -> str:
        """Write a medium as a preset, and return a link to it; empty for a model."""
        if not medium:
            return ""
        path = medium.save(self.uploads.new_folder() / f"{medium.name}{MEDIUM_SUFFIX}")
        return render_page("preset.html.j2", address=addresses(str(path))[0], name=path.name)

    def _players(
        self, source: AudioFile, choice: StyleChoice, key: str, path: str, start: float, words: str, download: str = ""
    ) -> str:
        """Return players of a song and of the same in another sound, which begins at some second of it."""
        original = self._playable(source.path)
        # both are as loud as each other: no level needs to be matched
        versions = [
            {"row": {"version": name, "loudness_lufs": 0.0}, "colour": colour, "source": address, "start": begins}
            for name, colour, address, begins in zip(
                ("original", choice.title), COLOURS, addresses(original, path), (0.0, start), strict=False
            )
        ]
        return render_page("players.html.j2", versions=versions, levels_note=words, download=download, sound=key)


def nothing_heard(key: str = "") -> str:
    """Return what is in place of the players before there are any, and where a sound is restyled now."""
    return f'<p class="hint" data-sound="{key}">Choose a style, or move a dial, to hear it here.</p>'


def sound_key(song: str, style: str, strength: float, record: str | None, dials: str) -> str:
    """Return what tells the players of a song in one sound from all others."""
    return sha256(repr((song, style, float(strength), record, dials)).encode()).hexdigest()[:16]


def keep(kept: dict[Key, Value], key: Key, value: Value, most: int) -> None:
    """Add an item to a dictionary as its newest, and delete the oldest beyond so many."""
    kept.pop(key, None)
    kept[key] = value
    for old in list(kept)[:-most]:
        kept.pop(old, None)


def _excerpt(song: AudioFile, choice: StyleChoice, start: float, strength: float) -> tuple[float, Audio]:
    """Return where an excerpt begins, earlier where the song ends too soon, and its sound, as loud as the song."""
    start = max(0.0, min(start, song.duration - EXCERPT_SECONDS))
    lead_in = min(start, LEAD_IN_SECONDS)
    stretch = Audio(song.excerpt(start - lead_in, lead_in + EXCERPT_SECONDS), song.sample_rate, song.name)
    if stretch.is_silent:
        # a pause of the song: there is nothing to be as loud as
        return start, stretch.slice(lead_in, stretch.duration)
    style = choice.open()
    assert isinstance(style, Medium | Restyler)
    return start, Preview(stretch).render(style, lead_in, EXCERPT_SECONDS, strength)
