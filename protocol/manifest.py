"""Manifests: what a finished run's logs hold, written once at its end.

The run's ``manifest.json`` holds public facts only. The ``manifest.json`` in a party's folder adds the head of its chain, which for Alice
and Bob is a function of their outcomes and stays there. All follow from the logs alone, so that verifying means writing them anew and
comparing the bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import LogCorrupt
from .log_contents import SCHEMA, LogHeader, accepted
from .log_reader import LogContents


@dataclass(frozen=True)
class LogFacts:
    """What a manifest may know of one log.

    Attributes:
        header: the log's header.
        rounds: how many rounds it holds.
        vetoed: how many vetoed heralds (public log only).
        segments: how many times the run was resumed.
        head: the chain's head.
    """

    header: LogHeader
    rounds: int
    vetoed: int
    segments: int
    head: bytes = field(repr=False)


def facts_of(path: Path, contents: LogContents) -> LogFacts:
    """Judge a log that should be finished.

    Args:
        path: the log, for messages.
        contents: what it holds.

    Raises:
        LogCorrupt: it was not closed, or a round is missing in it.
    """
    if not contents.closed or contents.torn_bytes:
        whole = path.stat().st_size - contents.torn_bytes
        raise LogCorrupt(
            f"{path}: the log does not end with a close frame, its whole frames end at byte {whole}; "
            "resume the run, or if it was finished restore the file from a copy"
        )
    is_round = accepted(contents.records)
    index = contents.records["index"][is_round]
    wrong = np.flatnonzero(index != np.arange(len(index), dtype=np.uint64))
    if len(wrong):
        raise LogCorrupt(f"{path}: round {wrong[0]} is missing; every accepted herald must have its record")
    return LogFacts(contents.header, len(index), len(is_round) - len(index), len(contents.segments), contents.head)


def party_manifest(facts: LogFacts) -> bytes:
    """The manifest in one party's folder."""
    return _render(
        {
            "schema": SCHEMA,
            "run_id": facts.header.run_id,
            "party": facts.header.party,
            "sequence_digest": facts.header.sequence_digest,
            "rounds": facts.rounds,
            "vetoed": facts.vetoed,
            "head": facts.head.hex(),
        }
    )


def run_manifest(facts: Mapping[str, LogFacts]) -> bytes:
    """The manifest of the run.

    Args:
        facts: of each party's log.

    Raises:
        LogCorrupt: the logs belong to different runs, or a party has no record of an accepted herald.
    """
    public = facts["public"]
    for party, other in facts.items():
        for name in ("run_id", "config_digest", "hardware", "purpose"):
            if getattr(other.header, name) != getattr(public.header, name):
                raise LogCorrupt(f"the logs of {party} and of the public have different {name}; they are not of the same run")
        if other.rounds != public.rounds:
            raise LogCorrupt(f"{party}'s log holds {other.rounds} rounds and the public log {public.rounds}; every herald needs its record")
    return _render(
        {
            "schema": SCHEMA,
            "run_id": public.header.run_id,
            "config_digest": public.header.config_digest,
            "hardware": public.header.hardware,
            "purpose": public.header.purpose,
            "rounds": {party: other.rounds for party, other in facts.items()},
            "sequence_digests": {party: other.header.sequence_digest for party, other in facts.items()},
            "vetoed": public.vetoed,
            "segments": public.segments,
            "public_head": public.head.hex(),
        }
    )


def compare(path: Path, expected: bytes) -> None:
    """Check that a manifest says what the logs say.

    Raises:
        LogCorrupt: it differs, and where; or it is not there.
    """
    found = path.read_bytes() if path.is_file() else b""
    if found != expected:
        shorter = min(len(found), len(expected))
        offset = next((k for k in range(shorter) if found[k] != expected[k]), shorter)
        raise LogCorrupt(f"{path}: from byte {offset} on this is not what the log says; one of the two was changed or damaged")


def _render(fields: Mapping[str, object]) -> bytes:
    return (json.dumps(fields, indent=2, sort_keys=True) + "\n").encode("ascii")
