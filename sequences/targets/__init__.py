"""The devices that a sequence can be compiled for, one a file."""

from collections.abc import Mapping as _Mapping
from types import MappingProxyType as _MappingProxyType

from ..target import Target as _Target
from .artiq import ARTIQ
from .moglabs import MOGLABS
from .pulse_streamer import PULSE_STREAMER

TARGETS: _Mapping[str, _Target] = _MappingProxyType({target.name: target for target in (ARTIQ, PULSE_STREAMER, MOGLABS)})
"""Every target by name."""

__all__ = ["ARTIQ", "MOGLABS", "PULSE_STREAMER", "TARGETS"]
