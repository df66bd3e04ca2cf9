"""eventready: drivers, stations and protocol for device-independent key from event-ready entanglement.

The names below load what they need on first use, so that ``import eventready`` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .protocol.run_folder import load_run
    from .stations.link import open_link

_WHERE = {"load_run": "protocol.run_folder", "open_link": "stations.link"}

__all__ = ["load_run", "open_link"]


def __getattr__(name: str) -> object:
    if name in _WHERE:
        return getattr(import_module(f".{_WHERE[name]}", __name__), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("eventready")
    raise AttributeError(f"module 'eventready' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
