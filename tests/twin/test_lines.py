"""What a line does to messages: exactly by the script, whenever and in whatever order it is asked, and all of it in the truth."""

import io
import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eventready.twin.disturbances import Disturbances
from eventready.twin.fault_script import Timing, parse_fault_script
from eventready.twin.lines import Carried, Spells
from eventready.twin.spell import NEVER_PS, Interval, intervals

S = 10**12


def lines(*faults, seed=1, segment=0, begin_ps=0, truth=None):
    script = parse_fault_script("faults:\n" + "".join(f"  - {fault}\n" for fault in faults), "f")
    return Disturbances(script, seed, truth).lines(begin_ps, segment)


def test_without_faults_there_are_no_lines():
    assert lines("{slot: bob.shutter, fault: stuck, at: 1 s}") == {}
    assert set(lines("{line: bob, fault: down, at: 1 s}")) == {"alice", "bob"}


def test_a_line_that_is_down_holds_messages_until_it_is_up_again():
    bob = lines("{line: bob, fault: down, at: 1 s, for: 2 s}")["bob"]
    assert bob.carry(S - 1, "Ready") == Carried(S - 1, None, held=False)
    assert bob.carry(S, "Ready") == Carried(3 * S, None, held=True)
    assert bob.carry(3 * S - 1, "Ready") == Carried(3 * S, None, held=True)
    assert bob.carry(3 * S, "Ready") == Carried(3 * S, None, held=False)
    assert bob.carry(2 * S, "Accepted 1", 3) == Carried(3 * S, 3, held=True), "asked about the past, since nodes have times of their own"


def test_outages_that_overlap_are_one():
    bob = lines(
        "{line: bob, fault: down, at: 1 s, for: 2 s}", "{line: bob, fault: down, at: 2 s, for: 3 s}", "{line: alice, fault: down, at: 5 s}"
    )["bob"]
    assert bob.carry(round(1.5 * S), "Ready").leaves_ps == 5 * S


def test_what_waits_for_a_line_that_never_comes_up_never_arrives():
    alice = lines("{line: alice, fault: down, at: 1 s}")["alice"]
    assert alice.carry(S, "Ready") == Carried(None, None, held=True)


def test_the_other_line_is_left_alone():
    alice = lines("{line: bob, fault: lossy, probability: 1, at: 0 s}", "{line: bob, fault: garbled, probability: 1, at: 0 s}")["alice"]
    assert alice.carry(S, "Accepted 1", 3) == Carried(S, 3, held=False)
    assert not alice.is_troubled(S)


def test_a_lossy_line_loses_as_many_as_it_should():
    """1000 messages, each lost with 0.1: 100 with sigma 9.5. Outside of 57 .. 143 by chance: p < 1e-5; the seed is fixed."""
    bob = lines("{line: bob, fault: lossy, probability: 10 %, at: 0 s, for: 1 h}")["bob"]
    lost = [bob.carry(k * S, f"Accepted {k}").leaves_ps is None for k in range(1000)]
    assert 57 < sum(lost) < 143
    assert bob.carry(3600 * S, "Accepted 3600").leaves_ps == 3600 * S


def test_what_is_lost_hangs_on_the_message_the_seed_and_the_segment_and_on_nothing_else():
    """Else the acknowledgements, which come when the disk is ready, would change the fate of every round."""
    fault = "{line: bob, fault: lossy, probability: 50 %, at: 0 s}"

    def fates(seed=1, segment=0, order=1):
        bob = lines(fault, seed=seed, segment=segment)["bob"]
        found = {k: bob.carry(k * S, f"Accepted {k}").leaves_ps for k in range(64)[::order]}
        return [found[k] is None for k in range(64)]

    assert fates() == fates(order=-1)
    assert fates() != fates(seed=2), "the same by chance: p = 2^-64"
    assert fates() != fates(segment=1), "else what was lost would be lost again for ever"


def test_a_garbled_herald_has_another_pattern_and_nothing_else_is_garbled():
    """Of 15 other patterns each should come in 200: missing one by chance has p < 15 exp(-200/15) = 2.5e-5; the seed is fixed."""
    bob = lines("{line: bob, fault: garbled, probability: 1, at: 0 s}")["bob"]
    carried = [bob.carry(k, f"Accepted {k}", 0b0011) for k in range(200)]
    assert {message.pattern for message in carried} == set(range(16)) - {0b0011}
    assert [message.leaves_ps for message in carried] == list(range(200))
    assert bob.carry(S, "Ready") == Carried(S, None, held=False)


@given(st.lists(st.integers(0, 400), max_size=30), st.integers(0, 2**32))
def test_asked_in_any_order_a_fault_holds_when_it_holds(times, seed):
    timing = Timing(None, 30.0, 10.0)
    known = []
    for interval in intervals(timing, np.random.default_rng(seed)):
        known.append(interval)
        if interval.start_ps > 400 * S:
            break
    noted = []
    spells = Spells(intervals(timing, np.random.default_rng(seed)), 0, lambda now_ps, begins: noted.append((now_ps, begins)))
    for time in times:
        expected = next((stop for start, stop in known if start <= time * S < stop), None)
        assert spells.until_ps(time * S) == expected
    begun = [interval for interval in known if interval.start_ps <= max(times, default=-1) * S]
    assert [now_ps for now_ps, begins in noted if begins] == [interval.start_ps for interval in begun]
    over = [interval.stop_ps for interval in begun if interval.stop_ps <= max(times, default=-1) * S]
    assert [now_ps for now_ps, begins in noted if not begins] == over


def test_what_was_over_before_a_segment_began_is_not_told_again():
    noted = []
    when = iter([Interval(1, 3), Interval(5, 9), Interval(20, NEVER_PS)])
    spells = Spells(when, 6, lambda now_ps, begins: noted.append((now_ps, begins)))
    assert spells.until_ps(7) == 9
    assert spells.until_ps(15) is None
    assert noted == [(5, True), (9, False)]


def test_the_truth_names_every_outage_and_every_message_that_did_not_come_as_it_was():
    truth = io.StringIO()
    bob = lines(
        "{line: bob, fault: down, at: 1 s, for: 2 s}",
        "{line: bob, fault: garbled, probability: 1, at: 6 s, for: 1 s}",
        "{line: bob, fault: lossy, probability: 1, at: 8 s, for: 1 s}",
        truth=truth,
    )["bob"]
    for k in range(10):
        bob.carry(k * S, f"Accepted {k} from bsm to bob", 3)
    told = [json.loads(line) for line in truth.getvalue().splitlines()]
    assert {line["what"] for line in told} == {"line bob"}
    assert sorted((line["t_s"], line["value"]) for line in told) == [
        (1, "down"),
        (3, "down: over"),
        (6, "garbled"),
        (6, "garbled: Accepted 6 from bsm to bob"),
        (7, "garbled: over"),
        (8, "lossy"),
        (8, "lost: Accepted 8 from bsm to bob"),
        (9, "lossy: over"),
    ]
