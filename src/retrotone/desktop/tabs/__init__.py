"""The tabs of the window, one a module."""
