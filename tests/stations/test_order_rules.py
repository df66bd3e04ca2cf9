import itertools
import re

import pytest

from eventready.stations.order_rules import RULES, STEPS, order_problems

GOOD = {
    ("rb87", "alice"): "accepted input readout_pulse fluorescence record empty_trap reload",
    ("rb87", "bob"): "accepted close_shutter input readout_pulse shutter_confirmed fluorescence record empty_trap open_shutter reload",
    ("sr88", "alice"): "accepted shuttle isolated_both round_type input rotate fluorescence record scramble reconnect",
    ("sr88", "bob"): "accepted shuttle isolated_both round_type input rotate fluorescence record scramble reconnect",
}


def allowed(platform, party, order):
    return order_problems(platform, party, tuple(order)) == []


@pytest.mark.parametrize(("where", "order"), GOOD.items())
def test_the_published_orders_are_allowed(where, order):
    assert allowed(*where, order.split())


@pytest.mark.parametrize("where", GOOD)
def test_steps_and_rules_know_each_other(where):
    platform, party = where
    assert set(GOOD[where].split()) == set(STEPS[platform][party])
    everywhere = set().union(*STEPS[platform].values())
    assert {step for rule in RULES[platform] for step in rule[:2]} == everywhere


@pytest.mark.parametrize(
    ("platform", "party", "first", "then"),
    [
        ("rb87", "bob", "shutter_confirmed", "fluorescence"),
        ("rb87", "bob", "empty_trap", "open_shutter"),
        ("rb87", "alice", "accepted", "input"),
        ("rb87", "alice", "record", "empty_trap"),
        ("rb87", "alice", "input", "readout_pulse"),
        ("sr88", "bob", "isolated_both", "round_type"),
        ("sr88", "alice", "isolated_both", "input"),
        ("sr88", "alice", "round_type", "input"),
        ("sr88", "bob", "record", "scramble"),
        ("sr88", "bob", "scramble", "reconnect"),
    ],
)
def test_a_swap_that_opens_the_laboratory_is_refused_with_the_reason(platform, party, first, then):
    order = GOOD[platform, party].split()
    i, j = order.index(first), order.index(then)
    order[i], order[j] = order[j], order[i]
    messages = [message for _, message in order_problems(platform, party, tuple(order))]
    assert any(re.match(f"'{first}' must come before '{then}': .{{20}}", message) for message in messages)


def test_the_only_freedom_is_when_the_shutter_is_commanded():
    steps = GOOD["rb87", "bob"].split()
    rest = [step for step in steps if step != "close_shutter"]
    places = [k for k in range(len(steps)) if allowed("rb87", "bob", [*rest[:k], "close_shutter", *rest[k:]])]
    assert places == [1, 2, 3]  # after the herald, before it must be confirmed
    for where in (("rb87", "alice"), ("sr88", "bob")):
        order = GOOD[where].split()
        for i, j in itertools.combinations(range(len(order)), 2):
            swapped = list(order)
            swapped[i], swapped[j] = order[j], order[i]
            assert not allowed(*where, swapped)


@pytest.mark.parametrize("where", GOOD)
def test_every_step_exactly_once(where):
    order = GOOD[where].split()
    for k, step in enumerate(order):
        assert (None, f"the step {step!r} is missing") in order_problems(*where, (*order[:k], *order[k + 1 :]))
        assert (len(order), f"the step {step!r} is listed twice") in order_problems(*where, (*order, step))


def test_an_unknown_step_is_reported_once_with_what_was_meant():
    order = tuple(GOOD["sr88", "bob"].replace("scramble", "scrambel").split())
    assert order_problems("sr88", "bob", order) == [(8, "bob of sr88 has no step 'scrambel'; did you mean 'scramble'?")]


def test_alice_of_rb87_has_no_shutter():
    order = GOOD["rb87", "bob"].split()
    assert [position for position, _ in order_problems("rb87", "alice", tuple(order))] == [1, 4, 8]
