"""What the tabs of the window share: the song, its results, the player, the jobs and the settings."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from pathlib import Path
from tkinter import messagebox
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from retrotone.audio.files import SUFFIXES
from retrotone.desktop import library_tasks, tasks
from retrotone.desktop.jobs import JobObserver, JobQueue, SilentObserver
from retrotone.desktop.live import EXCERPT_SECONDS, LONGEST_LOOP_SECONDS, LiveSound
from retrotone.desktop.player import Clip, Frames, Player
from retrotone.desktop.restyle_tasks import Excerpt, Recipe, Version
from retrotone.desktop.settings import Settings
from retrotone.desktop.tasks import Song, Sound
from retrotone.desktop.theme import Theme
from retrotone.desktop.track_row import TrackRow
from retrotone.utils.temporary import TemporaryFolder
from retrotone.utils.text import counted, shortened

NO_SONG = "There is no song yet: choose one, drop one here, or take the example."
IN_THE_LIST = "This result is in the list already."
SOUND_FILES = [("Recordings", " ".join(sorted(SUFFIXES))), ("All files", "*")]


class SessionView(Protocol):
    """What shows a session, and is called when it changes: the window."""

    @property
    def job_observer(self) -> JobObserver:
        """Shows the progress of jobs for the song."""

    def show_message(self, text: str, error: bool) -> None:
        """Replace the message shown."""

    def song_opened(self) -> None:
        """Another song was opened; its analysis has not begun yet."""

    def song_changed(self) -> None:
        """There is another song, or it can be heard by now."""

    def song_analysed(self) -> None:
        """More is known of the song."""

    def result_added(self, version: Version) -> None:
        """The song was restyled to one of the results, which may have been there before."""

    def excerpt_added(self, excerpt: Excerpt) -> None:
        """The player was given some seconds of the song in another sound."""

    def playback_changed(self, has_result: bool) -> None:
        """The player was given other recordings: the original alone, or a result as well."""

    def playlist_changed(self) -> None:
        """Tracks were added to the playlist."""


class Session:
    """The state that the tabs share, and what they can do with it.

    Parameters
    ----------
    root : tk.Tk
        Parent of the dialogs.
    view : SessionView
    library : str, optional
        The library's file, by default the user's own.

    Attributes
    ----------
    path : str
        The song's path; empty before there is one.
    song : Song or None
        The song's analysis; None until it is done.
    original : Sound or None
        The decoded song; None until it is decoded.
    waveform : ndarray, shape (2, points), float32, or None
        Of the decoded song.
    results : list of Version
        What this song and those before it were restyled to, in order.
    files : dict of Version to Path
        Where results were saved.
    playlist : dict of str to TrackRow
        Tracks of the library by their `place`, in their order.
    result : Version or None
        What the player switches to, or returns to after a track of the library.
    plays_track : bool
        Whether the player has a track of the library, and not the song or a result.
    live : LiveSound
    jobs, long_jobs, live_jobs, downloads : JobQueue
        For the song, for scans and experiments, for live sound, and for downloads of models.
    """

    def __init__(self, root: tk.Tk, view: SessionView, library: str | None = None) -> None:
        self.root, self.library = root, library
        self._view = view
        self._temporary = TemporaryFolder("retrotone-app-")
        self.settings = Settings.load()
        self.theme = Theme(root, self.settings.theme, self.settings.scale)
        self.jobs = JobQueue(root.after, self._temporary.path, self.say)
        self.long_jobs = JobQueue(root.after, self._temporary.path, self.say)
        self.live_jobs = JobQueue(root.after, self._temporary.path, self.say, "retrotone.services.preview", niceness=0)
        self.downloads = JobQueue(root.after, self._temporary.path, self.say, "retrotone.utils.pretrained")
        # messages of the player's thread, which must not call Tk
        self.player_errors: list[str] = []
        self.player = Player(self.player_errors.append)
        self.live = LiveSound(self.live_jobs, self.player, self._add_excerpt, self.say)
        self.path = ""
        self.song: Song | None = None
        self.original: Sound | None = None
        self.waveform: NDArray[np.float32] | None = None
        self.results: list[Version] = []
        self.files: dict[Version, Path] = {}
        self.playlist: dict[str, TrackRow] = {}
        self._mapped: dict[Path, Frames] = {}
        self.result: Version | None = None
        # what is to be heard once the song is decoded
        self._wanted: Recipe | None = None
        self.plays_track = False
        self.theme.listeners.append(self._keep_theme)
        self.jobs.start()

    def run(self, task: Callable[..., Any], *arguments: Any, done: Callable[[Any], None], **options: Any) -> None:
        """Run a task for the song; arguments as for `JobQueue.submit`."""
        self.jobs.submit(task, *arguments, observer=self._view.job_observer, done=done, **options)

    def say(self, text: str, error: bool = False) -> None:
        """Show a message in the status line."""
        self._view.show_message(text, error)

    def confirm(self, heading: str, question: str) -> bool:
        """Return whether the user agrees to lose something; Return does not."""
        return messagebox.askyesno(heading, question, parent=self.root, default=messagebox.NO)

    def open_song(self, path: str) -> None:
        """Open a song, decode and analyse it; results and renders of the song before stay, its other jobs end."""
        self.jobs.drop()
        self.live.stop()
        self.player.load([], 44_100)
        self.path, self.song, self.original, self.waveform, self.result = path, None, None, None, None
        self._wanted = None
        self.say("")
        self.run(tasks.listen, path, done=self._set_song, show=self._set_original, first=True)
        self._view.song_changed()
        self._view.song_opened()

    def open_track(self, track: TrackRow) -> None:
        """Open a track of the library."""
        if self._is_there(track):
            self.open_song(track.path)

    def forget_song(self) -> None:
        """Have no song, as the one that was chosen cannot be opened."""
        self.path = ""
        self._view.song_changed()

    def add_result(self, version: Version) -> None:
        """Add a restyled version of the song, or of one before it, unless it is there, and offer it to the player."""
        known = [each for each in self.results if each.is_same(version)]
        if known:
            version.sound.path.unlink()
        else:
            self.results.append(version)
        self.say(IN_THE_LIST if known else version.sentence)
        self._view.result_added(*known or [version])

    def set_file(self, version: Version, file: Path) -> None:
        """Note where a result was saved; one that was in that file before is not saved any more."""
        self.files = {other: path for other, path in self.files.items() if path != file} | {version: file}

    def remove_result(self, version: Version) -> None:
        """Delete a result."""
        self.results.remove(version)
        self.files.pop(version, None)
        self.play_result(None)
        self._mapped.pop(version.sound.path, None)
        # Windows keeps a file as long as the player has it
        with suppress(OSError):
            version.sound.path.unlink()

    def play_result(self, version: Version | None) -> None:
        """Let the player switch between a result and its original; None for the song alone."""
        original = version.original if version else self.original
        if original is None:
            return
        self.live.stop()
        self.result, self.plays_track = version, False
        clips = [Clip(self._frames(original)), *([Clip(self._frames(version.sound))] if version else [])]
        self.player.load(clips, original.sample_rate)
        self.player.choice = len(clips) - 1
        self._view.playback_changed(version is not None)

    def hear(self, recipe: Recipe) -> None:
        """Play the song from the player's position on in another sound, within a second."""
        if self.original is None:
            self._wanted = recipe
            return
        if self.plays_track or (self.result and self.result.original != self.original):
            self.play_result(None)
        self.result = None
        self.live.hear(self.original, recipe)

    def add_to_playlist(self, tracks: Sequence[TrackRow]) -> None:
        """Append tracks to the playlist, those that it lacks."""
        before = len(self.playlist)
        for track in tracks:
            self.playlist.setdefault(track.place, track)
        added = len(self.playlist) - before
        if added:
            self.say(f"Added to the playlist in the tab Similar: {counted(added, 'track')}.")
        else:
            self.say("Nothing was added: it is in the playlist already.")
        self._view.playlist_changed()

    def play_track(self, track: TrackRow) -> None:
        """Play a track of the library: at once, in place of live sound or of a track that is still being read."""
        if not self._is_there(track):
            return
        self.live.stop()
        self.say(f"Reading {shortened(track.name)}.")
        self.live_jobs.submit(tasks.decode, track.path, track.start, track.end, observer=self.live, done=self._play)

    def seek(self, fraction: float) -> None:
        """Go to a position in the song, or in that of the chosen result, which takes its turn after a track."""
        if self.plays_track:
            self.play_result(self.result)
        self.player.seek(fraction)

    def seek_song(self, fraction: float) -> None:
        """Go to a position in the song, which takes its turn after a track or a result of another song."""
        self._return_to_song()
        self.player.seek(fraction)

    @property
    def plays_song(self) -> bool:
        """Whether the player has this song, and neither a result of another song nor a track of the library."""
        return not self.plays_track and (self.result is None or self.result.song == self.path)

    def seek_seconds(self, seconds: float) -> None:
        """Go to a moment of the song; see `seek_song`."""
        self._return_to_song()
        self.player.seek(seconds * self.player.sample_rate / max(self.player.length, 1))

    def ask_library_state(self, queue: JobQueue, answer: Callable[[Hashable], None]) -> None:
        """Tell what differs after a change of the library, whoever made it: not here, as a server may be slow."""
        queue.submit(library_tasks.state, self.library, observer=SilentObserver(), done=answer)

    def set_loop(self, low: float, high: float) -> None:
        """Go round between two positions in what plays, as fractions of its length."""
        player = self.player
        start, stop = (round(fraction * player.length) for fraction in (low, high))
        stop = min(stop, player.length, start + round(LONGEST_LOOP_SECONDS * player.sample_rate))
        if stop <= start:
            return
        player.loop = start, stop
        if not start <= player.position < stop:
            player.position = start

    def toggle_loop(self) -> None:
        """Go round in the seconds from the player's position on, or no longer."""
        player = self.player
        if player.loop:
            player.loop = None
        elif player.length:
            excerpt = EXCERPT_SECONDS * player.sample_rate / player.length
            # the last seconds, where fewer follow
            start = max(min(player.position / player.length, 1.0 - excerpt), 0.0)
            self.set_loop(start, start + excerpt)

    def close(self) -> None:
        """Save the settings, stop player and jobs, and delete the session's files."""
        self.settings.save()
        self.player.stop()
        queues = (self.jobs, self.long_jobs, self.live_jobs, self.downloads)
        for queue in queues:
            queue.stop()
        for queue in queues:
            queue.close()
        self._temporary.remove()

    def _add_excerpt(self, excerpt: Excerpt, clip: Clip) -> None:
        assert self.original is not None
        self.player.load([Clip(self._frames(self.original)), clip], self.original.sample_rate)
        self._view.excerpt_added(excerpt)
        self._view.playback_changed(True)

    def _set_original(self, decoded: tuple[Sound, NDArray[np.float32]]) -> None:
        sound, self.waveform = decoded
        self.original = sound
        self.play_result(None)
        self.live.prepare(sound)
        self._view.song_changed()
        if self._wanted:
            self.hear(self._wanted)

    def _set_song(self, song: Song) -> None:
        self.song = song
        self._view.song_analysed()

    def _is_there(self, track: TrackRow) -> bool:
        """Return whether a track of the library has its file still; say so if not."""
        is_there = Path(track.path).exists()
        if not is_there:
            self.say(f"The file of {shortened(track.name)} is gone: press Scan in the tab Library.", error=True)
        return is_there

    def _return_to_song(self) -> None:
        if not self.plays_song:
            self.play_result(None)

    def _play(self, sound: Sound) -> None:
        self.player.load([Clip(sound.frames())], sound.sample_rate)
        # who goes through a library by the arrow keys plays hundreds; Windows keeps a file that is mapped into memory
        with suppress(OSError):
            sound.path.unlink()
        self.plays_track = True
        self._view.playback_changed(False)
        self.player.play()
        self.say(f"Playing {shortened(sound.name)}.")

    def _frames(self, sound: Sound) -> Frames:
        """Return a sound's samples: the same array for the same sound, so that the player recognises it."""
        if sound.path not in self._mapped:
            self._mapped[sound.path] = sound.frames()
        return self._mapped[sound.path]

    def _keep_theme(self) -> None:
        self.settings.theme, self.settings.scale = self.theme.name, self.theme.chosen
