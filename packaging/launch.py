"""The program of the folder that PyInstaller builds: every command, and the window where none is given."""

import multiprocessing
import os
import shutil
import sys

if __name__ == "__main__":
    # PyInstaller gives every process a folder for matplotlib's list of fonts, which the window's would leave behind
    shutil.rmtree(os.environ.pop("MPLCONFIGDIR"), ignore_errors=True)
    # the window's and the scan's processes are started through this file
    multiprocessing.freeze_support()
    from retrotone.cli.main import main

    if len(sys.argv) == 1:
        sys.argv.append("app")
    main()
