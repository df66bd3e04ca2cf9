"""Work in pieces on several threads; for kernels that let go of the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed

from .extractor import Progress


def in_pieces(work: Callable[[int, int], None], total: int, piece: int, threads: int | None, progress: Progress | None) -> None:
    """Call ``work(first, last)`` for all pieces of ``range(total)``.

    Args:
        work: must bear being called from several threads at once.
        total: how much there is.
        piece: how much at a time.
        threads: how many; by default one a processor.
        progress: is told the share that is done, in this thread.

    Raises:
        Exception: what ``work`` or ``progress`` raise (so does Ctrl-C); pieces that have not begun are then left out.
    """
    pool = ThreadPoolExecutor(threads or os.cpu_count() or 1, thread_name_prefix="extraction")
    try:
        futures = {pool.submit(work, first, min(first + piece, total)): min(piece, total - first) for first in range(0, total, piece)}
        done = 0
        for future in as_completed(futures):
            future.result()
            done += futures[future]
            if progress is not None:
                progress(done / total)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
