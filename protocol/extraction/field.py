"""GF(2^l) on Python integers, where bit i of an integer is the coefficient of z^i.

Slow and short: the kernels are tested against it, and it finds the polynomial that a field is taken modulo.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache


def multiply(a: int, b: int) -> int:
    """Product of two polynomials over GF(2)."""
    product = 0
    while b:
        lowest = b & -b
        product ^= a * lowest
        b ^= lowest
    return product


def reduce(a: int, modulus: int) -> int:
    """Remainder of ``a`` modulo ``modulus``, which is not 0."""
    length = modulus.bit_length()
    while a.bit_length() >= length:
        a ^= modulus << (a.bit_length() - length)
    return a


def is_irreducible(polynomial: int) -> bool:
    """Whether a polynomial over GF(2) of degree l >= 1 has no factor.

    Rabin's test (SIAM J. Comput. 9, 273 (1980)): it divides z^(2^l) - z, and has no factor in common with z^(2^(l/p)) - z for any prime p
    that divides l.
    """
    length = polynomial.bit_length() - 1
    wanted = {length // divisor for divisor in range(2, length + 1) if length % divisor == 0 and _is_prime(divisor)}
    start = power = reduce(0b10, polynomial)
    for step in range(1, length + 1):
        power = reduce(int(f"{power:b}", 4), polynomial)  # a square has the same digits with a 0 after each: the string read to base 4
        if step in wanted and _common_divisor(polynomial, power ^ start) != 1:
            return False
    return power == start


@lru_cache(maxsize=64)
def reduction_polynomial(length: int) -> int:
    """The polynomial of degree ``length`` that GF(2^length) is taken modulo.

    Of the irreducible ones with three terms the smallest as an integer, or else of those with five: z^142 + z^21 + 1,
    z^128 + z^7 + z^2 + z + 1. That is the rule of Seroussi's table (HPL-98-135), and of ``irreducible_poly(2, length, terms="min",
    method="min")`` in galois. The second exponent is at most length / 2, on which the kernels rely: with z^l + z^k + 1 its mirror image
    z^l + z^(l-k) + 1 is irreducible too, and five terms are not known to need more.

    Raises:
        ValueError: ``length`` is less than 2, or there is no such polynomial (none is known for which there is not).
    """
    if length < 2:
        raise ValueError(f"GF(2^{length}) is not taken modulo a polynomial; there must be two bits at least")
    for candidate in _sparse(length):
        if is_irreducible(candidate):
            return candidate
    raise ValueError(f"no irreducible polynomial of degree {length} with three or five terms; take another error or another length")


def exponents(polynomial: int) -> tuple[int, ...]:
    """Exponents of the terms, highest first."""
    return tuple(i for i in reversed(range(polynomial.bit_length())) if polynomial >> i & 1)


def _sparse(length: int) -> Iterator[int]:
    """Polynomials with three terms, then with five, each in order of size; none that z divides."""
    ends, half = 1 << length | 1, length // 2
    yield from (ends | 1 << a for a in range(1, half + 1))
    yield from (ends | 1 << a | 1 << b | 1 << c for a in range(3, half + 1) for b in range(2, a) for c in range(1, b))


def _common_divisor(a: int, b: int) -> int:
    while b:
        a, b = b, reduce(a, b)
    return a


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))
