"""Numbers in the notation of the papers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventready.cli.notation import interval, qber_interval, qber_plain, qber_short, short, sigmas
from eventready.protocol.bell import MUNICH_GAME, OXFORD_GAME
from eventready.protocol.estimate import Estimate, normal, proportion


@pytest.mark.parametrize(
    ("value", "sigma", "printed"),
    [
        # as printed by Zhang et al., Nature 607, 687 (2022)
        (0.07813, 0.01268, "0.0781(127)"),
        (0.07767, 0.01319, "0.0777(132)"),
        (-0.59894, 0.04114, "-0.599(41)"),
        (0.869, 0.025, "0.869(25)"),
        (0.892, 0.0229, "0.892(23)"),
        # where rounding changes the number of digits
        (1.0, 0.01996, "1.000(20)"),
        (1.0, 0.0996, "1.000(100)"),
        (1.0, 0.09996, "1.000(100)"),
        (0.5, 0.00199, "0.50000(199)"),
        # errors of one and more
        (123.44, 5.62, "123.4(5.6)"),
        (12.344, 1.23, "12.34(1.23)"),
        (1234.4, 127.3, "1234(127)"),
    ],
)
def test_value_with_its_error(value, sigma, printed):
    assert short(normal(value, sigma)) == printed


def test_an_error_of_zero_shows_the_interval():
    assert short(proportion(0, 20)) == "0(0 to 0.161)"
    assert interval(proportion(20, 20)) == "0.839 to 1"


def test_the_interval_has_the_decimals_of_the_value():
    assert interval(Estimate(2.578, 0.0757, 2.41799, 2.71432)) == "2.418 to 2.714"


def test_error_rates_are_written_as_in_their_own_paper():
    q = Estimate(0.0144, 0.00024, 0.01394, 0.01488)
    assert (qber_short(q, OXFORD_GAME), qber_interval(q, OXFORD_GAME), qber_plain(0.0144, OXFORD_GAME)) == (
        "1.440(24) %",
        "1.394 to 1.488 %",
        "1.44 %",
    )
    assert (qber_short(q, MUNICH_GAME), qber_interval(q, MUNICH_GAME), qber_plain(0.0144, MUNICH_GAME)) == (
        "0.01440(24)",
        "0.01394 to 0.01488",
        "0.0144",
    )


def test_what_is_not_known_is_a_dash():
    for game in (MUNICH_GAME, OXFORD_GAME):
        assert {qber_short(None, game), qber_interval(None, game), qber_plain(None, game), short(None), interval(None)} == {"-"}


def test_deviations():
    assert (sigmas(-0.26), sigmas(1.04), sigmas(None)) == ("-0.3 sigma", "+1.0 sigma", "")


@given(value=st.floats(-10, 10), sigma=st.floats(1e-6, 0.9))
def test_nothing_is_lost_but_by_rounding(value, sigma):
    text = short(normal(value, sigma))
    number, _, digits = text.rstrip(")").partition("(")
    decimals = len(number.partition(".")[2])
    error = float(digits) if "." in digits else int(digits) * 10.0**-decimals
    assert error == pytest.approx(sigma, rel=0.03)
    assert abs(float(number) - value) <= 0.051 * sigma  # half a unit of the last digit, and an error has at least ten of them
