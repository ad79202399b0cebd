"""``python -m retrotone``: the command line."""

from retrotone.cli import main

main()
