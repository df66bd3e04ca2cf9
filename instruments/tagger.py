"""The time tagger role: blocks of tags, and every loss as an interval."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, DeviceProtocolError, NotReady
from .base import Role
from .parameter import RoleParameter


class Loss(NamedTuple):
    """From ``start_ps`` to ``end_ps`` tags may be missing, on any channel."""

    start_ps: int
    end_ps: int


class TagBlock(NamedTuple):
    """Tags in order of time.

    Attributes:
        times_ps: int64, shape (n,), ps since the start of the acquisition.
        channels: int16, shape (n,); a negative number is the falling edge of that channel.
        losses: when tags may be missing: overflows, a full buffer, a reference that was lost, a stream that slipped.
    """

    times_ps: NDArray[np.int64]
    channels: NDArray[np.int16]
    losses: tuple[Loss, ...] = ()


class TimeTagger(Role):
    """A time tagger. Safe is: stopped.

    Args:
        *args: see :class:`~.base.Role`.
        **kwargs: see :class:`~.base.Role`.
    """

    role = "time_tagger"

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - cooperative constructor
        super().__init__(*args, **kwargs)
        self.__channels: tuple[int, ...] = ()
        self.__last_ps: int | None = None
        self.running: RoleParameter[bool] = self.add_parameter(
            "running",
            RoleParameter,
            read=self._read_running,
            docstring="Get whether tags are being taken (bool).",
        )

    def start(self, channels: Iterable[int]) -> None:
        """Take tags on ``channels``; does nothing where just that is going on, else begins anew.

        Raises:
            ConfigError: no channel, or one twice.
            DeviceFault: the device did not start.
        """
        wanted = tuple(channels)
        if not wanted or len(set(wanted)) != len(wanted):
            raise ConfigError(f"{self.full_name}: needs channels to take tags on, each once, not {wanted!r}")
        with self.lock:
            if self._do_running():
                if wanted == self.__channels:
                    return
                self._do_stop()
            self._do_start(wanted)
            self._require_followed("acquisition", True, self._do_running())
            self.__channels, self.__last_ps = wanted, None

    def stop(self) -> None:
        """Stop taking tags; what the device still holds can be read.

        Raises:
            DeviceFault: the device did not stop.
        """
        with self.lock:
            self._do_stop()
            self._require_followed("acquisition", False, self._do_running())

    def read(self) -> TagBlock:
        """Everything since the last read; each tag comes once.

        Raises:
            NotReady: not started.
            DeviceProtocolError: the tags are not what the role promises (types, shapes, order of time); do not use any of them.
        """
        with self.lock:
            if not self.__channels:
                raise NotReady(f"{self.full_name}: not started, there are no tags to read")
            block = self._do_read()
            problem = self._problem_of(block)
            if problem:
                raise DeviceProtocolError(self.full_name, f"{problem}; start() again")
            if len(block.times_ps):
                self.__last_ps = int(block.times_ps[-1])
            return block

    def _problem_of(self, block: TagBlock) -> str:
        """What is wrong with a block; empty if nothing."""
        times, channels, losses = block
        if times.dtype != np.int64 or channels.dtype != np.int16:
            return f"tags of type {times.dtype} and {channels.dtype}, not int64 and int16"
        if times.ndim != 1 or times.shape != channels.shape:
            return f"times of shape {times.shape} and channels of shape {channels.shape}"
        if not len(times) and not losses:
            return ""
        if np.any(times[1:] < times[:-1]):
            return "the tags of a block go back in time"
        if any(loss.end_ps < loss.start_ps for loss in losses):
            return "a loss ends before it starts"
        first = min([loss.start_ps for loss in losses] + times[:1].tolist(), default=None)
        if first is not None and self.__last_ps is not None and first < self.__last_ps:
            return f"a block reaches back to {first} ps, but the one before ended at {self.__last_ps} ps"
        return ""

    def _read_running(self) -> bool:
        with self.lock:
            return self._do_running()

    def _role_reasons(self) -> Iterator[str]:
        if not self._do_running():
            yield "no tags are being taken"

    def _do_make_safe(self) -> None:
        self._do_stop()

    def _require_safe(self) -> None:
        self._require_followed("acquisition", False, self._read_running())

    @abstractmethod
    def _do_start(self, channels: tuple[int, ...]) -> None:
        """Drop old tags and begin on ``channels``."""

    @abstractmethod
    def _do_stop(self) -> None:
        """Stop; do nothing where it is stopped."""

    @abstractmethod
    def _do_running(self) -> bool:
        """Ask the device whether it is taking tags."""

    @abstractmethod
    def _do_read(self) -> TagBlock:
        """Hand over all tags since the last call. A loss that goes on belongs to each block up to that block's end."""
