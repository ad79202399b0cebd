"""A music library that recommends by sound.

`Library` scans folders and stores an analysis of each track in a catalogue. From that it finds similar tracks, makes
playlists, finds duplicates, draws a map and exports. It loads on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
