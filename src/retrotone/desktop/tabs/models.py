"""The tab of the models: which are known by name, their terms, and their download."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import messagebox

from retrotone.desktop import model_tasks
from retrotone.desktop.session import Session
from retrotone.desktop.table import Table
from retrotone.desktop.widgets import JobProgress, Page, WrappedLabel
from retrotone.desktop.wrapped_row import WrappedRow
from retrotone.utils.pretrained import model_path, registry

# Titles, and widths at 100 %.
COLUMNS = [("model", 170), ("what it plays", 400), ("here", 70)]
ABOUT = (
    "Models to be downloaded: RAVE models, which play a song themselves, and audioset, a second network that analyses. "
    "Size and terms are shown before anything is downloaded."
)


class ModelsTab(Page):
    """Downloads run in a queue of their own.

    Parameters
    ----------
    master : tk.Misc
    session : Session
    on_download : callable
        Called when another model is here.
    """

    def __init__(self, master: tk.Misc, session: Session, on_download: Callable[[], None]) -> None:
        super().__init__(master, session.theme)
        self._session, self._on_download = session, on_download
        theme, body = session.theme, self.body
        WrappedLabel(body, ABOUT).pack(fill="x")
        self.table = Table(body, theme, COLUMNS, 5, self._show_terms)
        self.table.tree.bind("<Return>", lambda _: self.download())
        self.table.pack(fill="both", expand=True, pady=theme.px(6))
        self.terms = WrappedLabel(body, style="Small.TLabel")
        self.terms.pack(fill="x")
        row = WrappedRow(body, theme)
        row.pack(fill="x", pady=theme.px(4))
        row.add_buttons(("Download…", self.download), accent=0)
        self.progress = JobProgress(body, theme, session.downloads, session.say)
        self.progress.pack(fill="x")

    def entered(self) -> None:
        """Show which models are here."""
        here = {True: "yes", False: "no"}
        self.table.fill(
            {name: [name, each.description, here[model_path(each).is_file()]] for name, each in registry().items()}
        )
        if not self.table.selected:
            self.table.select(next(iter(registry())))

    def download(self) -> None:
        """Ask how large the selected model is, show that and its terms, and download it if the user agrees."""
        session, name = self._session, self.table.selected
        if model_path(registry()[name]).is_file():
            session.say(f"{name} is here already.")
            return
        session.say("")

        def ask(offer: str) -> None:
            question = f"{offer}.\n\nTerms: {registry()[name].licence}\n\nDownload it under these terms?"
            if messagebox.askyesno(f"Download {name}", question, parent=session.root):
                task = model_tasks.download
                session.downloads.submit(task, name, observer=self.progress, done=self._downloaded)

        session.downloads.submit(model_tasks.offer, name, observer=self.progress, done=ask)

    def _downloaded(self, message: str) -> None:
        self._session.say(message)
        self.entered()
        self._on_download()

    def _show_terms(self) -> None:
        if self.table.selected:
            self.terms.configure(text=f"Terms: {registry()[self.table.selected].licence}")
