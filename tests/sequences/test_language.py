"""The description: whole picoseconds, paths, lengths, parts."""

import pytest

from eventready.errors import SequenceError
from eventready.sequences.language import (
    HERALD,
    INPUT,
    Apart,
    Block,
    Choose,
    Gate,
    Herald,
    Level,
    Pulse,
    Repeat,
    Seq,
    Tone,
    Until,
    Wait,
    ms,
    ns,
    us,
)
from eventready.sequences.tree import blocks, fixed_length_ps, part, select, walk

ATTEMPT = Block("attempt", 10 * us, [Pulse("alice.pump", 1 * us, 2 * us)], [Gate("bsm.d0", 5 * us, 60 * ns)])
BURST = Seq([Repeat(ATTEMPT, 3), Block("cooling", 7 * us, [Pulse("bob.cooling", 0, 7 * us)])])
ARMS = {0: Block("readout", 4 * us, [Pulse("alice.readout", 0, us)]), 1: Block("readout", 4 * us)}
TREE = Seq(
    [
        Until(BURST, [Herald("psi+", {"bsm.d0", "bsm.d1"})], limit=30),
        Apart({"alice": Seq([Wait(INPUT, us, fixed=True), Choose(INPUT, ARMS)], fallback=0), "bob": Wait("shutter", ms)}),
    ]
)


def test_units_are_whole_picoseconds():
    assert Pulse("a.b", 0.6 * us, 2.5 * ns) == Pulse("a.b", 600_000, 2_500)
    assert isinstance(Pulse("a.b", 0.6 * us, 1).at_ps, int)


@pytest.mark.parametrize("wrong", [0.5, float("nan"), float("inf"), "3 us", None])
def test_a_time_that_is_none_is_refused(wrong):
    with pytest.raises(SequenceError, match=r"Pulse\.width_ps.*whole number of picoseconds.*3 \* us"):
        Pulse("a.b", 0, wrong)


def test_paths_lead_to_every_leaf():
    leaves = [path for path, item in walk(TREE) if isinstance(item, Block | Wait)]
    assert leaves == [
        "until/x3/attempt",
        "until/cooling",
        "alice/wait input",
        "alice/input=0/readout",
        "alice/input=1/readout",
        "bob/wait shutter",
    ]


@pytest.mark.parametrize(
    ("item", "length"),
    [
        (ATTEMPT, 10 * us),
        (BURST, 37 * us),
        (Repeat(BURST, 2), 74 * us),
        (Wait("x", 5), None),
        (Wait("x", 5, fixed=True), 5),
        (Choose(INPUT, ARMS), 4 * us),
        (Choose(INPUT, {0: ATTEMPT, 1: ARMS[0]}), None),
        (Until(ATTEMPT, [], 1), None),
        (Seq([ATTEMPT, Wait("x", 5)]), None),
        (Seq([]), 0),
        (TREE, None),
    ],
)
def test_lengths(item, length):
    assert fixed_length_ps(item) == length


def test_a_part_keeps_its_time():
    mine = part(TREE, "alice")
    assert [(block.name, block.length_ps, len(block.pulses), len(block.gates)) for _, block in blocks(mine)] == [
        ("attempt", 10 * us, 1, 0),
        ("cooling", 7 * us, 0, 0),
        ("readout", 4 * us, 1, 0),
        ("readout", 4 * us, 0, 0),
    ]
    assert "shutter" not in str(mine)
    assert part(TREE, "bsm") == part(part(TREE, "bsm"), "bsm")


def test_everything_selected_is_the_tree_itself():
    assert select(TREE, lambda line: True) == TREE


def test_sequences_are_equal_however_their_parts_were_given():
    assert Seq([ATTEMPT]) == Seq((ATTEMPT,))
    assert Herald("a", ["x", "y"]) == Herald("a", ("y", "x"))
    assert str(Level(-0.0)) == str(Level(0))
    assert str(Tone(1, -0.0)) == str(Tone(1.0, 0))


def test_what_is_described_cannot_be_changed():
    arms = {0: ATTEMPT}
    choice = Choose(HERALD, arms)
    arms[1] = ATTEMPT
    assert list(choice.arms) == [0]
    with pytest.raises(TypeError):
        choice.arms[1] = ATTEMPT
