"""eventready.testing, as a stranger's test session sees it."""

import subprocess
import sys

import pytest

from eventready import testing

pytest_plugins = "pytester"


def test_every_session_loads_nothing_heavy():
    code = (
        "import sys, pytest, eventready.testing\n"
        "heavy = {'numpy', 'qcodes', 'pandas', 'eventready.instruments', 'eventready.stations', 'eventready.twin'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_registering_the_plugin_loads_none_of_its_classes(pytester):
    pytester.makepyfile(
        """
        import sys
        def test_light():
            assert not {"numpy", "qcodes", "eventready.instruments.mock"} & set(sys.modules)
        """
    )
    result = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    result.assert_outcomes(passed=1)


def test_all_names_can_be_had():
    for name in testing.__all__:
        assert getattr(testing, name).__name__ == name
    with pytest.raises(AttributeError, match="MockLasre"):
        _ = testing.MockLasre


def test_instruments_are_closed_behind_one_that_refuses(pytester):
    pytester.makepyfile(
        """
        from qcodes.instrument import Instrument

        class Stubborn(Instrument):
            def close(self):
                raise RuntimeError("will not close")

        def test_leaves_three_open(close_instruments):
            keep.extend([Instrument("a"), Stubborn("b"), Instrument("c")])

        def test_none_is_left():
            assert not any(map(Instrument.exist, "abc"))
            assert not hasattr(keep[0], "log") and not hasattr(keep[2], "log")  # closed, not only forgotten

        keep = []
        """
    )
    result = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*RuntimeError: will not close*"])


def test_a_conformance_class_without_a_device_says_what_it_needs(pytester):
    pytester.makepyfile(
        """
        from eventready.testing import LaserConformance
        class TestMine(LaserConformance):
            pass
        """
    )
    result = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "-k", "test_it_is_the_role")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*TestMine needs a fixture `device` that yields the instrument and closes it*"])


def test_mocks_of_one_test_share_its_clock(sim_clock, mock_shutter, mock_aom, mock_laser):
    assert mock_shutter.clock is mock_aom.clock is mock_laser.clock is sim_clock
    assert mock_aom.full_name == "mock_aom"
