"""A process that reserves words for sessions until it is killed. Started by test_pool_crash.py; imports nothing of ours but the pool.

It reads one line from standard input: folder, first session, where to stop, at which write, seed. To standard output it writes 8 bytes for
each word that it was given (session * 2^24 + direction * 2^20 + word), and -2 when it stops and waits for its end.
"""

import os
import random
import struct
import sys
from pathlib import Path

from eventready.protocol.keys.entries import DIRECTIONS, NOWHERE
from eventready.protocol.keys.offsets import PoolOffsets
from eventready.protocol.keys.pool import KeyPool

OTHERS = ("qcodes", "numba", "scipy", "pandas", "eventready.instruments", "eventready.twin", "eventready.stations", "eventready.cli")
if loaded := [name for name in OTHERS if name in sys.modules]:
    sys.exit(f"imported {loaded}")


def main():
    folder, session, where, last_write, seed = sys.stdin.readline().split()
    rng, writes = random.Random(int(seed)), 0  # noqa: S311 - seeded on purpose

    def wait_for_the_end(place):
        if where == place and writes >= int(last_write):
            os.write(1, struct.pack("<q", -2))
            sys.stdin.read()

    def write(handle, data):
        nonlocal writes
        writes += 1
        if where == "write" and writes >= int(last_write):
            os.write(handle, data[: rng.randrange(len(data))])
        wait_for_the_end("write")
        return os.write(handle, data)

    def fsync(handle):
        wait_for_the_end("before_sync")
        os.fsync(handle)
        wait_for_the_end("after_sync")

    with KeyPool.open(Path(folder), fsync=fsync, write=write) as pool:
        own = pool.offsets()
        pool.agree(PoolOffsets(own.identity, "bob", (0, 0), own.supply, NOWHERE, NOWHERE))
        for number in range(int(session), 2**20):
            name = number.to_bytes(16, "big")
            pads = pool.reserve(name, {direction: rng.randint(1, 3) for direction in DIRECTIONS})
            words = [int.from_bytes(pads.word(way, k), "big") for way in DIRECTIONS for k in range(pads.count(way))]
            os.write(1, b"".join(struct.pack("<q", number << 24 | word >> 40 << 20 | word % 2**20) for word in words))
            if rng.random() < 0.3:
                pool.retire(name)


main()
