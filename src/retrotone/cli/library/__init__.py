"""``retrotone library``: its commands, a module for each kind."""
