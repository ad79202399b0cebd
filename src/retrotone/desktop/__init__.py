"""The window: Tk, on what `retrotone.services` offers."""
