"""`python -m modelwright.serving.log.compacting FOLDER`: turns the finished segments of a prediction log into Parquet.

A process of its own, so that Parquet and its memory stay out of the workers, and so that compacting never holds up an
answer. It looks at every segment that no living server writes to, and ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from modelwright.serving.log.segments import OPEN, compact_orphans

POLITE = 10  # how far behind the workers it stands in line for the processor
PATIENCE_S = 60.0


def start_compacting(folder: Path) -> subprocess.Popen[bytes] | None:
    """In the background; None when there is nothing to compact."""
    if not any(folder.glob(f"*{OPEN}")):
        return None
    return subprocess.Popen(
        [sys.executable, "-m", "modelwright.serving.log.compacting", str(folder)], stdin=subprocess.DEVNULL
    )


def main(arguments: Sequence[str]) -> int:
    (folder,) = arguments
    os.nice(POLITE)
    try:
        compact_orphans(Path(folder))
    except OSError as error:  # a full disk: the segments stay as they are, and the next try finds them
        print(f"prediction log in {folder}: {error}", file=sys.stderr)
        return 5
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
