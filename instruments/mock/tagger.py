"""A time tagger without inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..tagger import TagBlock, TimeTagger
from .base import MockDevice


@dataclass
class TaggerState:
    """What a mock tagger is; ``block`` is what the next read hands over, once."""

    block: TagBlock
    running: bool = False


class MockTimeTagger(MockDevice, TimeTagger):
    """A tagger that takes the tags a test puts into it."""

    state: TaggerState

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401 - for the role
        super().__init__(name, **kwargs)
        self.state = TaggerState(_no_tags())

    def _do_start(self, channels: tuple[int, ...]) -> None:
        self._told("start", channels, running=True, block=_no_tags())

    def _do_stop(self) -> None:
        self._told("stop", running=False)

    def _do_running(self) -> bool:
        return self._asked("running", self.state.running)

    def _do_read(self) -> TagBlock:
        block = self._asked("read", self.state.block)
        self.state.block = _no_tags()
        return block


def _no_tags() -> TagBlock:
    return TagBlock(np.empty(0, np.int64), np.empty(0, np.int16))
