"""Make a gallery from a folder of pictures and the folder of their results.

python tools/make_gallery.py --before blurry_input --after results --output gallery

A result has its input's name, with or without a suffix. Kernels and figures of the run are not in
the files and are left out.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from deblurnets.batch.plan import Naming, target_path  # noqa: E402
from deblurnets.batch.sources import InputError, find_pictures  # noqa: E402
from deblurnets.gallery import write_gallery  # noqa: E402


def make_record(source: str, target: str) -> Dict[str, Any]:
    """Describe a pair of files as one record of a run's report."""
    if not os.path.isfile(target):
        return {"source": source, "status": "failed", "reason": f"there is no {target}"}
    sizes = {"source_bytes": os.path.getsize(source), "target_bytes": os.path.getsize(target)}
    return {"source": source, "target": target, "status": "done", **sizes}


def make_records(before: str, after: str, suffix: str) -> List[Dict[str, Any]]:
    """Pair the pictures of two folders by name."""
    found = find_pictures(before)
    targets = (target_path(name, Naming(after, suffix)) for name in found.names)
    return [make_record(source, target) for source, target in zip(found.paths, targets)]


def main(argv: Optional[List[str]] = None) -> int:
    """Write the gallery; return the exit status."""
    parser = argparse.ArgumentParser(description="Make a gallery from two folders.")
    parser.add_argument("--before", required=True, metavar="DIR", help="the inputs")
    parser.add_argument("--after", required=True, metavar="DIR", help="the results")
    parser.add_argument("--suffix", default="_deblurred", help="of the results (%(default)s)")
    parser.add_argument("--output", required=True, metavar="DIR", help="the gallery")
    arguments = parser.parse_args(argv)
    try:
        records = make_records(arguments.before, arguments.after, arguments.suffix)
        page = write_gallery(arguments.output, records)
    except (InputError, OSError) as error:
        parser.exit(1, f"{parser.prog}: error: {error}\n")
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
