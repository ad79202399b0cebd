"""The tab of the study: its loss table and M5's curves, on settings small enough to watch them draw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tkinter import filedialog, ttk
from typing import TYPE_CHECKING

from retrotone.desktop import tasks
from retrotone.desktop.widgets import Page, PictureView, Progress, Sentence, Table, buttons

if TYPE_CHECKING:
    from retrotone.desktop.window import Window

LOSS = [("descent", 120), ("rate", 50), ("weight", 65), ("clamp", 60), ("left", 65), ("why", 180)]
TRAINING = [("epoch", 70), ("training loss", 120), ("validation loss", 130), ("right", 80)]
ABOUT = (
    "Loss table: why the study's style loss stood still, and what makes it fall, on the bundled song and record "
    "(half a minute). M5: the study's network learns to tell three eras of the bundled song apart, or the genres of a "
    "folder of yours."
)


class StudyTab(Page):
    """Runs in a process of its own, so that songs can be worked on meanwhile."""

    def __init__(self, app: Window) -> None:
        super().__init__(app.tabs, app.look)
        self._app = app
        look, body = app.look, self.body
        Sentence(body, ABOUT).pack(fill="x")
        row = ttk.Frame(body)
        row.pack(fill="x", pady=look.px(6))
        self.loss_button, self.training_button, _ = buttons(
            row, look, ("Run the loss table", self.run_loss), ("Train M5 on eras", self.run_training),
            ("Train M5 on a folder…", self.choose),
        )  # fmt: skip
        self.progress = Progress(body, look, app.long_lane, app.say)
        self.progress.pack(fill="x")
        self.view = PictureView(body, look, 340)
        self.view.pack(fill="x")
        self.table = Table(body, look, LOSS, 5, lambda: None)
        self.table.pack(fill="both", expand=True, pady=(look.px(6), 0))

    def run_loss(self) -> None:
        """Run the sweep of the style loss."""
        self._begin(LOSS)
        self._app.long_lane.run(
            tasks.study_loss, *self._size(), watch=self.progress, done=self._finished, show=self._show
        )

    def run_training(self, folder: str | None = None) -> None:
        """Train M5 on the eras of the bundled song, or on a folder for each genre."""
        self._begin(TRAINING)
        self._app.long_lane.run(
            tasks.study_training,
            folder,
            *self._size(),
            watch=self.progress,
            done=self._finished,
            show=self._show,
        )

    def choose(self) -> None:
        """Ask for a folder to learn from."""
        folder = filedialog.askdirectory(
            parent=self._app.root, title="Choose a folder with a folder for each genre"
        )
        if folder:
            self.run_training(folder)

    def _size(self) -> tuple[int, float]:
        return max(self.view.winfo_width() - 4, 300), self._app.look.scale

    def _begin(self, columns: list[tuple[str, int]]) -> None:
        self._app.say("")
        self.table.fill({})
        self.table.set_columns(columns)

    def _show(self, shown: tuple[Path, Sequence[Sequence[str]]]) -> None:
        file, cells = shown
        self.view.show(file)
        self.table.fill({str(k): line for k, line in enumerate(cells)})
        self.table.tree.see(str(len(cells) - 1))

    def _finished(self, _: object) -> None:
        self._app.say("The study's experiment is done.")
