"""GF(2^l): products, and the polynomials that fields are taken modulo."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventready.protocol.extraction.field import exponents, is_irreducible, multiply, reduce, reduction_polynomial

polynomials = st.integers(0, 2**300)


def has_factor(polynomial: int) -> bool:
    half = 1 << (polynomial.bit_length() - 1) // 2 + 1
    return any(reduce(polynomial, divisor) == 0 for divisor in range(2, half))


@pytest.mark.parametrize("degree", range(1, 11))
def test_irreducible_is_what_no_smaller_polynomial_divides(degree) -> None:
    candidates = range(1 << degree, 2 << degree)
    assert [p for p in candidates if is_irreducible(p)] == [p for p in candidates if not has_factor(p)]


@pytest.mark.parametrize(
    ("length", "inner"),
    [
        (8, (4, 3, 1)),  # FIPS 197
        (128, (7, 2, 1)),  # SP 800-38D
        (163, (7, 6, 3)),  # FIPS 186-4
        (233, (74,)),
        (283, (12, 7, 5)),
        (142, (21,)),  # the others: Seroussi, HPL-98-135
        (144, (7, 4, 2)),
        (192, (7, 2, 1)),
        (256, (10, 5, 2)),
    ],
)
def test_published_reduction_polynomials(length, inner) -> None:
    assert exponents(reduction_polynomial(length)) == (length, *inner, 0)


@pytest.mark.parametrize("lengths", [range(2, 110), pytest.param(range(110, 257), marks=pytest.mark.slow)])
def test_every_field_has_one_and_its_second_exponent_is_half_at_most(lengths) -> None:
    for length in lengths:
        first, second, *_, last = exponents(reduction_polynomial(length))
        assert (first, last) == (length, 0)
        assert 2 * second <= length


def test_one_bit_is_no_field_of_this_kind() -> None:
    with pytest.raises(ValueError, match="two bits"):
        reduction_polynomial(1)


@given(polynomials, polynomials, polynomials)
def test_products_are_those_of_a_ring(a, b, c) -> None:
    assert multiply(a, b) == multiply(b, a)
    assert multiply(a, b ^ c) == multiply(a, b) ^ multiply(a, c)
    assert multiply(a, multiply(b, c)) == multiply(multiply(a, b), c)
    assert multiply(a, 0b10) == a << 1


@given(polynomials, polynomials, st.integers(2, 40).map(reduction_polynomial))
def test_a_remainder_is_short_and_differs_by_a_multiple(a, b, modulus) -> None:
    assert reduce(a, modulus).bit_length() < modulus.bit_length()
    assert reduce(a ^ multiply(b, modulus), modulus) == reduce(a, modulus)


@given(st.integers(2, 12), st.data())
def test_every_element_but_0_has_an_inverse(length, data) -> None:
    modulus = reduction_polynomial(length)
    element = data.draw(st.integers(1, 2**length - 1))
    power = 1
    for _ in range(2**length - 2):
        power = reduce(multiply(power, element), modulus)
    assert reduce(multiply(power, element), modulus) == 1
