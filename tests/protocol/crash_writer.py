"""A process that writes rounds until it is killed. Started by test_crash.py; imports nothing of ours but the log.

It reads one line from standard input: path, key (hex), where to stop, at which commit, seed. To standard output it writes 8 bytes for each
commit that was acknowledged (the index of the last durable round), and -2 when it stops and waits for its end.
"""

import os
import random
import struct
import sys

from eventready.protocol.records import RECORD_STRUCT
from eventready.protocol.round_log import RoundLogWriter

OTHERS = ("qcodes", "numba", "scipy", "pandas", "eventready.instruments", "eventready.twin", "eventready.stations", "eventready.cli")
if loaded := [name for name in OTHERS if name in sys.modules]:
    sys.exit(f"imported {loaded}")


def record(index):
    return RECORD_STRUCT.pack(index, index * 1_000_003, 1, 2, 3, 4, index % 9973, index % 17, 0, 0, index % 4, 0, index % 3, index % 5 % 2)


def main():
    path, key, where, last_commit, seed = sys.stdin.readline().split()
    rng, commits = random.Random(int(seed)), 0  # noqa: S311 - seeded on purpose

    def wait_for_the_end(place):
        if where == place and commits == int(last_commit):
            os.write(1, struct.pack("<q", -2))
            sys.stdin.read()

    def write(handle, data):
        if where == "write" and commits == int(last_commit):
            os.write(handle, data[: rng.randrange(len(data))])
        wait_for_the_end("write")
        return os.write(handle, data)

    def fsync(handle):
        wait_for_the_end("before_sync")
        os.fsync(handle)
        wait_for_the_end("after_sync")

    writer = RoundLogWriter.reopen(path, bytes.fromhex(key), fsync=fsync, write=write)
    writer.begin_segment({})
    while True:
        commits += 1
        start = -1 if writer.durable_index is None else writer.durable_index
        for index in range(start + 1, start + 1 + rng.choice((1, 1, 3, 40, 300))):
            writer.append(record(index))
        os.write(1, struct.pack("<q", writer.commit()))


main()
