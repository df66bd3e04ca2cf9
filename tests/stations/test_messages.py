"""Nodes say only what three PCs may say to each other; that no message says more in other words is shown in test_traffic."""

import typing

import pytest

from eventready.stations import messages

KINDS = typing.get_args(messages.Message)
MAY_BE_SAID = {
    "sender": str,
    "time_ps": int,
    "n": int,
    "pattern": int,
    "herald_ps": int,
    "attempts": int,
    "cause": str,
    "reached": bool,
    "is_test": bool,
    "last": bool,
    "digest": bytes,
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_message_has_room_for_a_setting_an_outcome_or_counts(kind):
    assert {name: MAY_BE_SAID.get(name) for name in kind._fields} == typing.get_type_hints(kind)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_message_says_who_and_when(kind):
    assert kind._fields[:2] == ("sender", "time_ps")


def test_a_digest_comes_from_the_heralding_station_only():
    """It has room for more than a digest; a node that knows a setting or an outcome sends none."""
    assert {kind for kind in KINDS if "digest" in kind._fields} == {messages.Durable}
    assert messages.Durable not in messages.BETWEEN_PARTIES


def test_words_come_from_two_kinds_of_message_only():
    assert {kind for kind in KINDS if "cause" in kind._fields} == {messages.Recheck, messages.Suspend}


def test_parties_tell_each_other_isolation_and_the_round_type_only():
    assert set(messages.BETWEEN_PARTIES) == {messages.Isolated, messages.RoundTypeBit}
    assert {kind for kind in KINDS if "is_test" in kind._fields} == {messages.RoundTypeBit}
