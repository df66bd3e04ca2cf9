"""What holds for the rounds of both links."""

import dataclasses

from eventready.sequences.lowering import lower
from eventready.sequences.tree import part, walk


def test_every_timing_is_in_the_round(link):
    before = link.module.link_round(link.timings, link.plan)
    for field in dataclasses.fields(link.timings):
        changed = dataclasses.replace(link.timings, **{field.name: 2 * getattr(link.timings, field.name) or 1e-9})
        assert link.module.link_round(changed, link.plan) != before, field.name


def test_one_node_s_program_needs_only_its_part_of_the_round(link):
    tree = link.module.link_round(link.timings, link.plan)
    for node in ("alice", "bob", "bsm"):
        assert lower(part(tree, node), node) == lower(tree, node)


def test_a_node_s_part_says_nothing_of_the_others(link):
    tree = link.module.link_round(link.timings, link.plan)
    for node in ("alice", "bob", "bsm"):
        mine = part(tree, node)
        blocks = [item for _, item in walk(mine) if hasattr(item, "pulses")]
        names = [pulse.line for block in blocks for pulse in block.pulses] + [gate.detector for block in blocks for gate in block.gates]
        assert names
        assert {name.partition(".")[0] for name in names} == {node}
