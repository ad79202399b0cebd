"""retrotone gives any recording the sound of another era.

Names load on first use, so that ``import retrotone`` costs next to nothing.
"""

import lazy_loader

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
