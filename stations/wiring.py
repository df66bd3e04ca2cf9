"""From a checked configuration to open instruments, role by role."""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, field
from typing import Any

from qcodes.instrument import Instrument
from qcodes.station import Station
from ruamel.yaml import YAML

from .. import instruments
from ..clock import Clock
from ..errors import ConfigError
from ..instruments import Aom, AomCalibration, Role, SinglePhotonDetector
from ..twin.devices.simulator import Simulator
from ..twin.world import World
from .config import LinkConfig
from .config_source import suggest
from .config_wiring import aom_name
from .hardware import DRIVER, LOOPBACK, TWIN_ROLE, Opening, openings, role_of, simulated_device
from .windows import DetectorWindow


@dataclass(frozen=True)
class Wired:
    """One instrument as it was opened.

    Args:
        instrument: its name, as in the link file.
        slots: where it is wired.
        hardware: ``"driver"``, ``"driver over loopback"`` or ``"twin role"``.
        driver: name of the class that plays its role, or has the submodule that does.
        address: where the device answers; empty for a twin's role.
        stands_for: the driver that a twin's role stands in for because its device has no simulator; else empty.
    """

    instrument: str
    slots: tuple[str, ...]
    hardware: str
    driver: str = ""
    address: str = ""
    stands_for: str = ""


@dataclass
class Wiring:
    """All instruments of a link.

    Args:
        station: holds them, for snapshots and measurement loops.
        roles: what fills each slot.
        wired: what was opened, in order.
        simulators: the simulated devices that drivers talk to, by instrument.
    """

    station: Station
    roles: dict[str, Role | DetectorWindow] = field(default_factory=dict)
    wired: list[Wired] = field(default_factory=list)
    simulators: dict[str, Simulator] = field(default_factory=dict)

    def close(self) -> None:
        """Close every instrument, the last one opened first, then stop what was simulated, one failure not stopping the next.

        A failure is raised at the end.
        """
        with ExitStack() as stack:
            for simulator in self.simulators.values():
                stack.callback(simulator.stop)
            for name, instrument in self.station.components.items():
                stack.callback(self.station.remove_component, name)
                if isinstance(instrument, Instrument):
                    stack.callback(Instrument.remove_instance, instrument)  # its close() may raise before it gives the name free
                    stack.callback(instrument.close)

    def describe(self) -> list[str]:
        """Say what stands behind the roles: how many of what, then, unless all are the twin's, each with its name."""
        counts = Counter(entry.hardware for entry in self.wired)
        names: dict[str, list[str]] = {}
        for entry in sorted(self.wired, key=lambda entry: entry.hardware == TWIN_ROLE):
            names.setdefault(_behind(entry), []).append(entry.instrument)
        lines = [f"{', '.join(its)}: {what}" for what, its in names.items()]
        summary = ", ".join(f"{count} {kind if count == 1 else _PLURAL[kind]}" for kind, count in counts.items())
        return [summary] if names.keys() == {TWIN_ROLE} else [summary, *lines]


_PLURAL = {DRIVER: "drivers", LOOPBACK: "drivers over loopback", TWIN_ROLE: "twin roles"}


def _behind(entry: Wired) -> str:
    if entry.hardware == TWIN_ROLE:
        return f"twin role, as there is no simulator for {entry.stands_for}" if entry.stands_for else TWIN_ROLE
    return f"{entry.driver} at {entry.address or 'no address'}{', a simulated device' if entry.hardware == LOOPBACK else ''}"


def open_instruments(config: LinkConfig, hardware: str, world: World | None, clocks: Mapping[str, Clock]) -> Wiring:
    """Open all instruments of a link in the order of its roles; if one fails, those already open are closed again.

    Args:
        config: of the link.
        hardware: ``twin``, ``wire`` or ``real``.
        world: what stands behind the twin's roles and the simulated devices; None on real hardware.
        clocks: of the nodes.

    Raises:
        ConfigError: there is no driver for something on real hardware, a name is taken by an instrument that is open, or something does
            not play the role that it is wired to.
        DeviceError: an instrument could not be opened.
    """
    found = openings(config, hardware)
    _require_free_names(config, found.values())
    wiring = Wiring(Station(default=False))
    wiring.station.load_config(_station_file(found.values()))
    try:
        for target, opening in found.items():
            _open(wiring, config, world, clocks, target, opening)
    except BaseException:
        wiring.close()
        raise
    return wiring


def _require_free_names(config: LinkConfig, found: Iterable[Opening]) -> None:
    names = [opening.name for opening in found] + [aom_name(slot) for slot in config.link.calibration]
    taken = [name for name in dict.fromkeys(names) if Instrument.exist(name)]
    if taken:
        raise ConfigError(
            f"instruments of the link {config.link.name!r} have names that are taken: {', '.join(taken)}. QCoDeS opens one instrument of a "
            "name; close those first (another link: its close())"
        )


def _station_file(found: Iterable[Opening]) -> str:
    """One Station file with all that is to be opened; QCoDeS needs a while for every file."""
    text = io.StringIO()
    YAML(typ="safe").dump({"instruments": {opening.name: dict(opening.entry) for opening in found}}, text)
    return text.getvalue()


def _open(wiring: Wiring, config: LinkConfig, world: World | None, clocks: Mapping[str, Clock], target: str, opening: Opening) -> None:
    part = "" if opening.hardware == TWIN_ROLE else target.partition(".")[2]
    slots = opening.parts[part]
    if opening.name not in wiring.station.components:
        clock = clocks[slots[0].partition(".")[0]]
        arguments = {"clock": clock, **_further_arguments(wiring, config, world, opening, clock)}
        with redirect_stdout(sys.stderr):  # drivers of QCoDeS greet on standard output, where results go
            wiring.station.load_instrument(opening.name, **arguments)
    instrument = _part_of(wiring.station.components[opening.name], part)
    address = wiring.simulators[opening.name].address() if opening.name in wiring.simulators else str(opening.entry.get("address", ""))
    driver = str(opening.entry["type"]).rpartition(".")[2]
    wiring.wired.append(Wired(target, slots, opening.hardware, driver, address, opening.stands_for))
    for index, slot in enumerate(slots):
        wiring.roles[slot] = _fit(config, slot, instrument, clocks, wiring, first=index == 0)


def _further_arguments(wiring: Wiring, config: LinkConfig, world: World | None, opening: Opening, clock: Clock) -> dict[str, Any]:
    """What a constructor needs beside what the Station file says: a port of the world, or the address of the simulated device."""
    if world is None:
        return {}
    if opening.hardware == LOOPBACK:
        simulator = wiring.simulators[opening.name] = simulated_device(config, opening, world, clock)
        return {"address": simulator.start()}
    slots = opening.parts[""]
    role = role_of(config, slots[0])
    arguments: dict[str, Any] = {"port": world.port(role, *slots)}
    if role == "RandomSource":
        arguments["latch_bits"] = getattr(config.link.random, slots[0].partition(".")[0]).setting_bits
    if role == "TimeTagger" and (tagger := config.link.tagger) is not None:
        arguments["channels"] = (tagger.reference, *tagger.detectors)
    return arguments


def _part_of(instrument: Any, part: str) -> Any:  # noqa: ANN401 - _fit looks at it
    for name in part.split(".") if part else ():
        parts = instrument.instrument_modules
        if name not in parts:
            raise ConfigError(
                f"{instrument.full_name} has no submodule {name!r}{suggest(name, parts)}; correct the link file's roles, or name it under "
                "init in the Station file"
            )
        instrument = parts[name]
    return instrument


def _fit(
    config: LinkConfig, slot: str, instrument: object, clocks: Mapping[str, Clock], wiring: Wiring, *, first: bool
) -> Role | DetectorWindow:
    """The instrument as the slot sees it: through an AOM's calibration, or through a window."""
    wanted = role_of(config, slot)
    if not isinstance(instrument, Role) or not isinstance(instrument, getattr(instruments, wanted)):
        raise ConfigError(f"{slot}: {instrument!r} is not a {wanted}, but is wired to a role that needs one")
    calibration = config.link.calibration.get(slot)
    if calibration is not None:
        name = aom_name(slot)
        aom = Aom(name, instrument, AomCalibration(calibration.saturation_power, calibration.delay, calibration.rise_time))  # type: ignore[arg-type]
        wiring.station.add_component(aom, name)
        return aom
    if isinstance(instrument, SinglePhotonDetector) and not first:
        return DetectorWindow(instrument, clocks[slot.partition(".")[0]])
    return instrument
