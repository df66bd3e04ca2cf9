"""The random source role: bits that are drawn once and never again."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from qcodes.validators import Ints

from ..errors import ConfigError, DeviceFault, DeviceProtocolError
from .base import Role
from .health import STARTUP_SAMPLES, HealthTest
from .parameter import RoleParameter
from .random_pool import RandomPool


class LatchedInput(NamedTuple):
    """Bits that the hardware drew, and when."""

    bits: int
    time_ps: int

    def __repr__(self) -> str:
        return f"LatchedInput(bits=<secret>, time_ps={self.time_ps})"


@dataclass(slots=True)
class _Alarm:
    """What the health tests found, empty while nothing. A plain object: an attribute of an instrument is slow."""

    text: str = ""


class RandomSource(Role):
    """A quantum random number generator. Safe is: no unused byte is left in memory.

    Bits come in three ways: :meth:`draw` after a herald; :meth:`fill_pool` before a run and :meth:`take` in it; or the hardware latches its
    own input and :meth:`read_latched` reads back what it was and when. Whichever way, all that comes out of the device passes the health
    tests first. An alarm stays: pool wiped, everything refused with DeviceFault, until :meth:`reset_health`. The first
    :data:`~.health.STARTUP_SAMPLES` samples after a start or reset are tested and thrown away.

    Bits are never logged, and no parameter, snapshot, repr or message holds any.

    Args:
        sample_bits: size of a sample of the noise source, 1 or 8 bits.
        min_entropy: claimed for one sample, bits.
        alpha: probability of a false alarm a sample; see :class:`~.health.HealthTest`.
        latch_bits: width of what the hardware latches.
        *args: see :class:`~.base.Role`.
        **kwargs: see :class:`~.base.Role`.
    """

    role = "random_source"

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - cooperative constructor
        sample_bits: int = 1,
        min_entropy: float = 1.0,
        alpha: float = 2.0**-40,
        latch_bits: int = 1,
        **kwargs: Any,  # noqa: ANN401 - cooperative constructor
    ) -> None:
        super().__init__(*args, **kwargs)
        if latch_bits < 1:
            raise ConfigError(f"{self.full_name}: latch_bits must be at least 1, not {latch_bits!r}")
        self.latch_bits = latch_bits
        self.__health = HealthTest(sample_bits=sample_bits, min_entropy=min_entropy, alpha=alpha)
        # Latched bits are a stream of their own: they may come years of samples apart from those that are read.
        self.__latch_health = HealthTest(sample_bits=1, min_entropy=min_entropy / sample_bits, alpha=alpha)
        self.__started = False
        self.__alarm = _Alarm()
        self.__pool = RandomPool()
        self.__latched_ps: int | None = None
        self.health_alarm: RoleParameter[str] = self.add_parameter(
            "health_alarm",
            RoleParameter,
            read=lambda: self.__alarm.text,
            docstring="Get the alarm of the SP 800-90B health tests, empty where there is none (text); it stays until reset_health().",
        )
        self.raw_samples: RoleParameter[bool] = self.add_parameter(
            "raw_samples",
            RoleParameter,
            read=self._read_raw_samples,
            docstring="Get whether the device delivers raw samples (bool); of conditioned ones the health tests see little.",
        )
        self.pool_bytes: RoleParameter[int] = self.add_parameter(
            "pool_bytes",
            RoleParameter,
            read=lambda: len(self.__pool),
            unit="B",
            vals=Ints(0),
            docstring="Get how many unused bytes the pool holds (B).",
        )

    def draw(self, n_bits: int) -> int:
        """Draw bits from the device now.

        What is left of the last byte is thrown away: a later draw gets bits made after it was asked for.

        Returns:
            ``n_bits`` bits as a number.

        Raises:
            ConfigError: ``n_bits`` is not positive.
            DeviceFault: the source has failed its health tests.
        """
        if n_bits < 1:
            raise ConfigError(f"{self.full_name}: cannot draw {n_bits!r} bits")
        with self.lock:
            return int.from_bytes(self._fetch((n_bits + 7) // 8), "little") & ((1 << n_bits) - 1)

    def fill_pool(self, n_bytes: int) -> int:
        """Read ``n_bytes`` into the pool. Positions go on where the last filling ended, and start at 0.

        Returns:
            Position of the first byte of this filling, for :meth:`take`.

        Raises:
            ConfigError: ``n_bytes`` is not positive.
            DeviceFault: the source has failed its health tests; nothing of this filling can be taken.
        """
        if n_bytes < 1:
            raise ConfigError(f"{self.full_name}: cannot fill the pool with {n_bytes!r} bytes")
        with self.lock:
            return self.__pool.append(self._fetch(n_bytes))

    def take(self, position: int, n_bytes: int) -> bytes:
        """Take bytes out of the pool; they are overwritten there, and so is all that lies before them.

        Args:
            position: of the first byte, never lower than the end of what was taken before.
            n_bytes: how many.

        Raises:
            KeyPoolError: a byte would be used twice, or the pool is used up; nothing has been taken.
            DeviceFault: the source has failed its health tests.
        """
        return self.taker()(position, n_bytes)

    def taker(self) -> Callable[[int, int], bytes]:
        """Look everything up once and take often: what it returns is :meth:`take`, with the same checks."""
        lock, alarm, pool_take = self.lock, self.__alarm, self.__pool.take

        def take(position: int, n_bytes: int) -> bytes:
            lock.acquire()  # in the round loop half the price of ``with``
            try:
                if alarm.text:
                    self._refuse()
                return pool_take(position, n_bytes)
            finally:
                lock.release()

        return take

    def read_latched(self) -> LatchedInput:
        """Read back what the hardware latched, once.

        Raises:
            NotReady: nothing is waiting.
            DeviceFault: the source has failed its health tests, or the device delivered a latch a second time.
        """
        with self.lock:
            if self.__alarm.text:
                self._refuse()
            latched = self._do_read_latched()
            if not 0 <= latched.bits < 1 << self.latch_bits:
                raise DeviceProtocolError(self.full_name, f"latched more than {self.latch_bits} bits; check latch_bits and the wiring")
            if self.__latched_ps is not None and latched.time_ps <= self.__latched_ps:
                raise DeviceFault(
                    self.full_name, f"delivered a latch of {latched.time_ps} ps after one of {self.__latched_ps} ps; each is read once"
                )
            self.__latched_ps = latched.time_ps
            if not self.__latch_health.feed_samples(latched.bits >> bit & 1 for bit in range(self.latch_bits)):
                self._raise_alarm(self.__latch_health)
            return latched

    def reset_health(self) -> None:
        """Clear an alarm, after the source has been seen to; the start-up test runs again before the next bit."""
        with self.lock:
            self.__health.reset()
            self.__latch_health.reset()
            self.__started = False
            self.__alarm.text = ""

    def _fetch(self, n_bytes: int) -> bytes:
        """Fresh bytes that have passed the health tests."""
        if self.__alarm.text:
            self._refuse()
        if not self.__started:
            self._tested(STARTUP_SAMPLES * self.__health.sample_bits // 8)
            self.__started = True
        return self._tested(n_bytes)

    def _tested(self, n_bytes: int) -> bytes:
        data = self._do_read(n_bytes)
        if len(data) != n_bytes:
            raise DeviceProtocolError(self.full_name, f"asked for {n_bytes} bytes, got {len(data)}")
        if not self.__health.feed(data):
            self._raise_alarm(self.__health)
        return data

    def _raise_alarm(self, test: HealthTest) -> NoReturn:
        self.__alarm.text = " and ".join(sorted(test.failures)) + " failed"
        self.__pool.wipe()  # the bytes before the alarm come from the same source
        self.log.error("health alarm: %s", self.__alarm.text)
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise DeviceFault(self.full_name, f"SP 800-90B {self.__alarm.text}; inspect the source, then reset_health()")

    def _read_raw_samples(self) -> bool:
        with self.lock:
            return self._do_raw_samples()

    def _role_reasons(self) -> Iterator[str]:
        if self.__alarm.text:
            yield f"SP 800-90B {self.__alarm.text}"
        self._do_raw_samples()  # a device that does not answer is not ready

    def _do_make_safe(self) -> None:
        self.__pool.wipe()

    @abstractmethod
    def _do_read(self, n_bytes: int) -> bytes:
        """Read bytes that the device makes after this call (drop what it had buffered); all of them, or an error, never fewer."""

    @abstractmethod
    def _do_read_latched(self) -> LatchedInput:
        """Read back the oldest latch that has not been read; raise NotReady where there is none."""

    @abstractmethod
    def _do_raw_samples(self) -> bool:
        """Ask the device whether it delivers raw samples of its noise source."""
