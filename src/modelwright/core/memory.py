"""Has memory that was freed go back to the system, so that large tables do not count twice."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

LARGE = 2**17  # bytes, from which a piece of memory is the system's own
MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of glibc's malloc.h


def plain_arrow_pool() -> None:
    """Arrow, if it is not loaded yet, allocates as everything else does: its own pool keeps what is freed."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def free_at_once() -> None:
    """What is free leaves the process, and from here on large pieces do as soon as they are freed.

    By itself glibc keeps pieces of up to 32 MB for the next time, once one of that size was freed. Costs a little time
    for each such piece, so it is for large tables only; elsewhere than on Linux it does nothing.
    """
    for name, arguments in (("mallopt", (MMAP_THRESHOLD, LARGE)), ("malloc_trim", (0,))):
        function: Any = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
        if function is not None:
            function(*arguments)
