"""What is measured of a recording: spectra, the GTZAN columns, musicnn, key, and all of it as one analysis."""
