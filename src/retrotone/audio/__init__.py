"""Recordings: samples in memory (`Audio`), and sound files that are read and written block by block.

Names load on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
