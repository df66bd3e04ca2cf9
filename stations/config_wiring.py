"""What the files of a link say about its wiring, checked across files: sites, roles, windows, driver classes, AOM calibrations.

Each check takes :class:`Files` and yields problems; :mod:`.config_checks` lists them all.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .catalogue import rows_of
from .config_models import LinkFile, Rb87Link, Sr88Link
from .config_source import Problem, Source, suggest
from .config_station import DOTTED
from .config_texts import LINK_FILE
from .config_types import resolve_type, type_problems
from .slots import INSTRUMENT_ROLE, NODES, PARTIES, SLOTS, Slot


@dataclass(frozen=True)
class Files:
    """The files of one link, read but not yet trusted.

    Attributes:
        source: the link file.
        link: its sections; those that are wrong are missing.
        stations: the Station file of each site, where it could be read.
    """

    source: Source
    link: Rb87Link | Sr88Link
    stations: Mapping[str, Source]

    def site_of(self, node: str) -> str | None:
        """The first site where a node stands."""
        return next((name for name, site in self.link.sites.items() if node in site.nodes), None)

    def slot(self, role: str) -> Slot | None:
        """The slot of a role such as ``"bob.shutter"``, if the platform has it."""
        node, _, slot = role.partition(".")
        return SLOTS[self.link.platform].get(node, {}).get(slot)


def instruments_of(station: Source) -> dict[str, object]:
    """The instruments of a Station file as they stand there."""
    instruments = station.data.get("instruments")
    return instruments if isinstance(instruments, dict) else {}


def aom_name(role: str) -> str:
    """Name of the AOM instrument that is made for a role such as ``"alice.cooling"``."""
    return f"{role.replace('.', '_')}_aom"


def check_sites(files: Files) -> Iterator[Problem]:
    """Every node stands at exactly one site, the parties at different ones, and every site has its own Station file."""
    sites = files.link.sites
    places = [(node, name, index) for name, site in sites.items() for index, node in enumerate(site.nodes)]
    for node in NODES:
        found = [(name, index) for other, name, index in places if other == node]
        if not found:
            yield files.source.problem(("sites",), f"the node {node!r} stands at no site; add it to the nodes of one")
        for name, index in found[1:]:
            message = f"the node {node!r} already stands at the site {found[0][0]!r}; a node has one site"
            yield files.source.problem(("sites", name, "nodes", index), message)
    for name, site in sites.items():
        if site.station in (files.source.name, LINK_FILE):
            yield files.source.problem(("sites", name, "station"), "this is the link file; a Station file has a name of its own")
        if {*PARTIES} <= {*site.nodes}:
            yield files.source.problem(("sites", name, "nodes"), "alice and bob need a site each: a site sees all that its nodes know")
    for (first, a), (second, b) in itertools.combinations(sites.items(), 2):
        if a.station == b.station:
            message = f"the site {first!r} has the same Station file; a device belongs to one site, so each site needs a file of its own"
            yield files.source.problem(("sites", second, "station"), message)


def check_instrument_names(files: Files) -> Iterator[Problem]:
    """A name is unique over the link, its AOMs included: QCoDeS has one registry of instruments."""
    seen = {files.link.name: "the link itself"} | {aom_name(role): f"the AOM {role}" for role in files.link.calibration}
    for station in files.stations.values():
        for name in instruments_of(station):
            if name in seen:
                yield station.problem(("instruments", name), f"the name is taken by {seen[name]}; rename one of them")
            else:
                seen[name] = f"an instrument in {station.name}:{station.line(('instruments', name))}"


def check_roles(files: Files) -> Iterator[Problem]:
    """Every role is one that the platform has, wired to an instrument of its own site; every required role is there."""
    link, source = files.link, files.source
    slots = SLOTS[link.platform]
    for role, target in link.roles.items():
        node, _, name = role.partition(".")
        if node not in slots or not name:
            yield source.problem(("roles", role), f"a role is written node.slot; there is no node {node!r}{suggest(node, slots)}")
        elif name not in slots[node]:
            yield source.problem(("roles", role), f"{node} of {link.platform} has no slot {name!r}{suggest(name, slots[node])}")
        else:
            yield from _check_target(files, role, node, target.partition(".")[0])
    required = {f"{node}.{name}": slot for node in NODES for name, slot in slots[node].items() if slot.required}
    for role, slot in required.items():
        if role not in link.roles:
            yield source.problem(("roles",), f"{role} is missing; it is needed: {slot.role}, {slot.meaning}")


def _check_target(files: Files, role: str, node: str, instrument: str) -> Iterator[Problem]:
    site = files.site_of(node)
    if site is None or site not in files.stations or instrument in instruments_of(files.stations[site]):
        return
    owner = next((name for name, station in files.stations.items() if instrument in instruments_of(station)), None)
    if owner:
        message = f"{instrument!r} belongs to the site {owner!r}, {node} stands at {site!r}; no device is shared between sites"
    else:
        message = f"{files.stations[site].name} has no instrument {instrument!r}{suggest(instrument, instruments_of(files.stations[site]))}"
    yield files.source.problem(("roles", role), message)


def check_windows(files: Files) -> Iterator[Problem]:
    """A device that two roles use has a window for each of them, of one site and disjoint in time."""
    link, source = files.link, files.source
    users: dict[str, list[str]] = {}
    for role, target in link.roles.items():
        users.setdefault(target, []).append(role)
    for target, roles in users.items():
        if len(roles) > 1 and target not in link.windows:
            message = f"{target!r} already fills {roles[0]!r}; wire another instrument, or give each role its phases under windows"
            yield source.problem(("roles", roles[1]), message)
    for target, window in link.windows.items():
        here = ("windows", target)
        wired = users.get(target, [])
        if len(wired) < 2:
            yield source.problem(here, f"{target!r} does not fill two roles, so it needs no window{suggest(target, _shared(users))}")
            continue
        for role in window:
            if role not in wired:
                yield source.problem((*here, role), f"{role!r} is not wired to {target!r}{suggest(role, wired)}")
        for role in wired:
            if role not in window:
                yield source.problem(here, f"{role!r} is wired to {target!r}, too; say in which phases it may use it")
        yield from _check_disjoint(files, target)


def _shared(users: Mapping[str, list[str]]) -> list[str]:
    return [target for target, roles in users.items() if len(roles) > 1]


def _check_disjoint(files: Files, target: str) -> Iterator[Problem]:
    window = files.link.windows[target]
    for first, second in itertools.combinations(window, 2):
        here = ("windows", target, second)
        if files.site_of(first.partition(".")[0]) != files.site_of(second.partition(".")[0]):
            yield files.source.problem(here, f"{first!r} and {second!r} stand at different sites; no device is shared between sites")
        for phase in sorted({*window[first]} & {*window[second]}):
            message = f"{first!r} uses {target!r} in the phase {phase!r}, too; the windows of a device must not overlap"
            yield files.source.problem(here, message)


def check_types(files: Files) -> Iterator[Problem]:
    """The driver class of a wired instrument can be imported and fills its role; of a submodule, as far as the catalogue knows it."""
    for role, target in files.link.roles.items():
        slot, site = files.slot(role), files.site_of(role.partition(".")[0])
        if slot is None or site is None or site not in files.stations:
            continue
        top, _, part = target.partition(".")
        entry = instruments_of(files.stations[site]).get(top)
        if not isinstance(entry, dict) or not re.match(DOTTED, str(entry.get("type"))):
            continue
        init = entry.get("init")
        wanted = INSTRUMENT_ROLE.get(slot.role, slot.role)
        arguments = {*init} if isinstance(init, dict) else set()
        given = {"name", "clock", *(key for key in ("address", "port") if key in entry)}
        where = "" if part else f" ({role})"
        problems = list(type_problems(entry["type"], None if part else wanted, arguments, given))
        for keys, message in problems:
            yield files.stations[site].problem(("instruments", top, *keys), message + where)
        if not problems and part:
            yield from _check_part(files, role, entry["type"], part, wanted)


def _check_part(files: Files, role: str, dotted: str, part: str, wanted: str) -> Iterator[Problem]:
    rows = rows_of(resolve_type(dotted))
    parts = {name: row.role for row in rows for name in row.parts}
    name = dotted.rpartition(".")[2]
    if rows and part not in parts:
        yield files.source.problem(("roles", role), f"{name} has no part {part!r}{suggest(part, parts)}")
    elif rows and parts[part] != wanted:
        yield files.source.problem(("roles", role), f"{part} of {name} is a {parts[part]}, but {role} needs a {wanted}")


def check_calibration(files: Files) -> Iterator[Problem]:
    """Every AOM has its calibration, and nothing else has one."""
    link = files.link
    aoms = [role for role in link.roles if (slot := files.slot(role)) and slot.role == "Aom"]
    for role in aoms:
        if role not in link.calibration:
            yield files.source.problem(("calibration",), f"{role} is missing; an AOM needs saturation_power, delay and rise_time")
    for role in link.calibration:
        if role not in aoms:
            yield files.source.problem(("calibration", role), f"{role!r} is not the role of an AOM{suggest(role, aoms)}")


def unused_instruments(link: LinkFile, stations: Mapping[str, Source]) -> tuple[str, ...]:
    """One line for each instrument of a Station file that fills no role: allowed, but perhaps forgotten."""
    used = {target.partition(".")[0] for target in link.roles.values()}
    return tuple(
        str(station.problem(("instruments", name), "fills no role and is not opened"))
        for station in stations.values()
        for name in instruments_of(station)
        if name not in used
    )
