"""The ways to change how a song sounds: transport, the study's descent, eras and their recording media."""
