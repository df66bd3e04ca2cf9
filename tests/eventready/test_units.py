import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventready.errors import ConfigError
from eventready.units import UNITS, parse_quantity


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("19.2 us", "time", 19.2e-6),
        ("19.2us", "time", 19.2e-6),
        ("330 µs", "time", 330e-6),
        ("2.5 h", "time", 9000.0),
        ("52 kHz", "frequency", 52e3),
        ("780 nm", "length", 780e-9),
        ("700 m", "length", 700.0),
        ("-22.5 deg", "angle", math.radians(-22.5)),
        ("1e-3 W", "power", 1e-3),
        ("5 %", "fraction", 0.05),
        ("0.98", "fraction", 0.98),
        (0.98, "fraction", 0.98),
        ("10 cps", "frequency", 10.0),
    ],
)
def test_quantities_become_si(text, dimension, value):
    assert parse_quantity(text, dimension) == value


@pytest.mark.parametrize(
    ("text", "dimension", "words"),
    [
        ("19.2", "time", "has no unit"),
        (5, "time", "has no unit"),
        ("19.2 kHz", "time", "is a unit of frequency"),
        ("3 usec", "time", "did you mean 'us'"),
        ("3 ks", "time", "there is no unit 'ks'"),
        ("fast", "time", "is not a time"),
        ("", "time", "is not a time"),
        ("nan s", "time", "is not a time"),
        ("1e999 s", "time", "not finite"),
        (True, "fraction", "is not a fraction"),
        ("1 2 s", "time", "is not a time"),
    ],
)
def test_what_is_not_a_quantity_says_why(text, dimension, words):
    with pytest.raises(ConfigError, match=words):
        parse_quantity(text, dimension)


@given(st.text(max_size=30), st.sampled_from(sorted(UNITS)))
def test_junk_is_a_config_error_and_nothing_else(text, dimension):
    try:
        assert math.isfinite(parse_quantity(text, dimension))
    except ConfigError:
        pass
