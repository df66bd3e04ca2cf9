"""The table of what happens after each fault: a driver ends with a typed error or with the true state, and never with a false success."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from ...errors import DeviceError

_TRIES = 3
_DONE = "done, in truth"


class FaultTable:
    """Collects, by device and fault, what a command did and what the driver said afterwards; printed at the end of the test run.

    The fixture ``fault_table`` gives the one of a test run.
    """

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], tuple[Counter[str], Counter[str]]] = {}

    def prove(
        self,
        device: str,
        fault: str,
        command: Callable[[], object],
        *,
        done: Callable[[], bool],
        ask: Callable[[], object],
        truth: Callable[[], object],
        unknown: Collection[object] = (),
    ) -> None:
        """Give a command while something goes wrong, then ask for the state. Fails on any false success and on any false answer.

        Args:
            device: for the table.
            fault: what goes wrong, for the table.
            command: the command; it may raise one of our errors.
            done: whether the device has done it, in truth.
            ask: the state by the driver; after a fault it may take one more error, or two, until the device is reached again.
            truth: the state.
            unknown: answers by which the driver admits that it cannot tell.
        """
        during, afterwards = self.rows.setdefault((device, fault), (Counter(), Counter()))
        try:
            command()
        except DeviceError as error:
            assert error.device, error
            during[type(error).__name__] += 1
        else:
            assert done(), f"{device}: reported success although {fault}"
            during[_DONE] += 1
        afterwards[self._said(device, fault, ask, truth, unknown)] += 1

    def _said(self, device: str, fault: str, ask: Callable[[], object], truth: Callable[[], object], unknown: Collection[object]) -> str:
        errors = []
        for _ in range(_TRIES):
            try:
                said = ask()
            except DeviceError as error:
                errors.append(type(error).__name__)
                continue
            if said in unknown:
                return "says that it cannot tell"
            assert said == truth(), f"{device}: after {fault} the driver says {said}, in truth it is {truth()}"
            return "true state" if not errors else f"true state after {' and '.join(errors)}"
        return f"still {errors[-1]}"

    def lines(self) -> list[str]:
        """The table as text."""
        rows: list[tuple[str, ...]] = [("device", "what goes wrong", "the command", "then")]
        for (device, fault), outcomes in self.rows.items():
            rows.append((device, fault, *(", ".join(f"{what} ({n})" for what, n in seen.most_common()) for seen in outcomes)))
        return _aligned(rows)

    def matrix(self, faults: Sequence[str]) -> list[str]:
        """A line for each of ``faults`` with a cell for each device: what has been seen, or ``-`` where that was never tried."""
        devices = list(dict.fromkeys(device for device, _ in self.rows))
        rows = [("", *devices), *((fault, *(self._cell(device, fault) for device in devices)) for fault in faults)]
        return _aligned(rows)

    def untried(self, device: str, faults: Sequence[str]) -> list[str]:
        """Those of ``faults`` that this device never had."""
        return [fault for fault in faults if self._cell(device, fault) == "-"]

    def _cell(self, device: str, fault: str) -> str:
        seen = [during for (name, what), (during, _) in self.rows.items() if name == device and what.startswith(fault)]
        good = sum(during[_DONE] for during in seen)
        errors = sum(during.total() for during in seen) - good
        parts = [f"typed error ({errors})" if errors else "", f"true state ({good})" if good else ""]
        return ", ".join(filter(None, parts)) or "-"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
