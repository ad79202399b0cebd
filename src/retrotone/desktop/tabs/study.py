"""The tab of the study: its loss table and the training of M5, on small settings."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tkinter import filedialog
from typing import Any

from retrotone.desktop import tasks
from retrotone.desktop.session import Session
from retrotone.desktop.table import Table
from retrotone.desktop.widgets import JobProgress, Page, PictureView, WrappedLabel
from retrotone.desktop.wrapped_row import WrappedRow

# Titles, and widths at 100 %.
LOSS = [("descent", 120), ("rate", 50), ("weight", 65), ("clamp", 60), ("left", 65), ("why", 180)]
TRAINING = [("epoch", 70), ("training loss", 120), ("validation loss", 130), ("right", 80)]
# Pixels at 100 %: what the page has beside the figure, and the least width of one.
BESIDE, LEAST_WIDTH = 52, 300
# The figure is drawn anew when the window's size has rested for so long.
REST_MS = 300
ABOUT = (
    "Loss table: why the study's style loss stood still, and what makes it fall, on the bundled song and record "
    "(half a minute). M5: the study's network learns to classify three eras of the bundled song, or the genres of a "
    "folder of yours."
)


class StudyTab(Page):
    """Its experiments run in the queue of long jobs, so that songs can be worked on meanwhile."""

    def __init__(self, master: tk.Misc, session: Session) -> None:
        super().__init__(master, session.theme)
        self._session = session
        theme, body = session.theme, self.body
        WrappedLabel(body, ABOUT).pack(fill="x")
        row = WrappedRow(body, theme)
        row.pack(fill="x", pady=theme.px(6))
        self.loss_button, self.training_button, _ = row.add_buttons(
            ("Run the loss table", self.run_loss),
            ("Train M5 on eras", self.run_training),
            ("Train M5 on a folder…", self.choose_folder),
        )
        self.progress = JobProgress(body, theme, session.long_jobs, session.say)
        self.progress.pack(fill="x")
        self.view = PictureView(body, theme, 340)
        self.view.pack(fill="x")
        self.table = Table(body, theme, LOSS, 5)
        self.table.pack(fill="both", expand=True, pady=(theme.px(6), 0))
        # width and scale of the figure, and Tk's name of the call that will draw it anew, empty for none
        self._drawn, self._drawing_call = (0, 0.0), ""
        self.bind("<Configure>", lambda _: self._redraw_soon())
        theme.listeners.append(self._redraw_soon)

    def run_loss(self) -> None:
        """Run the sweep of the style loss."""
        self._run(LOSS, tasks.study_loss)

    def run_training(self, folder: str | None = None) -> None:
        """Train M5 on the eras of the bundled song, or on a folder that holds a folder for each genre."""
        self._run(TRAINING, tasks.study_training, folder)

    def choose_folder(self) -> None:
        """Ask for a folder to learn from."""
        folder = filedialog.askdirectory(
            parent=self._session.root, title="Choose a folder with a folder for each genre"
        )
        if folder:
            self.run_training(folder)

    def _run(self, columns: list[tuple[str, int]], task: Callable[..., Any], *arguments: Any) -> None:
        session = self._session
        session.say("")
        # the page may be new, and without a size
        self.update_idletasks()
        self._drawn = self._size()
        # until then the table is that of the experiment before, which may still run
        show = partial(self._show, columns)
        session.long_jobs.submit(task, *arguments, *self._drawn, observer=self.progress, done=self._done, show=show)

    def _size(self) -> tuple[int, float]:
        """Return width and scale of a figure that fits."""
        theme = self._session.theme
        return max(self.winfo_width() - theme.px(BESIDE), theme.px(LEAST_WIDTH)), theme.scale

    def _redraw_soon(self) -> None:
        if self._drawing_call:
            self.after_cancel(self._drawing_call)
        self._drawing_call = self.after(REST_MS, self._redraw)

    def _redraw(self) -> None:
        """Draw the figure anew if it has another size than the page; while an experiment runs, it soon is anyway."""
        self._drawing_call = ""
        if self.view.has_picture and not self.progress.has_job and self._drawn != self._size():
            self._drawn = self._size()
            queue = self._session.long_jobs
            queue.submit(tasks.redraw_study, *self._drawn, observer=self.progress, done=self._show_again)

    def _show_again(self, files: Sequence[Path]) -> None:
        if files:
            self.view.show(*files)

    def _done(self, _: None) -> None:
        self._session.say("The study's experiment is done.")
        self._redraw_soon()

    def _show(
        self, columns: list[tuple[str, int]], intermediate: tuple[Sequence[Path], Sequence[Sequence[str]]]
    ) -> None:
        files, cells = intermediate
        self.view.show(*files)
        self.table.set_columns(columns)
        self.table.fill({str(k): line for k, line in enumerate(cells)})
        self.table.tree.see(str(len(cells) - 1))
