"""Linear algebra in one thread: with more, sums are taken in another order, and their last bits differ by machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """BLAS and OpenMP, while this is held; not worth it around less than a millisecond of work."""
    with _libraries(len(sys.modules)).limit(limits=1):
        yield


@lru_cache(maxsize=1)
def _libraries(modules: int) -> ThreadpoolController:
    """Those of this process; looking for them takes milliseconds, and a new one comes with a new module only."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
