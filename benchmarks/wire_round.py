"""What a round over the wire costs, and where: real drivers against simulated devices on loopback.

Time and exchanges, split by device, beside the same number of bare round trips over a loopback socket (an echo in a thread of this process,
as the simulated devices are): what is left when drivers, transport and simulators cost nothing.

A round is what follows an accepted herald at both parties, to where they load or attempt again: isolation, input, readout, record, reset.
What lies between two rounds is shown apart: loading the traps, attempts, looking for the particles, and asking all instruments whether
they are ready (after each run of attempts without a herald: in Munich, where one comes every 82 s of simulated time, more than ten times).
"""

from __future__ import annotations

import socket
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from eventready.drivers.transport import Connection, Exchange
from eventready.stations.link import open_link
from eventready.stations.party import Party

ROUNDS = {"munich": int(sys.argv[1]) if len(sys.argv) > 1 else 300, "oxford": 3000}
WARM_UP = 10
BUDGET_MS = 2.0
_DATA = b"closed?\r1\r> xyz"  # as long as an answer of the SC10


@dataclass
class Account:
    """What a round cost, or what lay between it and the next: seconds, seconds of exchanges by device, and how many they were."""

    seconds: float = 0.0
    spent: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    count: Counter[str] = field(default_factory=Counter)


class Meter:
    """Times every exchange of every driver. Parties take turns in one thread: each switches the account when its round begins and ends."""

    def __init__(self) -> None:
        self.rounds: list[dict[str, Account]] = []
        self._now = {"in": Account(), "between": Account()}
        self._where = "between"
        self._begun: set[str] = set()
        self._since = time.perf_counter()

    def exchanged(self, device: str, seconds: float) -> None:
        """One question and its answer."""
        self._now[self._where].spent[device] += seconds
        self._now[self._where].count[device] += 1

    def begin(self, party: str) -> None:
        """A party takes a herald; the first one to do so closes the accounts of the round before."""
        self._switch("in")
        if party in self._begun:
            self.rounds.append(self._now)
            self._now = {"in": Account(), "between": Account()}
            self._begun.clear()
        self._begun.add(party)

    def end(self, party: str) -> None:
        """A party is through with its round: recorded, isolated no more, about to load or to attempt."""
        del party
        self._switch("between")

    def _switch(self, where: str) -> None:
        now = time.perf_counter()
        self._now[self._where].seconds += now - self._since
        self._where, self._since = where, time.perf_counter()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Listen in on all connections and on both parties."""
        meter, exchange = self, Connection.exchange

        @contextmanager
        def timed(self: Connection, command: str, **kwargs: Any) -> Iterator[Exchange]:  # noqa: ANN401 - as it is
            start = time.perf_counter()
            try:
                with exchange(self, command, **kwargs) as line:
                    yield line
            finally:
                meter.exchanged(self.device, time.perf_counter() - start)

        def first(tell: Callable[[str], None], method: Callable[..., Any]) -> Callable[..., Any]:
            def told(self: Party, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as it is
                tell(self.name)
                return method(self, *args, **kwargs)

            return told

        with ExitStack() as stack:
            for owner, name, new in (
                (Connection, "exchange", timed),
                (Party, "step_accepted", first(self.begin, Party.step_accepted)),
                (Party, "_load_and_get_ready", first(self.end, Party._load_and_get_ready)),  # noqa: SLF001 - ends Munich's round
                (Party, "_get_ready", first(self.end, Party._get_ready)),  # noqa: SLF001 - ends Oxford's
            ):
                stack.callback(setattr, owner, name, getattr(owner, name))
                setattr(owner, name, new)
            yield


def bare_round_trip_s(n: int) -> np.ndarray:
    """Times of ``n`` exchanges over loopback without any protocol."""
    listener = socket.create_server(("127.0.0.1", 0))

    def echo() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while data := connection.recv(4096):
                connection.sendall(data)

    thread = threading.Thread(target=echo, daemon=True)
    thread.start()
    times = np.empty(n)
    with socket.create_connection(listener.getsockname()) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for k in range(n):
            start = time.perf_counter()
            client.sendall(_DATA)
            left = len(_DATA)
            while left:
                left -= len(client.recv(left))
            times[k] = time.perf_counter() - start
    thread.join()
    listener.close()
    return times


def measure(name: str, rounds: int) -> None:
    """Run, and print the table of one link."""
    meter = Meter()
    with tempfile.TemporaryDirectory() as folder, open_link(name, hardware="wire", seed=1) as link:
        hardware = link.describe_hardware()[0]
        with meter.installed():
            link.run(Path(folder) / "run", rounds=rounds)
    bare_ms = float(np.median(bare_round_trip_s(5000))) * 1e3
    print(f"\n{name}: {len(meter.rounds) - WARM_UP} rounds; {hardware}")
    print(f"{'':<40} {'exchanges':>12} {'ms, median':>11} {'ms, p95':>9} {'us/exchange':>12}")
    for part, title in (("in", "a round"), ("between", "between two rounds")):
        measured = [accounts[part] for accounts in meter.rounds[WARM_UP:]]
        budget = f"   budget {BUDGET_MS:g} ms, median" if part == "in" else ""
        total, counts = np.array([entry.seconds for entry in measured]) * 1e3, np.array([entry.count.total() for entry in measured])
        talking = np.array([sum(entry.spent.values()) for entry in measured]) * 1e3
        print(_row(title, counts, total) + budget)
        for device in sorted({device for entry in measured for device in entry.count}):
            its_ms = np.array([entry.spent.get(device, 0.0) for entry in measured]) * 1e3
            print(_row(f"  {device}", np.array([entry.count[device] for entry in measured]), its_ms, each=True))
        print(_row("  everything else", np.zeros(1), total - talking))
        print(_row("  bare loopback, as many exchanges", counts, counts * bare_ms, each=True))


def _row(name: str, counts: np.ndarray, ms: np.ndarray, *, each: bool = False) -> str:
    told = f"{np.median(counts):.0f} ({np.percentile(counts, 95):.0f})" if counts.any() else ""
    us = f"{ms.sum() / counts.sum() * 1e3:>12.1f}" if each and counts.any() else ""
    return f"{name:<40} {told:>12} {np.median(ms):>11.3f} {np.percentile(ms, 95):>9.3f} {us}"


def main() -> None:
    """Measure and print."""
    print("exchanges and times a round: median (p95)")
    for name, rounds in ROUNDS.items():
        measure(name, rounds)


if __name__ == "__main__":
    main()
