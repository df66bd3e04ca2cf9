"""What every driver's tests share: the table of what happens after each fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

import pytest

from eventready.errors import DeviceError

_TABLE = pytest.StashKey["FaultTable"]()
_TRIES = 3


class FaultTable:
    """Collects, by device and fault, what a command did and what the driver said afterwards; printed at the end of the test run."""

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
            during["done, in truth"] += 1
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
        rows = [("device", "what goes wrong", "the command", "then")]
        for (device, fault), outcomes in self.rows.items():
            rows.append((device, fault, *(", ".join(f"{what} ({n})" for what, n in seen.most_common()) for seen in outcomes)))
        widths = [max(len(row[k]) for row in rows) for k in range(4)]
        return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


@pytest.fixture
def fault_table(pytestconfig: pytest.Config) -> FaultTable:
    """The one table of this test run; see :meth:`FaultTable.prove`."""
    return pytestconfig.stash.setdefault(_TABLE, FaultTable())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    table = config.stash.get(_TABLE, None)
    if table is not None and table.rows:
        terminalreporter.section("faults: a typed error or the true state, never a false success (number of trials)")
        for line in table.lines():
            terminalreporter.write_line(line)
