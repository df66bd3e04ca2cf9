"""Compiled tables as text, for people and for comparing two versions line by line."""

from __future__ import annotations

from collections.abc import Iterator

from .compile import Compiled
from .findings import drive_text, time_text
from .targets.artiq import ArtiqProgram
from .targets.moglabs import RfTable
from .targets.pulse_streamer import StepTable


def listing(compiled: Compiled) -> str:
    """Every word, step and command, one a line."""
    if isinstance(compiled, ArtiqProgram):
        lines = list(_artiq(compiled))
    else:
        lines = [line for table in compiled for line in (_steps(table) if isinstance(table, StepTable) else _rf(table))]
    return "\n".join(lines) + "\n"


def _artiq(program: ArtiqProgram) -> Iterator[str]:
    for cycle in program.cycles:
        period = f"described {time_text(cycle.described_ps)}, played about {time_text(cycle.period_ps)}"
        yield f"{cycle.path}: {cycle.repeats} attempts a run; period: {period}"
        for register in cycle.registers:
            yield f"  register {register.address:2}  0x{register.word:08x}  {register.meaning}"
        yield f"  register  1  0x{cycle.run_word:08x}  run, with the timeout in steps of 8 ns"
    for table in program.lists:
        yield f"{table.path}: after {table.trigger}, {table.length_mu} ns"
        for event in table.events:
            yield f"  {event.at_mu:>12} ns  {event.channel:<6} {drive_text(event.drive)}"
    gap = ", ".join(f"{channel} {drive_text(drive)}" for channel, drive in program.gap.items())
    yield f"between a herald and the next command: {gap or 'nothing'}"


def _steps(table: StepTable) -> Iterator[str]:
    runs = "for ever" if table.n_runs < 0 else f"{table.n_runs} times"
    yield f"{' and '.join(table.paths)}: after {table.trigger}, {runs}, slot {table.slot}, {time_text(table.length_ps)}"
    if table.gated:
        yield f"  to be switched off from outside at a herald: {', '.join(table.gated)}"
    yield "            ns  ch76543210     ao0     ao1"
    for duration, digital, (ao0, ao1) in zip(table.durations_ns.tolist(), table.digital.tolist(), table.analog.tolist(), strict=True):
        yield f"  {duration:>12}    {digital:08b}  {ao0:>6}  {ao1:>6}"
    digital, ao0, ao1 = table.final
    yield f"  {'then':>12}    {digital:08b}  {ao0:>6}  {ao1:>6}"


def _rf(table: RfTable) -> Iterator[str]:
    yield f"{table.path}: after {table.trigger}, channel {table.channel}"
    for command in table.commands():
        yield f"  {command}"
