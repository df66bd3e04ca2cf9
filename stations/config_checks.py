"""What the sections of a link file must have in common, and the list of all checks across sections and files.

Each check takes :class:`~.config_wiring.Files` and yields problems; :data:`CHECKS` says which sections of the link file it needs, so
that a mistake in one section does not hide those of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..protocol.bell import GAMES
from ..sequences.targets import TARGETS
from ..twin.physics.preset import load_preset, preset_names
from .config_models import Rb87Link, Sr88Link
from .config_source import Problem, suggest
from .config_wiring import Files, check_calibration, check_instrument_names, check_roles, check_sites, check_types, check_windows
from .order_rules import order_problems
from .slots import NODES, PARTIES, reference_slots


def check_patterns(files: Files) -> Iterator[Problem]:
    """A pattern has two different detectors and stands once."""
    seen: set[frozenset[str]] = set()
    for index, pattern in enumerate(files.link.patterns):
        clicks = frozenset(pattern.clicks)
        if len(clicks) < 2:
            yield files.source.problem(("patterns", index, "clicks"), f"{pattern.clicks[0]!r} is named twice; a herald is two clicks")
        elif clicks in seen:
            yield files.source.problem(("patterns", index, "clicks"), f"the pattern {'+'.join(sorted(clicks))} is listed twice")
        seen.add(clicks)


def check_settings(files: Files) -> Iterator[Problem]:
    """Each party has as many settings as its game."""
    game = GAMES[files.link.game]
    for party, wanted in (("alice", game.settings_a), ("bob", game.settings_b)):
        found = len(getattr(files.link.settings, party))
        if found != wanted:
            message = f"there are {found} settings, but {party} of the game {game.name!r} has {wanted}"
            yield files.source.problem(("settings", party), message)


def check_random(files: Files) -> Iterator[Problem]:
    """The random bits of a round select exactly the settings that are drawn."""
    game = GAMES[files.link.game]
    drawn = game.pairs if isinstance(files.link, Rb87Link) else tuple(pair for pair, _ in game.chsh)
    for index, party in enumerate(PARTIES):
        choices = len({pair[index] for pair in drawn})
        bits = getattr(files.link.random, party).setting_bits
        if 2**bits != choices:
            message = f"this selects one of {2**bits} settings, but {party} draws one of {choices}"
            yield files.source.problem(("random", party, "setting_bits"), message)


def check_test_fraction(files: Files) -> Iterator[Problem]:
    """The share of test rounds can be drawn exactly from whole bits."""
    if not isinstance(files.link, Sr88Link):
        return
    bits = files.link.random.bob.round_type_bits
    for purpose in ("characterise", "key"):
        share = getattr(files.link.purposes, purpose).test_fraction
        if 2**bits % share.denominator:
            message = f"{share} cannot be drawn exactly from {bits} bits (random.bob.round_type_bits); use a multiple of 1/{2**bits}"
            yield files.source.problem(("purposes", purpose, "test_fraction"), message)


def check_order(files: Files) -> Iterator[Problem]:
    """The order of a round is one that keeps the laboratory closed; see order_rules."""
    for party in PARTIES:
        for position, message in order_problems(files.link.platform, party, getattr(files.link.order, party)):
            yield files.source.problem(("order", party) if position is None else ("order", party, position), message)


def check_deadlines(files: Files) -> Iterator[Problem]:
    """The projection lies within the coherence of the atoms, and isolation is waited for long enough."""
    timings = files.link.timings
    if timings.isolation > timings.isolation_timeout:
        message = f"isolating takes {timings.isolation * 1e3:.6g} ms, longer than is waited for; every round would be a fallback output"
        yield files.source.problem(("timings", "isolation_timeout"), message)
    if timings.projection > timings.coherence_limit:
        message = (
            f"the projection ends {timings.projection * 1e6:.6g} us after the herald, by the other timings, "
            f"but must lie within {timings.coherence_limit * 1e6:.6g} us; shorten the delays"
        )
        yield files.source.problem(("timings", "coherence_limit"), message)


def check_sequence(files: Files) -> Iterator[Problem]:
    """Every device of the sequence is of a known kind, every line is of a node and has a port of its own on one of them."""
    section, taken = files.link.sequence, dict[str, str]()
    for device, kind in section.devices.items():
        if kind not in TARGETS:
            message = f"there is no kind of device {kind!r}{suggest(kind, TARGETS)}"
            yield files.source.problem(("sequence", "devices", device), message)
    for name, line in section.lines.items():
        here, device = ("sequence", "lines", name), line.port.partition(".")[0]
        if name.partition(".")[0] not in NODES:
            message = f"a line is written node.slot; there is no node {name.partition('.')[0]!r}{suggest(name.partition('.')[0], NODES)}"
            yield files.source.problem(here, message)
        if device not in section.devices:
            message = f"{device!r} is not among the devices of the sequence{suggest(device, section.devices)}"
            yield files.source.problem((*here, "port"), message)
        if line.port in taken:
            yield files.source.problem((*here, "port"), f"the port already carries {taken[line.port]!r}")
        taken[line.port] = name
    for name in section.tones:
        if name not in section.lines:
            yield files.source.problem(("sequence", "tones", name), f"there is no line {name!r}{suggest(name, section.lines)}")


def check_tagger(files: Files) -> Iterator[Problem]:
    """Each input of the tagger has a channel of its own."""
    section = files.link.tagger
    if section is not None and len({section.reference, *section.detectors}) < 5:
        yield files.source.problem(("tagger",), "two inputs have the same channel; the reference and the four detectors need one each")


def check_polarimetry(files: Files) -> Iterator[Problem]:
    """Reference light is looked at only where it is sent, and sent only where it is looked at."""
    roles, wired = files.link.roles, 0
    for node in PARTIES:
        slots = reference_slots(node)
        missing = [slot for slot in slots if slot not in roles]
        wired += not missing
        if 0 < len(missing) < len(slots):
            yield files.source.problem(("roles",), f"{' and '.join(missing)} missing; {', '.join(slots)} are wired together or not at all")
    if files.link.monitors.polarimetry_interval is not None and not wired:
        message = f"no fibre has reference light; wire {', '.join(reference_slots('bob'))}, or leave this out"
        yield files.source.problem(("monitors", "polarimetry_interval"), message)


def check_preset(files: Files) -> Iterator[Problem]:
    """The twin has such a preset, and it is one of this platform."""
    name, platform = files.link.preset, files.link.platform
    if name not in preset_names():
        yield files.source.problem(("preset",), f"there is no preset {name!r}{suggest(name, preset_names())}")
    elif (found := load_preset(name).platform) != platform:
        yield files.source.problem(("preset",), f"the preset {name!r} is one of {found}, this link is one of {platform}")


Check = Callable[[Files], Iterator[Problem]]

CHECKS: tuple[tuple[Check, set[str]], ...] = (
    (check_sites, {"sites"}),
    (check_instrument_names, {"name", "calibration"}),
    (check_roles, {"platform", "sites", "roles"}),
    (check_windows, {"sites", "roles", "windows"}),
    (check_types, {"platform", "sites", "roles"}),
    (check_calibration, {"platform", "roles", "calibration"}),
    (check_patterns, {"patterns"}),
    (check_settings, {"game", "settings"}),
    (check_random, {"game", "random"}),
    (check_test_fraction, {"random", "purposes"}),
    (check_order, {"platform", "order"}),
    (check_deadlines, {"timings"}),
    (check_sequence, {"sequence"}),
    (check_tagger, {"tagger"}),
    (check_polarimetry, {"roles", "monitors"}),
    (check_preset, {"platform", "preset"}),
)
"""Every check with the sections of the link file that it reads."""
