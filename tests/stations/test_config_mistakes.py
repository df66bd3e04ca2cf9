"""One edit to a copied preset, one line of complaint: the right file, line and key, and what to do."""

import functools
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from eventready import station_configs
from eventready.errors import ConfigError
from eventready.stations import config_checks
from eventready.stations.config import load_link

PRESETS = Path(station_configs.__path__[0])


@pytest.fixture(autouse=True, scope="module")
def presets_read_once():
    """Reading the twin's preset takes longer than everything else in load_link together."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config_checks, "load_preset", functools.cache(config_checks.load_preset))
        yield


class Mistake(NamedTuple):
    """Replace ``old`` by ``new``; the complaint points at the line that holds ``at`` (default: ``new``) and at ``key``."""

    name: str
    where: str
    old: str
    new: str
    key: str
    words: str
    at: str = ""
    also: int = 0  # further lines of complaint that the same edit must cause


def m(*args, **more):
    return pytest.param(Mistake(*args, **more), id=args[0])


MUNICH, LAB1, LAB2 = "munich/link.yaml", "munich/lab1.yaml", "munich/lab2.yaml"
OXFORD, OX_BOB = "oxford/link.yaml", "oxford/bob.yaml"

KEYS = [
    m("unknown section", MUNICH, "report: {", "repport: {", "repport", "unknown key; did you mean 'report'?"),
    m("unknown timing", MUNICH, "  attempt: ", "  atempt: ", "timings.atempt", "unknown key; did you mean 'attempt'?"),
    m("missing section", MUNICH, 'fallback: {alice: 0, bob: 0} ', "#",
      "fallback", "missing; it is needed: Fallback outputs", at="# The link between"),
    m("missing timing", OXFORD, '  scramble: "100 us"', "  #", "timings.scramble", "missing; it is needed: Deshelving", at="timings:"),
    m("a timing of the other platform", OXFORD, '  scramble: "100 us" ', '  scramble: "100 us"\n  shutter_time: "5 ms"',
      "timings.shutter_time", "unknown key; did you mean 'shuttle'?", at="shutter_time"),
    m("munich has no round type", MUNICH, "key: {rounds: 3342}", 'key: {rounds: 3342, test_fraction: "1/2"}',
      "purposes.key.test_fraction", "unknown key; there are: rounds"),
    m("oxford needs a test fraction", OXFORD, ', test_fraction: "13/256"}', "}", "purposes.key.test_fraction", "missing", at="1500000"),
    m("unknown platform", MUNICH, "platform: rb87", "platform: rb78", "platform", "'rb78' is not known; did you mean 'rb87'?"),
    m("no platform", MUNICH, "platform: rb87", "#", "platform", "missing; it is needed; there are: rb87, sr88", at="# The link between"),
    m("the other game", MUNICH, "game: munich ", "game: oxford ", "game", "'oxford' is not known; there are: munich"),
    m("unknown preset", MUNICH, "munich-physics  ", "munich-phisics  ", "preset", "did you mean 'munich-physics'?"),
    m("preset of the other platform", MUNICH, "preset: munich-physics", "preset: oxford",
      "preset", "is one of sr88, this link is one of rb87"),
    m("name with a space", MUNICH, "name: munich", "name: Munich 2", "name", "'Munich 2' cannot stand here: Name of the link"),
]  # fmt: skip

QUANTITIES = [
    m("wrong unit", MUNICH, '"20 us" ', '"20 usec"', "timings.readout_delay", "there is no unit 'usec' of time; did you mean 'us'?"),
    m("unit of another dimension", MUNICH, '"700 m"', '"3.4 us"', "lines.bob", "'us' is a unit of time, but a length is needed here"),
    m("bare number", MUNICH, 'attempt: "19.2 us"', "attempt: 19.2", "timings.attempt", "19.2 has no unit; a time needs one"),
    m("bare number as text", OXFORD, '"-45 deg"', '"-45"', "settings.bob[1]", "'-45' has no unit"),
    m("a list for a quantity", MUNICH, 'gate: "60 ns"', "gate: [60, ns]", "timings.gate", "a time is a number with a unit, not a list"),
    m("nothing", MUNICH, 'gate: "60 ns"', "gate:      ", "timings.gate", "a time is a number with a unit, not nothing"),
    m("negative timing", MUNICH, '"0.2 ms"', '"-0.2 ms"', "timings.burst_cooling", "'-0.2 ms' is not allowed; it must be more than zero"),
    m("zero timing", OXFORD, '"500 us"', '"0 s"', "timings.fluorescence", "'0 s' is not allowed; it must be more than zero"),
    m("negative delay", MUNICH, '"1 us" ', '"-1 us"', "timings.input_delay", "it must be at least zero"),
    m("a timing of a year", MUNICH, '"1 h" ', '"365 d"', "timings.patience", "it must be at most 1e+07 in SI units"),
    m("a number beyond all floats", MUNICH, '"1 h" ', '"1e999 h"', "timings.patience", "is not finite"),
    m("no attempts", MUNICH, "attempts_per_burst: 200", "attempts_per_burst: 0",
      "timings.attempts_per_burst", "must be at least 1, not 0"),
    m("half an attempt", MUNICH, "attempts_per_burst: 200", "attempts_per_burst: 1.5",
      "timings.attempts_per_burst", "must be a whole number"),
    m("text for a count", MUNICH, "{alice: 24,", '{alice: "24",', "thresholds.alice", "must be a whole number, not text"),
    m("true for a count", MUNICH, "window: 500", "window: true", "report.window", "must be a whole number, not true/false"),
    m("zero rounds", OXFORD, "rounds: 1500000", "rounds: 0", "purposes.key.rounds", "must be at least 1, not 0"),
    m("refractive index of glue", MUNICH, "group_index: 1.47", "group_index: 14.7", "lines.group_index", "must be at most 4, not 14.7"),
    m("saturation at zero", MUNICH, 'alice.repump: {saturation_power: "0.5 W"', 'alice.repump: {saturation_power: "0 W"',
      "calibration.alice.repump.saturation_power", "it must be more than zero"),
]  # fmt: skip

PLAN = [
    m("too few settings", MUNICH, ', "0 deg"]', "]",
      "settings.alice", "there are 3 settings, but alice of the game 'munich' has 4", at="alice: [\"-22.5"),
    m("too many settings", OXFORD, '["0 deg", "90 deg"]', '["0 deg", "90 deg", "45 deg"]', "settings.alice", "there are 3 settings"),
    m("unknown detector", MUNICH, "[ch, cv]", "[ch, cw]", "patterns[0].clicks[1]", "'cw' is not known; there are: ch, cv, dh, dv"),
    m("unknown Bell state", OXFORD, "[cv, dh], state: psi-", "[cv, dh], state: phi-", "patterns[3].state", "did you mean 'psi-'?"),
    m("a detector twice", MUNICH, "[ch, cv]", "[ch, ch]", "patterns[0].clicks", "'ch' is named twice; a herald is two clicks"),
    m("a pattern twice", OXFORD, "[cv, dh], state: psi-", "[dv, ch], state: psi-",
      "patterns[3].clicks", "the pattern ch+dv is listed twice"),
    m("two inputs of a channel", MUNICH, "detectors: [1, 2, 3, 4]", "detectors: [1, 0, 3, 4]",
      "tagger", "two inputs have the same channel"),
    m("three detectors", MUNICH, "detectors: [1, 2, 3, 4]", "detectors: [1, 2, 3]", "tagger.detectors", "must be at least 4, not 3"),
    m("no channel", MUNICH, "reference: 0", "reference: 40000", "tagger.reference", "less than 32768"),
    m("a witness or not", MUNICH, "witness: true", "witness: 1", "tagger.witness", ""),
    m("more resets than there is time for", MUNICH, "tries: 12", "tries: 51", "detector_reset.tries", "50"),
    m("one click", MUNICH, "[ch, cv]", "[ch]", "patterns[0].clicks", "must be at least 2, not 1 in number"),
    m("three clicks", MUNICH, "[ch, cv]", "[ch, cv, dh]", "patterns[0].clicks", "must be at most 2, not 3 in number"),
    m("five patterns", OXFORD, "  - {clicks: [cv, dh], state: psi-}",
      "  - {clicks: [cv, dh], state: psi-}\n  - {clicks: [ch, dh], state: psi-}",
      "patterns", "must be at most 4, not 5 in number", at="patterns:"),
    m("readout too late", MUNICH, 'readout_delay: "20 us"', 'readout_delay: "330 us"',
      "timings.coherence_limit", "the projection ends 331.2 us after the herald, by the other timings, but must lie within 330 us",
      at="coherence_limit"),
    m("rotation too late", OXFORD, 'shuttle: "200 us"', 'shuttle: "1 ms"',
      "timings.coherence_limit", "the projection ends 1100 us", at="  coherence_limit"),
    m("isolation never in time", MUNICH, '"20 ms"    # assumption: a', '"2 ms"    # assumption: a',
      "timings.isolation_timeout", "isolating takes 5 ms"),
    m("fallback that is no bit", OXFORD, "bob: 0}", "bob: 2}", "fallback.bob", "must be at most 1, not 2"),
    m("too few random bits", MUNICH, "setting_bits: 2", "setting_bits: 1",
      "random.alice.setting_bits", "this selects one of 2 settings, but alice draws one of 4"),
    m("inputs before the herald", MUNICH, "bob: {mode: latched", "bob: {mode: pool",
      "random.bob.mode", "'pool' is not known; there are: latched"),
    m("a share that bits cannot draw", OXFORD, '"13/256"', '"1/3"',
      "purposes.key.test_fraction", "1/3 cannot be drawn exactly from 8 bits"),
    m("a share as a float", OXFORD, '"1/2"', "0.5",
      "purposes.characterise.test_fraction", "write an exact fraction in quotes", at="rounds: 1920000"),
    m("a share of one", OXFORD, '"1/2"', '"2/2"', "purposes.characterise.test_fraction", "must lie between 0 and 1"),
    m("fluorescence through an open shutter", MUNICH, "    - shutter_confirmed\n    - fluorescence\n",
      "    - fluorescence\n    - shutter_confirmed\n",
      "order.bob[4]", "'shutter_confirmed' must come before 'fluorescence': the fluorescence is the outcome", at="    - fluorescence"),
    m("a step of the other platform", OXFORD, "bob: [accepted, shuttle", "bob: [accepted, close_shutter, shuttle",
      "order.bob[1]", "no step 'close_shutter'"),
    m("a misspelt step", MUNICH, "    - open_shutter", "    - open_shuter", "order.bob[8]", "did you mean 'open_shutter'?"),
    m("a step that is missing", MUNICH, "    - empty_trap\n", "", "order.bob", "the step 'empty_trap' is missing", at="  bob:\n"),
]  # fmt: skip

WIRING = [
    m("a role wired twice", MUNICH, "bob.filter: bob_filter", "bob.filter: bob_shutter",
      "roles.bob.filter",
      "'bob_shutter' already fills 'bob.shutter'; wire another instrument, or give each role its phases under windows"),
    m("unknown slot", MUNICH, "bob.shutter: ", "bob.shuter: ",
      "roles.bob.shuter", "bob of rb87 has no slot 'shuter'; did you mean 'shutter'?", also=1),
    m("a slot that only bob has", MUNICH, "  alice.paddle:", "  alice.shutter:",
      "roles.alice.shutter", "alice of rb87 has no slot 'shutter'"),
    m("unknown node", MUNICH, "  bob.paddle:", "  bobby.paddle:", "roles.bobby.paddle", "there is no node 'bobby'; did you mean 'bob'?"),
    m("no slot at all", MUNICH, "  bob.paddle:", "  bob:", "roles.bob", "a role is written node.slot"),
    m("required role missing", MUNICH, "  bob.shutter: bob_shutter\n", "",
      "roles", "bob.shutter is missing; it is needed: Shutter, free-space shutter", at="roles:"),
    m("unknown instrument", MUNICH, "bob.qrng: bob_qrng", "bob.qrng: bob_qrgn",
      "roles.bob.qrng", "lab2.yaml has no instrument 'bob_qrgn'; did you mean 'bob_qrng'?"),
    m("an instrument of the other site", MUNICH, "bob.qrng: bob_qrng", "bob.qrng: alice_qrng",
      "roles.bob.qrng", "'alice_qrng' belongs to the site 'lab1', bob stands at 'lab2'; no device is shared between sites", also=1),
    m("no window", MUNICH,
      "windows:\n  bsm_spd_ch:\n    bsm.detector_ch: [attempting]\n    alice.detector: [loading, preparing, reading, resetting]\n", "",
      "roles.alice.detector", "'bsm_spd_ch' already fills 'bsm.detector_ch'", at="  alice.detector:"),
    m("windows that overlap", MUNICH, "[loading, preparing,", "[loading, attempting,",
      "windows.bsm_spd_ch.alice.detector", "'bsm.detector_ch' uses 'bsm_spd_ch' in the phase 'attempting', too"),
    m("unknown phase", MUNICH, "[loading, preparing,", "[loadign, preparing,",
      "windows.bsm_spd_ch.alice.detector[0]", "did you mean 'loading'?"),
    m("a window across sites", MUNICH, "bob.detector: bob_spd", "bob.detector: bsm_spd_ch",
      "roles.bob.detector", "no device is shared between sites", also=1),
    m("a window that nobody shares", MUNICH, "  bsm_spd_ch:\n", "  bsm_spd_cv:\n",
      "windows.bsm_spd_cv", "'bsm_spd_cv' does not fill two roles, so it needs no window; did you mean 'bsm_spd_ch'?", also=1),
    m("a window without one of its roles", MUNICH, "    bsm.detector_ch: [attempting]\n", "",
      "windows.bsm_spd_ch", "'bsm.detector_ch' is wired to 'bsm_spd_ch', too", at="  bsm_spd_ch:"),
    m("a window for a role that is wired elsewhere", MUNICH, "    bsm.detector_ch: [attempting]",
      "    bsm.detector_ch: [attempting]\n    bsm.detector_cv: [reading]",
      "windows.bsm_spd_ch.bsm.detector_cv", "'bsm.detector_cv' is not wired to 'bsm_spd_ch'", at="bsm.detector_cv: [reading]", also=1),
    m("no calibration", MUNICH, "  bob.repump: {saturation", "  # {saturation",
      "calibration", "bob.repump is missing; an AOM needs", at="calibration:"),
    m("calibration of no AOM", MUNICH, "  bob.repump: {saturation", "  bob.trap: {saturation",
      "calibration.bob.trap", "'bob.trap' is not the role of an AOM", also=1),
    m("a node at no site", MUNICH, "nodes: [bob]}", "nodes: [alice]}",
      "sites.lab2.nodes[0]", "'alice' already stands at the site 'lab1'", also=1),
    m("both parties at one site", OXFORD, "nodes: [bsm]}", "nodes: [alice, bob, bsm]}",
      "sites.bsm.nodes", "alice and bob need a site each", also=2),
    m("one Station file for two sites", OXFORD, "station: bsm.yaml", "station: bob.yaml",
      "sites.bsm.station", "the site 'bob' has the same Station file"),
    m("the link file as Station file", OXFORD, "station: bsm.yaml", "station: link.yaml", "sites.bsm.station", "this is the link file"),
    m("no such Station file", MUNICH, "station: lab2.yaml", "station: lab3.yaml", "sites.lab2.station", "cannot read"),
    m("a Station file elsewhere", MUNICH, "station: lab2.yaml", "station: ../lab2.yaml",
      "sites.lab2.station", "'../lab2.yaml' cannot stand here: QCoDeS Station file, in the folder"),
]  # fmt: skip

STATIONS = [
    m("a name twice over the link", LAB2, "  bob_paddle:", "  alice_paddle:",
      "instruments.alice_paddle", "the name is taken by an instrument in lab1.yaml:", also=1),
    m("the name of the link", LAB2, "  bob_paddle:", "  munich:", "instruments.munich", "the name is taken by the link itself", also=1),
    m("the name of an AOM", LAB2, "  bob_paddle:", "  bob_repump_aom:",
      "instruments.bob_repump_aom", "the name is taken by the AOM bob.repump", also=1),
    m("misspelt key of an instrument", LAB2, "    parameters: {", "    parameter: {",
      "instruments.bob_shutter.parameter", "unknown key; did you mean 'parameters'?"),
    m("initial value", LAB2, "{monitor: true}", "{monitor: true, initial_value: open}",
      "instruments.bob_shutter.parameters.position.initial_value",
      "'initial_value' is not allowed: it would act on the device while it is being loaded"),
    m("a ramp in QCoDeS", LAB2, "{monitor: true}", "{monitor: true, step: 1}",
      "instruments.bob_shutter.parameters.position.step", "ramps belong to procedures"),
    m("settings of a submodule", LAB2, "    parameters: {position:", "    channels: {position:",
      "instruments.bob_shutter.channels", "unknown key; there are: type, address,"),
    m("no type", LAB2, "    type: eventready.drivers.thorlabs.SC10\n", "",
      "instruments.bob_shutter.type", "missing; it is needed: Dotted path", at="  bob_shutter:"),
    m("a type without a module", LAB2, "type: eventready.drivers.thorlabs.SC10\n", "type: SC10\n",
      "instruments.bob_shutter.type", "'SC10' cannot stand here: Dotted path of the driver class", at="type: SC10"),
    m("an address that is no text", LAB2, "address: COM5", "address: 5",
      "instruments.bob_shutter.address", "must be text, not a number", at="address: 5"),
    m("a driver without an address", LAB2, "    address: COM5\n", "",
      "instruments.bob_shutter", "'address' is missing; SC10 needs it (bob.shutter)", at="  bob_shutter:"),
    m("a driver's argument misspelt", LAB2, "travel_time: 0", "travel_tine: 0",
      "instruments.bob_shutter.init.travel_tine", "SC10 has no argument 'travel_tine'; did you mean 'travel_time'?"),
    m("a controller's class misspelt", LAB2, "toptica.DlcPro", "toptica.DLCPro",
      "instruments.bob_dlc.type", "has no class 'DLCPro'; did you mean 'DlcPro'?"),
    m("a part that a device does not have", MUNICH, "bob_dlc.laser2", "bob_dlc.laser3",
      "roles.bob.readout", "DlcPro has no part 'laser3'; did you mean 'laser"),
    m("a part that plays another role", OXFORD, "bob.detector: bob_spd", "bob.detector: bob_dlc.laser1",
      "roles.bob.detector", "laser1 of DlcPro is a Laser, but bob.detector needs a SinglePhotonDetector", also=1),
    m("half of a fibre's reference light", MUNICH, "  bob.reference_plate: bob_reference_plate       # optional\n", "",
      "roles", "bob.reference_plate missing; bob.reference_light, bob.reference_plate, bsm.polarimeter_bob are wired", at="roles:"),
    m("the role's class misspelt", LAB2, "TwinCurrentSource", "TwinCurrentSauce",
      "instruments.bob_coil.type", "has no class 'TwinCurrentSauce'; did you mean 'TwinCurrentSource'?"),
    m("a driver of another role", LAB2, "TwinCurrentSource", "TwinShutter  # ?", "instruments.bob_coil.type",
      "TwinShutter is not a CurrentSource"),
    m("a driver that is not there", LAB2, "eventready.twin.roles.TwinCurrentSource", "eventready.drivers.nosuch.Paddle",
      "instruments.bob_coil.type", "there is no module 'eventready.drivers.nosuch'"),
    m("a vendor's package that is not there", LAB2, "eventready.twin.roles.TwinCurrentSource", "paddles_of_acme.mpc.Paddle",
      "instruments.bob_coil.type", "there is no module 'paddles_of_acme'; check the path, or install the package that has it"),
    m("a misspelt argument", LAB1, "{setpoint_limits: [0.0, 0.1]}  # W", "{setpoint_limit: [0.0, 0.1]}",
      "instruments.alice_trap_laser.init.setpoint_limit", "TwinLaser has no argument 'setpoint_limit'; did you mean 'setpoint_limits'?"),
    m("a list for the instruments", OX_BOB, "instruments:\n", "instruments: []\nmore:\n",
      "instruments", "must be a mapping", at="instruments: []", also=12),
]  # fmt: skip

SEQUENCE = [
    m("an unknown kind of device", MUNICH, "bob_rf: moglabs", "bob_rf: moglab",
      "sequence.devices.bob_rf", "there is no kind of device 'moglab'; did you mean 'moglabs'?"),
    m("a line of no node", MUNICH, "    bob.trap: {port", "    bop.trap: {port",
      "sequence.lines.bop.trap", "there is no node 'bop'; did you mean 'bob'?"),
    m("a device that is not named", MUNICH, "port: bob_rf.rf1", "port: bob_fr.rf1",
      "sequence.lines.bob.cooling.port", "'bob_fr' is not among the devices of the sequence; did you mean 'bob_rf'?"),
    m("a port twice", MUNICH, "port: bob_streamer.ch5", "port: bob_streamer.ch4",
      "sequence.lines.bob.trap.port", "the port already carries 'bob.ionisation'"),
    m("a tone without a line", MUNICH, "    bob.cooling: {frequency", "    bob.coling: {frequency",
      "sequence.tones.bob.coling", "there is no line 'bob.coling'; did you mean 'bob.cooling'?"),
    m("a port without a device", MUNICH, "port: bob_streamer.ch5", "port: ch5", "sequence.lines.bob.trap.port", ""),
    m("a delay without a unit", MUNICH, 'bob_streamer.ch5, delay: "500 ns"', "bob_streamer.ch5, delay: 500",
      "sequence.lines.bob.trap.delay", "has no unit"),
    m("no Python file", MUNICH, "sequence:\n", "sequence:\n  file: mine.txt\n", "sequence.file", "", at="file: mine.txt"),
    m("a file that is not there", MUNICH, "sequence:\n", "sequence:\n  file: mine.py\n", "sequence.file", "cannot read",
      at="file: mine.py"),
]  # fmt: skip

YAML = [
    m("a key twice", MUNICH, '  gate: "60 ns"', '  attempt: "60 ns"',
      "timings.attempt", "the key stands twice, here and in line 79; remove one", also=1),
    m("tabs", MUNICH, "  gate:", "\tgate:", "", "this is not YAML"),
    m("an unclosed bracket", MUNICH, "nodes: [bob]}", "nodes: [bob}", "", "this is not YAML"),
    m("an anchor", MUNICH, "report: {", "report: &r {", "report", "anchors and aliases ('&', '*') are not allowed"),
    m("a Python object", MUNICH, "window: 500", "window: !!python/object/apply:os.getcwd []",
      "report.window", "this is not plain text, a number"),
    m("not a number", MUNICH, "group_index: 1.47", "group_index: .nan", "lines.group_index", "the number is too large, or none"),
    m("a hexadecimal number of many digits", MUNICH, "window: 500", f"window: 0x{'f' * 6000}", "report.window", "the number is too large"),
    m("a number of many digits", MUNICH, "window: 500", f"window: {'9' * 6000}", "report.window", "the number is too large, or none"),
    m("a date", MUNICH, "name: munich", "name: 2022-07-27",
      "name", "'2022-07-27' is not plain text, a number, a list or a mapping; quote it if it is text"),
    m("a number as key", LAB2, "  bob_paddle:", "  17:", "instruments", "a key must be plain text", also=1),
    m("an old YAML version", MUNICH, "# The link", "%YAML 1.1\n---\n# The link", "", "YAML directives", at="%YAML 1.1"),
]  # fmt: skip


def complaints(folder):
    with pytest.raises(ConfigError) as caught:
        load_link(folder)
    head, *lines = str(caught.value).splitlines()
    assert head == f"{len(lines)} problem{'s' if len(lines) > 1 else ''} in the link {folder}; no instrument was touched"
    assert all(line.startswith("  ") for line in lines)
    return [line.strip() for line in lines]


@pytest.mark.parametrize("mistake", KEYS + QUANTITIES + PLAN + WIRING + STATIONS + SEQUENCE + YAML)
def test_a_mistake_is_reported_where_it_stands(mistake, tmp_path):
    link, _, file = mistake.where.partition("/")
    folder = Path(shutil.copytree(PRESETS / link, tmp_path / "copy"))
    text = (folder / file).read_text(encoding="utf-8")
    assert text.count(mistake.old) == 1, f"{mistake.old!r} stands {text.count(mistake.old)} times in {file}"
    wrong = text.replace(mistake.old, mistake.new)
    (folder / file).write_text(wrong, encoding="utf-8")

    lines = complaints(folder)

    found = wrong.index(mistake.at) if mistake.at else text.index(mistake.old)
    line = wrong.count("\n", 0, found) + 1
    start = f"{file}:{line}: {mistake.key}: " if mistake.key else f"{file}:{line}: "
    hits = [entry for entry in lines if entry.startswith(start) and mistake.words in entry]
    assert len(hits) == 1, f"no complaint {start}...{mistake.words}... among\n" + "\n".join(lines)
    assert len(lines) == 1 + mistake.also, "\n".join(lines)


def test_all_mistakes_of_all_files_are_reported_at_once(tmp_path):
    folder = Path(shutil.copytree(PRESETS / "munich", tmp_path / "copy"))
    edits = {
        "link.yaml": [
            ('"20 us" ', '"20 usec"'),
            ("bob.filter: bob_filter", "bob.filter: bob_shutter"),
            ("    - open_shutter", "    - open_shuter"),
        ],
        "lab1.yaml": [("  alice_qrng:  #", "  alice_qrng: {adress: 1} #")],
        "lab2.yaml": [("TwinCurrentSource", "TwinCurrentSauce"), ("{monitor: true}", "{initial_value: open}")],
    }
    for file, pairs in edits.items():
        text = (folder / file).read_text(encoding="utf-8")
        for old, new in pairs:
            text = text.replace(old, new)
        (folder / file).write_text(text, encoding="utf-8")
    (folder / "lab1.yaml").write_text((folder / "lab1.yaml").read_text(encoding="utf-8") + "extra: 1\n", encoding="utf-8")

    files = [line.partition(":")[0] for line in complaints(folder)]
    assert files == ["link.yaml"] * 3 + ["lab1.yaml"] + ["lab2.yaml"] * 2


def test_a_driver_whose_package_is_missing_says_so(tmp_path, monkeypatch):
    folder = Path(shutil.copytree(PRESETS / "munich", tmp_path / "copy"))
    (tmp_path / "our_driver.py").write_text("import vendor_of_paddles\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    text = (folder / "lab2.yaml").read_text(encoding="utf-8")
    (folder / "lab2.yaml").write_text(text.replace("eventready.twin.roles.TwinRotator", "our_driver.Paddle", 1), encoding="utf-8")
    (line,) = complaints(folder)
    assert "our_driver needs the package 'vendor_of_paddles', which is not installed (bob.paddle)" in line


@pytest.mark.parametrize("error", ["OSError('no libpaddle.so')", "RuntimeError('wrong CPU')", "ImportError('old version')"])
def test_a_driver_that_cannot_be_imported_says_why(error, tmp_path, monkeypatch):
    folder = Path(shutil.copytree(PRESETS / "munich", tmp_path / "copy"))
    (tmp_path / "broken_driver.py").write_text(f"raise {error}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    text = (folder / "lab2.yaml").read_text(encoding="utf-8")
    (folder / "lab2.yaml").write_text(text.replace("eventready.twin.roles.TwinRotator", "broken_driver.Paddle", 1), encoding="utf-8")
    (line,) = complaints(folder)
    assert f"broken_driver cannot be imported: {error.replace('(', ': ').replace(')', '')}".replace("'", "") in line
