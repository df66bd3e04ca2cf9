"""What a round log may say: its header, its segments, and which records may stand in whose log."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .records import NO_INDEX, NOT_PUBLIC, Flag

SCHEMA = 1
PARTIES = ("alice", "bob", "public")
HARDWARE = ("twin", "wire", "real")
PURPOSES = ("characterise", "key")

Facts = Mapping[str, str | int | float]

_NAME = re.compile(r"[A-Za-z0-9_.:+-]{1,128}")
MAX_FACTS = 32
_MAX_TEXT = 1000
_MAX_NUMBER = 2**63


def to_json(fields: Mapping[str, object]) -> bytes:
    """The one way to write ``fields`` as JSON in a log: sorted, compact, ASCII."""
    plain = {name: dict(value) if isinstance(value, Mapping) else value for name, value in fields.items()}
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _from_json(payload: bytes) -> dict[str, object]:
    try:
        fields = json.loads(payload)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    if not isinstance(fields, dict):
        raise ValueError("it is not a table")
    return fields


def _check_fields(fields: dict[str, object], names: tuple[str, ...]) -> None:
    if set(fields) != set(names):
        raise ValueError(f"it must have exactly the fields {', '.join(names)}")


def _check_name(label: str, text: object) -> None:
    if not isinstance(text, str) or not _NAME.fullmatch(text):
        raise ValueError(f"{label} must be 1 to 128 letters, digits or any of _.:+-")


def _check_choice(label: str, text: object, choices: tuple[str, ...]) -> None:
    if text not in choices:
        raise ValueError(f"{label} must be one of {', '.join(choices)}")


def _check_facts(facts: object) -> None:
    if not isinstance(facts, Mapping) or len(facts) > MAX_FACTS:
        raise ValueError(f"facts must be a table of at most {MAX_FACTS} names and values")
    for name, value in facts.items():
        _check_name("the name of a fact", name)
        if isinstance(value, str):
            good = len(value) <= _MAX_TEXT and value.isascii() and value.isprintable()
        else:
            good = isinstance(value, int | float) and abs(value) < _MAX_NUMBER
        if not good:
            raise ValueError(f"the fact {name} must be a number or at most {_MAX_TEXT} printable ASCII characters")


@dataclass(frozen=True)
class LogHeader:
    """The first frame of a log: whose it is and what it belongs to. Holds nothing secret, and no seed.

    Attributes:
        run_id: name of the run, the same in all its logs.
        party: one of :data:`PARTIES`.
        config_digest: digest of the resolved configuration.
        sequence_digest: digest of the compiled sequence that this party plays.
        hardware: one of :data:`HARDWARE`.
        purpose: one of :data:`PURPOSES`.
        facts: whatever else is worth keeping about the run's first segment: date, software version, host.

    Raises:
        ValueError: a field is not what it must be.
    """

    run_id: str
    party: str
    config_digest: str
    sequence_digest: str
    hardware: str
    purpose: str
    facts: Facts = field(default_factory=dict)

    def __post_init__(self) -> None:
        for label in ("run_id", "config_digest", "sequence_digest"):
            _check_name(label, getattr(self, label))
        _check_choice("party", self.party, PARTIES)
        _check_choice("hardware", self.hardware, HARDWARE)
        _check_choice("purpose", self.purpose, PURPOSES)
        _check_facts(self.facts)

    def payload(self) -> bytes:
        """The header as it stands in the log."""
        return to_json({"schema": SCHEMA} | {name: getattr(self, name) for name in _HEADER_FIELDS})

    @classmethod
    def from_payload(cls, payload: bytes) -> LogHeader:
        """Read a header.

        Raises:
            ValueError: the bytes are not exactly what :meth:`payload` writes for some header.
        """
        fields = _from_json(payload)
        if fields.pop("schema", None) != SCHEMA:
            raise ValueError(f"its schema is not {SCHEMA}, the only one that this version of eventready knows")
        _check_fields(fields, _HEADER_FIELDS)
        header = cls(**fields)  # type: ignore[arg-type]  # __post_init__ checks them
        if header.payload() != payload:
            raise ValueError("it is not in the canonical form")
        return header


_HEADER_FIELDS = tuple(entry.name for entry in dataclasses.fields(LogHeader))


@dataclass(frozen=True)
class Segment:
    """The run was interrupted and went on. The header begins segment 0.

    Attributes:
        number: 1 for the first resumption.
        facts: as in :class:`LogHeader`. Nothing from which a seed could be learnt.
        first_record: how many records the log held when the segment began.

    Raises:
        ValueError: a field is not what it must be.
    """

    number: int
    facts: Facts
    first_record: int

    def __post_init__(self) -> None:
        if type(self.number) is not int or self.number < 1:
            raise ValueError("the number of a segment is 1 or more")
        _check_facts(self.facts)

    def payload(self) -> bytes:
        """The segment as it stands in the log."""
        return to_json({"number": self.number, "facts": self.facts})

    @classmethod
    def from_payload(cls, payload: bytes, first_record: int) -> Segment:
        """Read a segment that begins after ``first_record`` records.

        Raises:
            ValueError: the bytes are not exactly what :meth:`payload` writes for some segment.
        """
        fields = _from_json(payload)
        _check_fields(fields, ("number", "facts"))
        segment = cls(**fields, first_record=first_record)  # type: ignore[arg-type]  # __post_init__ checks them
        if segment.payload() != payload:
            raise ValueError("it is not in the canonical form")
        return segment


def accepted(records: NDArray[np.void]) -> NDArray[np.bool_]:
    """Which records are rounds, shape ``(n,)``; the others are vetoed heralds."""
    return np.asarray(records["index"] != np.uint64(NO_INDEX))


def _is_ordinary(records: NDArray[np.void], party: str, after: int | None) -> bool:
    """Whether these are rounds with consecutive indices and nothing in the wrong place: a quick look that spares most frames the long one.

    A record is six 64-bit words. The first is the index; the last holds flags, spare, pattern, round type, setting and outcome, from its
    lowest bits up; the upper half of the one before it is ``counts``.
    """
    words = np.ascontiguousarray(records).view("<u8").reshape(-1, 6)
    if not len(words):
        return False
    first, last = int(words[0, 0]), int(words[-1, 0])
    if last == NO_INDEX or last - first != len(words) - 1 or (after is not None and first <= after):
        return False
    public = party == "public"
    if ((words[:, 5] & _FIXED_BITS[public]) != _FIXED_VALUE[public]).any() or (public and (words[:, 4] >> np.uint64(32)).any()):
        return False
    return bool((words[1:, 0] - words[:-1, 0] == 1).all())


_UNFLAGGED = int(Flag.VETOED) | 0xFFFF << 16  # not vetoed, spare zero
_NOT_PUBLIC = 0xFFFF << 48  # setting and outcome
_FIXED_BITS = (np.uint64(_UNFLAGGED), np.uint64(_UNFLAGGED | _NOT_PUBLIC))
_FIXED_VALUE = (np.uint64(0), np.uint64(_NOT_PUBLIC))


def find_misfit(records: NDArray[np.void], party: str, after: int | None) -> tuple[int, str] | None:
    """Look for a record that may not stand where it stands.

    Args:
        records: shape ``(n,)``, of :data:`~.records.RECORD_DTYPE`.
        party: whose log.
        after: index of the last round that the log holds already, None if there is none.

    Returns:
        Position of the first misfit and the reason in words (without a value: it may be secret), or None.
    """
    if _is_ordinary(records, party, after):
        return None
    is_round = accepted(records)
    has_veto_flag = (records["flags"] & np.uint16(Flag.VETOED)) != 0
    rules = [(records["spare"] != 0, "its spare field is not zero")]
    if party == "public":
        secret = (records["setting"] != NOT_PUBLIC) | (records["outcome"] != NOT_PUBLIC) | (records["counts"] != 0)
        rules.append((secret, "it holds a setting, an outcome or readout counts, and the log is public"))
        rules.append((has_veto_flag == is_round, "a vetoed herald has the flag VETOED and no index, a round has an index and no such flag"))
    else:
        rules.append((has_veto_flag | ~is_round, "it is a vetoed herald, and those stand in the public log only"))
    rounds = np.flatnonzero(is_round)
    index = records["index"][rounds]
    stuck = np.zeros(len(records), dtype=np.bool_)
    stuck[rounds[1:]] = index[1:] <= index[:-1]
    if after is not None and len(rounds):
        stuck[rounds[0]] = int(index[0]) <= after
    rules.append((stuck, "its index is not above the one before"))
    found = [(int(mask.argmax()), reason) for mask, reason in rules if mask.any()]
    return min(found) if found else None
