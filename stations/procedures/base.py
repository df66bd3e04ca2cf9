"""The life cycle that every procedure shares."""

from __future__ import annotations

from typing import Protocol


class Procedure(Protocol):
    """A piece of the experiment over roles, usable alone in a QCoDeS loop.

    ``prepare`` brings the instruments into the state that the procedure starts from, once before a run; ``run`` is in the procedure's
    own words (its arguments and result differ); ``make_safe`` may be called at any time and any number of times.
    """

    def prepare(self) -> None:
        """Bring the instruments into the starting state."""

    def make_safe(self) -> None:
        """Leave the instruments safe."""
