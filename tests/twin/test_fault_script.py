"""Fault scripts: what is read, and that every mistake is refused with its line."""

from __future__ import annotations

import math

import pytest

from eventready.errors import ConfigError
from eventready.twin.fault_script import (
    LINE_FAULTS,
    SLOT_FAULTS,
    Drift,
    LineFault,
    QuantityFault,
    SlotFault,
    Timing,
    load_fault_script,
    parse_fault_script,
)

GOOD = """\
faults:
  - {slot: bob.readout, fault: unlocked, at: "2 h", for: "3 min"}
  - {slot: bob.shutter, fault: stuck, at: "0 s"}
  - {quantity: bsm.dark_rate, value: "500 /s", at: "1 h", for: "10 min"}
  - {quantity: bob.channel_transmission, value: 0.1, every: "8 h", for: "5 min"}
  - {line: bob, fault: down, at: "6 h", for: "3 min"}
  - {line: alice, fault: lossy, probability: 1 %, every: "1 h", for: "1 s"}
drifts:
  - {quantity: bob.fibre_rotation, sigma: "3 deg", time: "1 h"}
"""


def test_a_script_is_read_in_si_units() -> None:
    script = parse_fault_script(GOOD, "faults.yaml")
    assert script.slots == (
        SlotFault("bob.readout", "unlocked", Timing(7200, None, 180)),
        SlotFault("bob.shutter", "stuck", Timing(0, None, math.inf)),
    )
    assert script.quantities == (
        QuantityFault("bsm.dark_rate", 500, Timing(3600, None, 600)),
        QuantityFault("bob.channel_transmission", 0.1, Timing(None, 28800, 300)),
    )
    assert script.lines == (
        LineFault("bob", "down", Timing(21600, None, 180)),
        LineFault("alice", "lossy", Timing(None, 3600, 1), 0.01),
    )
    assert script.drifts == (Drift("bob.fibre_rotation", pytest.approx(math.radians(3)), 3600),)
    assert script.text == GOOD


def test_a_file_is_read_like_a_text(tmp_path) -> None:
    path = tmp_path / "Störungen.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert load_fault_script(path) == parse_fault_script(GOOD, str(path))
    with pytest.raises(ConfigError, match="cannot read this fault script"):
        load_fault_script(tmp_path / "none.yaml")


def test_an_empty_script_disturbs_nothing() -> None:
    script = parse_fault_script("{}", "faults.yaml")
    assert (script.slots, script.quantities, script.drifts, script.lines) == ((), (), (), ())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{slot: bob.readout, fault: unlokced, at: 1 s}", "'unlokced' is no fault; did you mean 'unlocked'"),
        ("{slot: bob.readout, at: 1 s}", "either slot and fault, or quantity and value"),
        ("{slot: bob.readout, fault: unlocked, quantity: bsm.dark_rate, value: 1 /s, at: 1 s}", "either slot and fault"),
        ("{quantity: bsm.darkrate, value: 1 /s, at: 1 s}", "did you mean 'bsm.dark_rate'"),
        ("{quantity: bsm.dark_rate, value: 500, at: 1 s}", "has no unit"),
        ("{quantity: bsm.dark_rate, value: 5 s, at: 1 s}", "unit of time"),
        ("{slot: a.b, fault: stuck}", "give at: or every:"),
        ("{slot: a.b, fault: stuck, at: 1 s, every: 1 h}", "give at: or every:"),
        ("{slot: a.b, fault: stuck, every: 1 h}", "must end; give for:"),
        ("{slot: a.b, fault: stuck, at: -1 s}", "too short"),
        ("{slot: a.b, fault: stuck, at: 1 s, for: 0 s}", "too short"),
        ("{slot: a.b, fault: stuck, at: 5}", "has no unit"),
        ("{slot: a.b, fault: stuck, at: 1 s, whenever: 2 s}", "unknown key 'whenever'"),
        ("{line: bop, fault: down, at: 1 s}", "'bop' is no line; did you mean 'bob'"),
        ("{line: bob, fault: lost, at: 1 s, probability: 0.1}", "'lost' cannot befall a line; did you mean 'lossy'"),
        ("{line: bob, fault: stuck, at: 1 s}", "'stuck' cannot befall a line"),
        ("{line: bob, fault: down, probability: 0.1, at: 1 s}", "down has none"),
        ("{line: bob, fault: lossy, at: 1 s}", "need a probability"),
        ("{line: bob, fault: lossy, probability: 0, at: 1 s}", "above 0 and at most 1, not 0"),
        ("{line: bob, fault: garbled, probability: 1.5, at: 1 s}", "above 0 and at most 1, not 1.5"),
        ("{line: bob, fault: garbled, probability: often, at: 1 s}", "probability: 'often' is not a fraction"),
        ("{line: bob, slot: bob.readout, fault: down, at: 1 s}", "or line and fault"),
        ("{slot: bob.readout, fault: unlocked, probability: 0.1, at: 1 s}", "either slot and fault"),
        ("{line: bob, at: 1 s}", "or line and fault"),
        ("nonsense", "a fault must be a mapping"),
    ],
)
def test_a_mistake_is_refused_with_its_line(line: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        parse_fault_script(f"# a comment\nfaults:\n  - {line}\n", "faults.yaml")
    assert str(caught.value).startswith("faults.yaml:3: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("drifts:\n  - {quantity: bob.fibre_rotation, sigma: 0 deg, time: 1 h}\n", "sigma must be above 0"),
        ("drifts:\n" + "  - {quantity: bob.leak, sigma: 0.1, time: 1 h}\n" * 2, "drifts twice"),
        ("faults: none\n", "must be a list"),
        ("fautls: []\n", "did you mean 'faults'"),
        ("faults: [\n", "not YAML"),
    ],
)
def test_so_is_everything_else(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_fault_script(text, "faults.yaml")


def test_every_fault_says_what_it_is() -> None:
    assert all(meaning for _, meaning in SLOT_FAULTS.values())
    assert all(LINE_FAULTS.values())
