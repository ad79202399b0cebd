"""Signal processing on arrays: transforms, filter banks, loudness and limiting."""
