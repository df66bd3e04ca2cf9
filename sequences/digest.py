"""The digest of a description: equal if and only if tree and wiring are."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
from collections.abc import Mapping

from .language import Item
from .wiring import Wiring


def digest(tree: Item, wiring: Wiring) -> str:
    """BLAKE2b (32 hex digits) over the canonical JSON of a tree and its wiring.

    The order of pulses and gates in a block, of lines in a wiring and of arms in a choice does not count, as it changes nothing that
    is played; names do.
    """
    text = json.dumps([canonical(tree), canonical(wiring)], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def canonical(value: object) -> object:
    """Plain data for JSON: every dataclass with its kind, every mapping as sorted pairs, so that 1 and "1" stay apart."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        found = {field.name: canonical(getattr(value, field.name)) for field in dataclasses.fields(value)}
        for name in _UNORDERED & found.keys():
            found[name] = _sorted(found[name])
        return {"kind": type(value).__name__, **found}
    if isinstance(value, Mapping):
        return _sorted([[canonical(key), canonical(each)] for key, each in value.items()])
    if isinstance(value, frozenset):
        return _sorted([canonical(each) for each in value])
    if isinstance(value, tuple):
        return [canonical(each) for each in value]
    return value.value if isinstance(value, enum.Enum) else value


_UNORDERED = {"pulses", "gates"}


def _sorted(values: object) -> object:
    return sorted(values, key=lambda each: json.dumps(each, sort_keys=True)) if isinstance(values, list) else values
