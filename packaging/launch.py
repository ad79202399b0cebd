"""The program of the folder that PyInstaller builds: every command, and the window where none is given."""

import multiprocessing
import sys

if __name__ == "__main__":
    # the window's and the scan's processes are started through this file
    multiprocessing.freeze_support()
    from retrotone.cli.main import main

    if len(sys.argv) == 1:
        sys.argv.append("app")
    main()
