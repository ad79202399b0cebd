"""Live sound: some seconds of the song in the sound that is being chosen, rendered while one listens."""

from __future__ import annotations

from collections.abc import Callable

from retrotone.desktop import restyle_tasks
from retrotone.desktop.jobs import Job, JobQueue
from retrotone.desktop.player import Clip, Player
from retrotone.desktop.restyle_tasks import Excerpt, Recipe
from retrotone.desktop.tasks import Sound
from retrotone.style.choices import StyleChoice

EXCERPT_SECONDS = 8.0
# The excerpt that follows is rendered when so much is left of the one that plays.
AHEAD_SECONDS = 4.0
# A longer loop would take more than a second to render.
LONGEST_LOOP_SECONDS = 20.0
MEASURING = "The song is being measured: its new sound follows in a moment."


class LiveSound:
    """Renders excerpts from the player's position on and plays them beside the song; a `JobObserver`.

    Parameters
    ----------
    queue : JobQueue
        Its own: an excerpt must not wait for other work.
    player : Player
    show : callable
        Called with each excerpt and its samples, to hand them to the player.
    say : callable
        Called with the message of an excerpt that failed, and with `error`.

    Attributes
    ----------
    recipe : Recipe or None
        What is heard, or about to be; None where the player has only the song or a finished result.
    """

    def __init__(
        self, queue: JobQueue, player: Player, show: Callable[[Excerpt, Clip], None], say: Callable[..., None]
    ) -> None:
        self._queue, self._player, self._show, self._say = queue, player, show, say
        self._song: Sound | None = None
        # first and last frame of the excerpt that plays or is being rendered
        self._span = 0, 0
        # whether the next excerpt is to be heard at once, and does not only follow the one before
        self._begins = False
        self.recipe: Recipe | None = None

    def prepare(self, song: Sound) -> None:
        """Measure a song, so that its first excerpt need not wait for that."""
        self._queue.submit(restyle_tasks.measure, song, observer=self, done=self._go_on)

    def hear(self, song: Sound, recipe: Recipe) -> None:
        """Render the excerpt at the player's position, and play it as soon as it is there."""
        self._song, self.recipe, self._begins = song, recipe, True
        if self._queue.count(restyle_tasks.measure):
            self._say(MEASURING)
        self._render()

    def describe(self, choice: StyleChoice, done: Callable[[dict[str, str]], None]) -> None:
        """Find the parts of a style, see `retrotone.desktop.restyle_tasks.parts`."""
        self._queue.submit(restyle_tasks.parts, choice, observer=self, done=done, keep=True)

    def stop(self) -> None:
        """Render no more excerpts."""
        self.recipe = None
        self._queue.drop()

    def refresh(self) -> None:
        """Render the next excerpt if this one ends soon, or another if the user went elsewhere."""
        if self.recipe is None or self._song is None:
            return
        start, stop = self._span
        position, ahead = self._player.position, round(AHEAD_SECONDS * self._song.sample_rate)
        if self._player.loop:
            missing = not (start <= self._player.loop[0] and self._player.loop[1] <= stop)
        else:
            ends = position > stop - ahead and stop < self._player.length
            missing = position < self._player.length and (ends or not start <= position < stop)
        if missing:
            self._render()

    def _go_on(self, _: None) -> None:
        """Render what was chosen while the song was measured."""
        if self.recipe:
            self._say("")
            self._render()

    def _render(self) -> None:
        song = self._song
        assert song is not None
        # dropped for each dial that is moved, the measurement of a long song would never end
        if self._queue.count(restyle_tasks.measure):
            return
        start, stop = self._player.loop or (self._player.position, self._player.length)
        if start >= self._player.length:
            start = 0
        if not self._player.loop:
            stop = min(stop, start + round(EXCERPT_SECONDS * song.sample_rate))
        self._span = start, stop
        self._queue.drop()
        self._queue.submit(
            restyle_tasks.preview, song, self.recipe, start, stop - start, observer=self, done=self._play
        )

    def _play(self, excerpt: Excerpt) -> None:
        self._show(excerpt, Clip(excerpt.sound.frames(), excerpt.start))
        if self._begins:
            self._begins = False
            self._player.choice = 1
            self._player.play()

    def job_submitted(self, job: Job) -> None:
        """See `JobObserver`, as for the two methods below."""

    def job_progressed(self, fraction: float, message: str) -> None:
        """Excerpts take no time worth showing."""

    def job_ended(self, job: Job, error: str) -> None:
        """Go back to the song where an excerpt failed."""
        if error:
            self.recipe, self._player.choice = None, 0
            self._say(error, error=True)
