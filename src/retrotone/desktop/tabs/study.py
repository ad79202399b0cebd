"""The tab of the study: its loss table and the training of M5, on small settings."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from pathlib import Path
from tkinter import filedialog, ttk
from typing import Any

from retrotone.desktop import tasks
from retrotone.desktop.session import Session
from retrotone.desktop.table import Table
from retrotone.desktop.widgets import JobProgress, Page, PictureView, WrappedLabel, add_buttons

# Titles, and widths at 100 %.
LOSS = [("descent", 120), ("rate", 50), ("weight", 65), ("clamp", 60), ("left", 65), ("why", 180)]
TRAINING = [("epoch", 70), ("training loss", 120), ("validation loss", 130), ("right", 80)]
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
        row = ttk.Frame(body)
        row.pack(fill="x", pady=theme.px(6))
        self.loss_button, self.training_button, _ = add_buttons(
            row,
            theme,
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
        self.table.fill({})
        self.table.set_columns(columns)
        # the page may be new, and without a size
        self.update_idletasks()
        width = max(self.view.winfo_width() - 4, 300)
        session.long_jobs.submit(
            task,
            *arguments,
            width,
            session.theme.scale,
            observer=self.progress,
            done=lambda _: session.say("The study's experiment is done."),
            show=self._show,
        )

    def _show(self, intermediate: tuple[Sequence[Path], Sequence[Sequence[str]]]) -> None:
        files, cells = intermediate
        self.view.show(*files)
        self.table.fill({str(k): line for k, line in enumerate(cells)})
        self.table.tree.see(str(len(cells) - 1))
