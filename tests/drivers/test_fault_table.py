"""The drivers' tests, taken together, leave no generic fault out, and the table itself catches a driver that lies."""

from __future__ import annotations

import pytest

from eventready.errors import DeviceConnectionError
from eventready.stations.catalogue import DEVICES
from eventready.testing import FaultTable
from eventready.twin.devices import Fault

FAULTS = [fault.value for fault in Fault]


@pytest.mark.parametrize("row", DEVICES, ids=lambda row: row.model)
def test_every_driver_has_met_every_fault(complete_fault_table: FaultTable, row) -> None:
    assert complete_fault_table.untried(row.model, FAULTS) == []
    assert len(FAULTS) == 10


def told_nothing() -> None:
    raise DeviceConnectionError("device", "no answer")


def prove(table: FaultTable, *, command=lambda: None, done=True, said: object = "closed", truth: object = "closed") -> None:
    def ask() -> object:
        if isinstance(said, Exception):
            raise said
        return said

    table.prove("device", "the answer is lost", command, done=lambda: done, ask=ask, truth=lambda: truth, unknown=("unknown",))


def test_a_false_success_is_caught() -> None:
    with pytest.raises(AssertionError, match="device: reported success although the answer is lost"):
        prove(FaultTable(), done=False)


def test_a_false_state_is_caught() -> None:
    with pytest.raises(AssertionError, match="the driver says open, in truth it is closed"):
        prove(FaultTable(), said="open")


def test_an_error_that_is_none_of_ours_is_caught() -> None:
    with pytest.raises(ZeroDivisionError):
        prove(FaultTable(), command=lambda: 1 / 0)


def test_the_table_shows_errors_true_states_and_what_was_never_tried() -> None:
    table = FaultTable()
    prove(table)
    prove(table, command=told_nothing, done=False, said="unknown")
    prove(table, command=told_nothing, said=DeviceConnectionError("device", "still no answer"))
    head, lost, late = table.matrix(["the answer is lost", "the answer comes late"])
    assert head.split() == ["device"]
    assert lost.endswith("  typed error (2), true state (1)")
    assert late.endswith("  -")
    assert table.untried("device", FAULTS) == FAULTS[1:]
    text = "\n".join(table.lines())
    assert "done, in truth (1)" in text
    assert "says that it cannot tell (1)" in text
    assert "still DeviceConnectionError (1)" in text
