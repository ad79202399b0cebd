"""Features of a recording: spectra, the GTZAN columns, musicnn's tags, the key, and one analysis of them all."""
