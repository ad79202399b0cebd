"""Finding tracks: neighbours, duplicates, playlists, and the tracks that a path or a song stands for."""
