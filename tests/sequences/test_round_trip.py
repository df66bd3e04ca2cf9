"""Decompile: what a table plays, delays put back, is the description, edge for edge."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from eventready.sequences.check import check
from eventready.sequences.compile import compile
from eventready.sequences.language import OFF, ON, Block, Gate, Herald, Level, Pulse, Repeat, Seq, Tone, Until, ns, us
from eventready.sequences.targets import ARTIQ, MOGLABS, PULSE_STREAMER, TARGETS, artiq, moglabs, pulse_streamer
from eventready.sequences.wiring import Line, wire
from eventready.stations.config import load_link
from eventready.stations.link_sequence import link_round, link_wiring


def written_out(item, line):
    """Pulses and gates of one line by stepping through a tree; neighbours that touch and play the same are one."""
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
            mine = [(p.at_ps, p.end_ps, p.drive) for p in each.pulses if p.line == line]
            mine += [(g.at_ps, g.end_ps, ON) for g in each.gates if g.detector == line]
            for start, stop, drive in sorted(mine, key=lambda one: one[0]):
                if found and found[-1][1] == now + start and found[-1][2] == drive:
                    found[-1] = (found[-1][0], now + stop, drive)
                else:
                    found.append((now + start, now + stop, drive))
            now += each.length_ps

    step(item)
    return tuple(found)


@st.composite
def trees(draw, lines, grid, slack, drives):
    """Blocks, repeats and sequences of them; every pulse on the grid at its port, ``slack`` grid steps apart or touching."""
    step = grid * slack
    lead = Block("lead", (max(line.delay_ps for line in lines) // step + 4) * step)

    def block(k):
        length, pulses = draw(st.integers(12, 40)) * step, []
        for line in lines:
            now = line.delay_ps % grid  # on the grid at the port
            for _ in range(draw(st.integers(0, 3))):
                start = now + draw(st.integers(0 if pulses and pulses[-1].line == line.name else 1, 4)) * step
                stop = start + draw(st.integers(1, 4)) * step
                if stop > length - step:
                    break
                pulses.append(Pulse(line.name, start, stop - start, draw(drives(line))))
                now = stop
        return Block(f"b{k}", length, pulses)

    items = [block(k) for k in range(draw(st.integers(1, 4)))]
    repeated = [Repeat(item, draw(st.integers(1, 5))) if draw(st.booleans()) else item for item in items]
    return Seq([lead, *repeated, Repeat(Seq(items[1:]), draw(st.integers(1, 2)))])


delays = st.integers(0, 5)


@st.composite
def streamer_cases(draw):
    idle = st.sampled_from([ON, OFF])
    ports = draw(st.permutations(range(8)))[:3]
    lines = [Line(f"a.d{k}", f"dev.ch{port}", draw(delays) * 37 * ns, idle=draw(idle)) for k, port in enumerate(ports)]
    lines.append(Line("a.analog", "dev.ao0", draw(delays) * 11 * ns, idle=Level(0.0)))
    volts = st.integers(-0x7FFF, 0x7FFF).map(lambda word: Level(word / 0x7FFF))
    return lines, draw(trees(lines, ns, 1, lambda line: volts if line.name == "a.analog" else st.sampled_from([ON, OFF])))


def expected(tree, line):
    """What is played at the atom: a pulse that plays what the line idles at is none."""
    return tuple(span for span in written_out(tree, line.name) if span[2] != line.idle)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(streamer_cases())
def test_pulse_streamer(case):
    lines, tree = case
    wiring = wire(lines)
    assert check(tree, wiring, PULSE_STREAMER) == []
    tables = compile(tree, wiring, PULSE_STREAMER)
    played = pulse_streamer.replay(tables[0], wiring) if tables else {}
    for line in lines:
        assert played.get(line.name, ()) == expected(tree, line)


@st.composite
def artiq_cases(draw):
    lines = [
        Line("a.d", "dev.ttl3", draw(delays) * 37 * ns, idle=draw(st.sampled_from([ON, OFF]))),
        Line("a.e", "dev.out0", draw(delays) * 41 * ns),
        Line("a.rf", "dev.dds0", draw(delays) * 13 * ns),
        Line("a.v", "dev.dac1", draw(delays) * 17 * ns, idle=Level(0.0)),
    ]
    kinds = {"rf": st.builds(Tone, st.just(80e6), st.floats(-20, 20), st.floats(0, 6)), "v": st.floats(-5, 5).map(Level)}
    return lines, draw(trees(lines, ns, 8, lambda line: kinds.get(line.name[2:], st.sampled_from([ON, OFF]))))


@settings(deadline=None, derandomize=True, max_examples=150)
@given(artiq_cases())
def test_artiq_events(case):
    lines, tree = case
    wiring = wire(lines)
    assert check(tree, wiring, ARTIQ) == []
    made = compile(tree, wiring, ARTIQ)
    played = artiq.replay_list(made.lists[0], wiring) if made.lists else {}
    for line in lines:
        assert played.get(line.name, ()) == expected(tree, line)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.data())
def test_artiq_cycles(data):
    clock = 8 * ns
    lines = [Line(f"a.o{k}", f"dev.out{k}", data.draw(st.integers(0, 20)) * 3 * ns) for k in range(4)]
    inputs = [Line("a.ref", "dev.ref", data.draw(st.integers(0, 30)) * ns)]
    inputs += [Line(f"a.d{k}", f"dev.apd{k}", inputs[0].delay_ps + data.draw(st.integers(0, 30)) * ns) for k in range(4)]
    pulses = [Pulse("a.ref", 300 * ns, 5 * ns)]
    for line in lines:
        start, width = data.draw(st.integers(0, 50)), data.draw(st.integers(1, 50))
        pulses.append(Pulse(line.name, start * clock + line.delay_ps, width * clock))
    gates = []
    for line in inputs[1:]:
        start = data.draw(st.integers(8, 100)) * ns + 300 * ns - (line.delay_ps - inputs[0].delay_ps)
        gates.append(Gate(line.name, max(start, 308 * ns), data.draw(st.integers(1, 100)) * ns, "a.ref"))
    heralds = [Herald("h", {"a.d0", "a.d3"}), Herald("i", {"a.d1", "a.d2"})]
    tree = Until(Repeat(Block("try", 1000 * ns, pulses, gates), 7), heralds, 70)
    wiring = wire([*lines, *inputs])
    assert check(tree, wiring, ARTIQ) == []
    (cycle,) = compile(tree, wiring, ARTIQ).cycles
    played = artiq.replay_cycle(cycle, wiring)
    for pulse in pulses[1:]:
        assert played[pulse.line] == ((pulse.at_ps, pulse.end_ps, ON),)
    for gate in gates:
        assert played[gate.detector] == ((gate.at_ps - 300 * ns, gate.end_ps - 300 * ns, ON),)
    word = {register.address: register.word for register in cycle.registers}[artiq.HERALD]
    patterns = [{f"a.d{k}" for k in range(4) if word >> 4 * n + k & 1} for n in range(4) if word >> 16 + n & 1]
    assert patterns == [set(herald.clicks) for herald in heralds]


@st.composite
def moglabs_cases(draw):
    lines = [Line(f"a.rf{k}", f"dev.rf{k}", draw(delays) * us) for k in (1, 2)]
    tones = st.builds(Tone, st.sampled_from([80e6, 110e6]), st.integers(-20, 30), st.just(0.0))
    return lines, draw(trees(lines, us, 3, lambda line: tones))


@settings(deadline=None, derandomize=True, max_examples=150)
@given(moglabs_cases())
def test_moglabs(case):
    lines, tree = case
    wiring = wire(lines)
    assume(not check(tree, wiring, MOGLABS))  # a first edge after 1 or 2 us
    tables = compile(tree, wiring, MOGLABS)
    played = {}
    for table in tables:
        played |= moglabs.replay(table, wiring)
    for line in lines:
        assert played.get(line.name, ()) == expected(tree, line)


@pytest.mark.parametrize(("offset", "early"), [(400, -400), (500, 500), (600, 400), (-500, 500)])
def test_an_edge_off_the_grid_moves_to_the_nearest_within_its_tolerance(offset, early):
    line = Line("a.x", "dev.ch0", 10 * ns, tolerance_ps=500)
    block = Block("b", us, [Pulse("a.x", 100 * ns + offset, 50 * ns)])
    assert check(block, wire([line]), PULSE_STREAMER) == []
    (table,) = compile(block, wire([line]), PULSE_STREAMER)
    ((start, stop, drive),) = pulse_streamer.replay(table, wire([line]))["a.x"]
    assert (start - (100 * ns + offset), stop - start, drive) == (early, 50 * ns, ON)


@pytest.mark.parametrize("name", ["munich", "oxford"])
def test_the_links_play_what_they_describe(name):
    """Every line of every device, all edges within the line's tolerance, and no pulse more or less."""
    config = load_link(name)
    tree, wiring = link_round(config), link_wiring(config)
    from eventready.sequences.stretches import cut

    compared = 0
    for device, kind in wiring.devices.items():
        mine = wiring.of_device(device)
        made = compile(tree, mine, TARGETS[kind])
        whole = {stretch.path: stretch for stretch in cut(tree, cycles=TARGETS[kind].cycle is not None)}
        if kind == "artiq":
            tables = [(table.path, artiq.replay_list(table, mine)) for table in made.lists]
            tables += [(cycle.path, artiq.replay_cycle(cycle, mine)) for cycle in made.cycles]
        elif kind == "pulse-streamer":
            tables = [(table.paths[0], pulse_streamer.replay(table, mine)) for table in made]
        else:
            tables = [(table.path, moglabs.replay(table, mine)) for table in made]
        for path, played in tables:
            stretch = whole[path]
            items = [(int(start), placed.block) for placed in stretch.placed for start in placed.starts_ps]
            for line, spans in played.items():
                wanted = []
                for start, block in sorted(items, key=lambda item: item[0]):
                    reference = {p.line: p.at_ps for p in block.pulses}
                    mine_ = [(p.at_ps, p.end_ps) for p in block.pulses if p.line == line]
                    shift = reference.get("bsm.reference", 0) if kind == "artiq" and "detector" in line and "bsm" in line else 0
                    mine_ += [(g.at_ps - shift, g.end_ps - shift) for g in block.gates if g.detector == line]
                    for at, end in sorted(mine_):
                        if wanted and wanted[-1][1] == start + at and kind == "pulse-streamer":
                            wanted[-1] = (wanted[-1][0], start + end)
                        elif wanted and wanted[-1][1] == start + at and line.rpartition(".")[2] != "qubit":
                            wanted[-1] = (wanted[-1][0], start + end)
                        else:
                            wanted.append((start + at, start + end))
                assert len(spans) == len(wanted), (path, line)
                tolerance = wiring.lines[line].tolerance_ps
                for (start, stop, _), (at, end) in zip(spans, wanted, strict=True):
                    assert abs(start - at) <= tolerance
                    assert abs(stop - end) <= tolerance
                compared += len(spans)
    assert compared > 20
