"""The command line. Each module holds one command or group of commands: it parses the options, calls the library and
prints. Nothing heavy is imported before a command runs, so that ``retrotone --help`` is fast.
"""
