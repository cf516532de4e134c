"""Deblur photographs: `python deblur_main.py -i PICTURE_OR_FOLDER`. See `-h` for the options."""

import sys

from deblurnets.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
