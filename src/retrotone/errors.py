"""The errors retrotone raises: one small hierarchy, each message one line that says what to do."""


class RetrotoneError(Exception):
    """Base of every error that retrotone raises on purpose."""


class AudioError(RetrotoneError):
    """A recording cannot be read, is empty, silent or not finite."""


class OutputError(RetrotoneError):
    """A result cannot be written: unknown suffix, missing folder, full disk."""


class StyleError(RetrotoneError):
    """A style name, method or setting that does not exist or is out of range."""


class ModelError(RetrotoneError):
    """A model that cannot be found, downloaded, trusted or run."""


class GenreError(RetrotoneError):
    """A collection, split or genre that is missing, too small or not what it should be."""


class AnalysisError(RetrotoneError):
    """What is known of a track has the wrong shape, is not finite or cannot be read."""


class LibraryError(RetrotoneError):
    """A library that cannot be opened or written, is damaged, or does not hold what is asked for."""


class MissingExtraError(RetrotoneError):
    """An optional dependency is needed; the message names the extra to install."""


class Cancelled(RetrotoneError):
    """The user stopped the work; nothing half-written is left behind."""
