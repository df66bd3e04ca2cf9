"""The one-round Renyi bound: its limits, and what its derivation claims of it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventready.errors import ConfigError
from eventready.protocol.entropy import TSIRELSON, one_basis_entropy
from eventready.protocol.renyi_entropy import one_basis_renyi_entropy, renyi_binary_entropy


@given(st.floats(0.001, 0.999), st.floats(0.5, 0.999))
def test_the_binary_entropy_is_the_one_defined(p, order):
    assert renyi_binary_entropy(p, order) == pytest.approx(math.log2(p**order + (1 - p) ** order) / (1 - order), abs=1e-11)
    assert renyi_binary_entropy(0, order) == renyi_binary_entropy(1, order) == 0
    assert renyi_binary_entropy(0.5, order) == pytest.approx(1)


@pytest.mark.parametrize("s", [2.0, 2.1, 2.4, 2.64, 2.8, TSIRELSON])
def test_limits_of_the_order(s):
    """Order 1: Acin et al.; infinite: the guessing probability (1 + sqrt(2 - S^2/4))/2 (Pironio et al., Nature 464, 1021 (2010))."""
    assert one_basis_renyi_entropy(s, 1) == one_basis_entropy(s)
    for order in (1 + 1e-12, 1 + 1e-9, 1 + 1e-6):
        # The slope in a is at most half the variance of log2 of the odds, with ln 2; 3 is above it for these S.
        assert one_basis_renyi_entropy(s, order) == pytest.approx(one_basis_entropy(s), abs=3 * (order - 1) + 1e-12)
    guessing = 1 - math.log2(1 + math.sqrt(max(0.0, 2 - s**2 / 4)))
    assert one_basis_renyi_entropy(s, math.inf) == pytest.approx(guessing, abs=1e-12)
    assert one_basis_renyi_entropy(s, 1e9) == pytest.approx(guessing, abs=1e-7)


@given(st.floats(-2.8, 3), st.floats(1, 100), st.floats(1, 100))
def test_the_bound_falls_with_the_order_and_stays_between_0_and_1(s, one, other):
    low, high = sorted((one, other))
    assert 0 <= one_basis_renyi_entropy(s, high) <= one_basis_renyi_entropy(s, low) + 1e-12 <= 1 + 2e-12


@pytest.mark.parametrize("order", [1.0005, 1.1, 2.0, 10.0])
def test_what_blocks_mix_by_is_concave(order):
    """2^(-u H), u = (a - 1)/a, concave in S over the whole range: an eavesdropper gains nothing by mixing blocks."""
    s = np.linspace(-2, TSIRELSON, 20_001)
    phi = np.array([2 ** (-(order - 1) / order * one_basis_renyi_entropy(v, order)) for v in s])
    assert np.diff(phi, 2).max() < 1e-14
    assert np.diff(phi, 2).min() < 0


def test_orders_below_1_and_no_order_are_refused():
    for order in (0.9, math.nan):
        with pytest.raises(ConfigError):
            one_basis_renyi_entropy(2.5, order)
