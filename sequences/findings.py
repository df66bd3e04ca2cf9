"""What is wrong with a sequence: data, with a text for people."""

from __future__ import annotations

from dataclasses import dataclass

from .language import Digital, Drive, Level


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Args:
        rule: which rule it breaks, in one word.
        place: path in the tree, and the line or detector.
        message: what is wrong, with times.
        remedy: what to do.
    """

    rule: str
    place: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}; {self.remedy} [{self.rule}]"


_UNITS = (("s", 10**12), ("ms", 10**9), ("us", 10**6), ("ns", 10**3), ("ps", 1))


def time_text(time_ps: int) -> str:
    """A time for people, exact: ``19.2 us``, ``18.2 ns``."""
    size = abs(time_ps)
    unit, factor = next(((unit, factor) for unit, factor in _UNITS if size >= factor), ("ns", 1000))
    whole, rest = divmod(size, factor)
    digits = f"{rest:0{len(str(factor)) - 1}d}".rstrip("0") if rest else ""
    return f"{'-' if time_ps < 0 else ''}{whole}{'.' + digits if digits else ''} {unit}"


def drive_text(drive: Drive) -> str:
    """What a line plays, for people: ``on``, ``0.5 V``, ``80.000000 MHz, 27.00 dBm, 0.000000 rad``."""
    if isinstance(drive, Digital):
        return "on" if drive.on else "off"
    if isinstance(drive, Level):
        return f"{drive.volts:g} V"
    return f"{drive.frequency_hz / 1e6:.6f} MHz, {drive.power_dbm:.2f} dBm, {drive.phase:.6f} rad"
