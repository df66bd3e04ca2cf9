"""What can go wrong with any device: ten faults that every simulator can be told to have.

Seven happen to an answer on its way, once each; two sit in the device and last; the tenth is another client.
"""

from __future__ import annotations

import enum
from collections import deque

from ...errors import ConfigError


class Fault(enum.Enum):
    """The value says what happens."""

    DROP = "the answer is lost"
    LATE = "the answer comes after the time-out"
    SPLIT = "the answer comes in single bytes"
    COALESCE = "the answer is held back until the next one"
    GARBAGE = "garbage before the answer"
    DISCONNECT = "the connection breaks in the middle of the answer"
    POWER_CYCLE = "power fails before the answer"
    SILENT_CLIP = "a setting is silently clipped"
    STUCK_READBACK = "what is read back does not follow"
    SECOND_CLIENT = "another client has the device"


ON_THE_WAY = (Fault.DROP, Fault.LATE, Fault.SPLIT, Fault.COALESCE, Fault.GARBAGE, Fault.DISCONNECT, Fault.POWER_CYCLE)
"""Those that :meth:`FaultPlan.arm` takes."""


class FaultPlan:
    """The faults that a simulator is about to have."""

    def __init__(self) -> None:
        self.late = 1.0
        """By how much a late answer is late, s of wall time."""
        self.in_time = 0
        """Where a late answer is cut: the bytes before come in time (-2: all but the last two)."""
        self.gap = 1e-3
        """Between the single bytes of a split answer, s of wall time."""
        self.garbage = b"\x00\xff\x80\x1b"
        """What comes before a good answer."""
        self._due: deque[Fault | None] = deque()
        self._limits: dict[str, tuple[float, float]] = {}
        self._frozen: dict[str, object] = {}

    def arm(self, fault: Fault, *, skip: int = 0) -> None:
        """Let ``fault`` happen to one answer: the next one, or the one after ``skip`` good ones.

        Raises:
            ConfigError: it is none of :data:`ON_THE_WAY`.
        """
        if fault not in ON_THE_WAY:
            raise ConfigError(f"{fault.name} does not happen to a single answer; see clip(), freeze() and Channel.clients")
        self._due.extend([None] * skip)
        self._due.append(fault)

    def next(self) -> Fault | None:
        """What happens to the answer that is sent now."""
        return self._due.popleft() if self._due else None

    def clip(self, name: str, low: float, high: float) -> None:
        """From now on a setting outside these limits is silently clipped to them."""
        self._limits[name] = (low, high)

    def freeze(self, name: str, value: object) -> None:
        """From now on ``name`` reads back as ``value``, whatever it is."""
        self._frozen[name] = value

    def clear(self) -> None:
        """Mend everything."""
        self._due.clear()
        self._limits.clear()
        self._frozen.clear()

    def stored(self, name: str, value: float) -> float:
        """What the device makes of a setting; simulators pass every number that they are sent through here."""
        low, high = self._limits.get(name, (value, value))
        return min(max(value, low), high)

    def seen(self, name: str, value: object) -> object:
        """What the device says of ``name``; simulators pass every value that they report through here."""
        return self._frozen.get(name, value)
