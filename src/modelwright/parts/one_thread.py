"""Linear algebra in one thread: with more, sums are taken in another order, and their last bits differ by machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """BLAS and OpenMP, while this is held; not worth it around less than some milliseconds of work."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
