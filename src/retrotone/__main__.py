"""``python -m retrotone``: the command line."""

from retrotone.cli.main import main

main()
