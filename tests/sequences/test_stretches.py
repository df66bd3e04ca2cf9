"""Stretches: where they are cut, and that repeats are the same as writing it all out."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.sequences.language import INPUT, Apart, Block, Choose, Gate, Herald, Repeat, Seq, Until, Wait
from eventready.sequences.stretches import cut
from eventready.sequences.tree import fixed_length_ps

A, B, C = (Block(name, length) for name, length in (("a", 2), ("b", 3), ("c", 5)))
TRY = Block("try", 7, (), (Gate("d", 0, 1),))
HERALD = Herald("h", {"d"})
flat = st.recursive(
    st.sampled_from([A, B, C, Wait("w", 11, fixed=True)]),
    lambda inner: st.lists(inner, max_size=4).map(Seq) | st.builds(Repeat, inner, st.integers(0, 4)),
    max_leaves=8,
)


def written_out(item):
    """Blocks and waits one by one, with their starts, by stepping."""
    found, now = [], 0

    def step(each):
        nonlocal now
        if isinstance(each, Seq):
            for child in each.items:
                step(child)
        elif isinstance(each, Repeat):
            for _ in range(each.n):
                step(each.body)
        else:
            if isinstance(each, Block):
                found.append((now, each.name))
            now += fixed_length_ps(each)

    step(item)
    return found, now


@settings(deadline=None, derandomize=True)
@given(flat)
def test_what_runs_through_is_one_stretch_and_the_same_written_out(item):
    found, length = written_out(item)
    stretches = cut(item)
    starts = sorted((int(start), placed.block.name) for stretch in stretches for placed in stretch.placed for start in placed.starts_ps)
    assert starts == sorted(found)
    assert sum(stretch.length_ps for stretch in stretches) in {length, 0}
    assert len(stretches) <= 1


def test_cut_where_something_is_decided():
    tree = Seq(
        [
            A,
            Until(Seq([Repeat(TRY, 3), B]), [HERALD], 30),
            C,
            Wait("w", 9, fixed=True),
            A,
            Wait("shutter", 9),
            B,
            Choose(INPUT, {0: A, 1: B}),
            Apart({"x": C, "y": Seq([A, B])}),
        ]
    )
    found = [(stretch.name, stretch.path, stretch.trigger, stretch.length_ps) for stretch in cut(tree)]
    assert found == [
        ("a", "a", "start", 2),
        ("try+b", "until/x3/try", "start", 24),
        ("c+a", "c", "herald", 16),
        ("b", "b", "shutter", 3),
        ("a", "input=0/a", "input=0", 2),
        ("b", "input=1/b", "input=1", 3),
        ("c", "x/c", "end of the choice", 5),
        ("a+b", "y/a", "end of the choice", 5),
    ]


def test_a_device_that_repeats_attempts_by_itself_gets_one_of_them():
    tree = Until(Seq([Repeat(TRY, 3), B]), [HERALD], 30)
    (whole,) = cut(tree)
    assert whole.until is tree
    assert not whole.cycle
    np.testing.assert_array_equal(whole.placed[0].starts_ps, [0, 7, 14])
    cycle, rest = cut(tree, cycles=True)
    assert (cycle.cycle, cycle.length_ps, cycle.placed[0].path, list(cycle.placed[0].starts_ps)) == (True, 7, "until/x3/try", [0])
    assert (rest.cycle, rest.length_ps, rest.placed[0].path) == (False, 3, "until/b")
