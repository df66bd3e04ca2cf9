import pytest

from eventready.errors import DeviceFault, EventreadyError
from eventready.stations.safety import make_all_safe, safe_actions
from eventready.stations.slots import SLOTS

ATOM_ORDER = ["excitation", "excitation_laser", "readout", "ionisation", "cooling", "repump", "trap", "shutter", "filter"]
ION_ORDER = ["sequencer", "excitation", "excitation_laser", "photoionisation", "qubit", "deshelve", "detector", "qrng"]


def roles_of(platform, mocker):
    """A role for every slot, all of which write down that they were made safe."""
    seen = []
    roles = {}
    for node, slots in SLOTS[platform].items():
        for slot in slots:
            role = mocker.Mock()
            role.make_safe.side_effect = lambda slot=f"{node}.{slot}": seen.append(slot)
            roles[f"{node}.{slot}"] = role
    return roles, seen


@pytest.mark.parametrize("platform", ["rb87", "sr88"])
def test_every_instrument_is_made_safe_in_a_fixed_order_the_heralding_station_first(platform, mocker):
    roles, seen = roles_of(platform, mocker)
    lit = mocker.patch("eventready.stations.safety.beam_on", side_effect=lambda beam: seen.append("lit"))
    make_all_safe(safe_actions(platform, roles))
    stays_on = {"rb87": set(), "sr88": {"alice.cooling", "alice.repump", "bob.cooling", "bob.repump"}}[platform]
    assert set(seen) - {"lit"} == set(roles) - stays_on
    assert seen[:6] == ["bsm.sequencer", "bsm.tagger", *(f"bsm.detector_{name}" for name in ("ch", "cv", "dh", "dv"))]
    order = {"rb87": ATOM_ORDER, "sr88": ION_ORDER}[platform]
    bob = [slot.removeprefix("bob.") for slot in seen if slot.startswith("bob.")]
    assert [slot for slot in bob if slot in order] == order
    assert lit.call_count == len(stays_on)


def test_light_of_an_ion_comes_on_after_everything_else_went_off(mocker):
    roles, _ = roles_of("sr88", mocker)
    names = [name for name, _ in safe_actions("sr88", roles)]
    assert names[-4:] == ["alice.cooling", "alice.repump", "bob.cooling", "bob.repump"]


def test_slots_that_nothing_fills_are_no_problem(mocker):
    roles, seen = roles_of("rb87", mocker)
    del roles["alice.paddle"], roles["bob.paddle"]
    make_all_safe(safe_actions("rb87", roles))
    assert len(seen) == len(roles)


@pytest.mark.parametrize("error", [DeviceFault("bob_trap", "does not obey"), OSError("cable"), ValueError("driver"), KeyError("driver")])
def test_one_failure_does_not_stop_the_next_and_all_are_told(mocker, error, caplog):
    roles, seen = roles_of("rb87", mocker)
    everything = len(roles)
    roles["bsm.sequencer"].make_safe.side_effect = error
    roles["bob.trap"].make_safe.side_effect = error
    with pytest.raises(EventreadyError, match=r"not everything is safe.*bsm\.sequencer: .*; bob\.trap: ") as caught:
        make_all_safe(safe_actions("rb87", roles))
    assert len(seen) == everything - 2
    assert str(error) in str(caught.value)
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


def test_an_interrupt_from_the_keyboard_is_not_swallowed():
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_all_safe([("x", interrupted)])
