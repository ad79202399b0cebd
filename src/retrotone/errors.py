"""The errors that retrotone raises. Each message is one line that says what is wrong and what to do.

All are direct subclasses of `RetrotoneError`.
"""


class RetrotoneError(Exception):
    """Base class of every error that retrotone raises on purpose."""


class AudioError(RetrotoneError):
    """A recording cannot be read, is empty, silent or not finite."""


class OutputError(RetrotoneError):
    """A result cannot be written: unknown suffix, missing folder, full disk."""


class StyleError(RetrotoneError):
    """A style, method or setting does not exist or is out of range."""


class ModelError(RetrotoneError):
    """A model cannot be found, downloaded, trusted or run."""


class GenreError(RetrotoneError):
    """A collection, split or genre is missing, too small or invalid."""


class AnalysisError(RetrotoneError):
    """An analysis has the wrong shape, is not finite or cannot be read."""


class LibraryError(RetrotoneError):
    """A library cannot be opened or written, is damaged, or lacks a track."""


class MissingExtraError(RetrotoneError):
    """An optional dependency is not installed; the message names the extra to install."""


class Cancelled(RetrotoneError):
    """The user stopped the work; no half-written file is left."""
