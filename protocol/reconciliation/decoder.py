"""Windowed decoding: which part of the graph is worked on when.

1. A window at each end of the line. Where all checks of a window's near position are satisfied it moves on, towards the middle. The two
   windows share no variable, so each may have a thread of its own, and what comes out does not depend on how many there are.
2. When both have come to the middle, or no further, what is between their near edges is one window that closes in from both sides.
3. Here and there a wrong bit has been left behind, or holds the last window up: a few passes over the whole graph set that right.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .graph import Graph

WINDOW = 3
"""Size of a window in coupling widths."""
_IDLE = 50
"""A window that has not moved for so many passes waits for the one from the other end."""
_CLEANING = 30
"""Passes over the whole graph at the end, at most."""
_FEW = 0.01
"""Part of the checks: if more than that are not satisfied in the end, no passes over the whole graph will help."""
_PASSES = 8
"""Passes of a window between two reports."""
_PATIENCE_S = 0.2
"""Between two reports while only the other thread is still at work."""


@dataclass(frozen=True)
class Outcome:
    """How a decoding ended.

    Attributes:
        errors: uint8, shape (variables,): where the guess is wrong, in the order of the graph; secret.
        unsatisfied: checks that this does not satisfy; 0 is success.
        sweeps: work done, as passes over the whole graph.
    """

    errors: NDArray[np.uint8] = field(repr=False)
    unsatisfied: int
    sweeps: float


class WindowDecoder:
    """One decoding of one block.

    Args:
        graph: the code.
        wanted: uint8, shape (checks,): parities of the errors.
        beliefs: float32, shape (variables,): log-likelihood ratios that a guess is right; is changed.
        sweeps: bound on the work of the windows, as passes over the whole graph.
        progress: is told the part of the line that is done, 0 to 1, in the thread that calls.
    """

    def __init__(
        self,
        graph: Graph,
        wanted: NDArray[np.uint8],
        beliefs: NDArray[np.float32],
        sweeps: float,
        progress: Callable[[float], None] | None,
    ) -> None:
        self._graph, self._progress = graph, progress
        self._edges, self._beliefs = (graph.starts, graph.neighbours), beliefs
        self._memory = wanted, np.zeros(len(graph.neighbours), np.float32), beliefs, phi_table()
        self._places = len(graph.check_bounds) - 1
        self._most_work = int(sweeps * len(graph.neighbours))
        self._stop = threading.Event()
        self._states = [_state(0, self._places - 1), _state(self._places - 1, 0)]

    def run(self, threads: int) -> Outcome:
        """Decode; the number of threads, 1 or 2, changes the time and nothing else."""
        if threads > 1:
            with ThreadPoolExecutor(1) as pool:
                try:
                    other = pool.submit(self._slide, 1)
                    self._slide(0, self._tell)
                    while wait([other], timeout=_PATIENCE_S).not_done:
                        self._tell()
                    other.result()
                except BaseException:
                    self._stop.set()  # else leaving the pool would wait until the other window has come to its end
                    raise
        else:
            self._slide(0, self._tell)
            self._slide(1, self._tell)
        return self._finish()

    def _slide(self, end: int, tell: Callable[[], None] = lambda: None) -> None:
        """Move the window from one end as far as it comes."""
        from .decoder_kernel import slide

        width, middle = self._graph.width, self._places // 2
        # What checks up to limits[0] reach, those from limits[1] on do not.
        limits = middle - width // 2 - 1, middle - width // 2 - 1 + width
        size, step = WINDOW * width, (1, -1)[end]
        bounds = limits[end], self._most_work // 2, _IDLE
        scratch = self._scratch()
        while not slide(self._edges, self._memory, scratch, self._graph.check_bounds, self._states[end], (size, step), bounds, _PASSES):
            if self._stop.is_set():
                return
            tell()

    def _finish(self) -> Outcome:
        from .decoder_kernel import NEAR, WORK, close_in, sweep

        left, right = self._states
        scratch, bounds = self._scratch(), self._graph.check_bounds
        state = _state(int(left[NEAR]), int(right[NEAR]))
        state[WORK] = left[WORK] + right[WORK]
        while not close_in(self._edges, self._memory, scratch, bounds, state, (self._most_work, _IDLE), _PASSES):
            self._tell(state)
        self._tell(state)
        unsatisfied = self._unsatisfied()
        if unsatisfied <= _FEW * len(self._memory[0]):
            for _ in range(_CLEANING):
                if not unsatisfied:
                    break
                sweep(self._edges, self._memory, scratch, bounds, 0, self._places - 1, 1, state)
                unsatisfied = self._unsatisfied()
        return Outcome((self._beliefs < 0).astype(np.uint8), unsatisfied, int(state[WORK]) / len(self._graph.neighbours))

    def _unsatisfied(self) -> int:
        errors = (self._beliefs < 0).astype(np.uint8)
        return int(np.count_nonzero(self._graph.parities(errors) != self._memory[0]))

    def _scratch(self) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        from .decoder_kernel import SCRATCH

        floats = np.zeros((SCRATCH, int(np.diff(self._graph.starts).max())), np.float32)
        return floats, floats.view(np.int32)

    def _tell(self, state: NDArray[np.int64] | None = None) -> None:
        from .decoder_kernel import FAR, NEAR

        if self._progress is not None:
            left, right = (self._states[0][NEAR], self._states[1][NEAR]) if state is None else (state[NEAR], state[FAR])
            self._progress(min(1.0, max(0.0, 1 - float(right - left + 1) / self._places)))


def phi_table() -> NDArray[np.float32]:
    """phi(x) = -ln tanh(x/2), its own inverse, for the middle of each of the kernel's keys."""
    from .decoder_kernel import FIRST_KEY, KEYS

    keys = (np.arange(FIRST_KEY, FIRST_KEY + KEYS, dtype=np.uint32) << np.uint32(16)) | np.uint32(0x8000)
    return (-np.log(np.tanh(keys.view(np.float32).astype(np.float64) / 2))).astype(np.float32)


def _state(near: int, far: int) -> NDArray[np.int64]:
    from .decoder_kernel import FAR, NEAR, STATE

    state = np.zeros(STATE, np.int64)
    state[NEAR], state[FAR] = near, far
    return state
