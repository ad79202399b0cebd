"""Finding tracks: neighbours, duplicates, playlists, and what a question names."""
