"""The tail of the chi-square distribution, without a statistics library."""

from __future__ import annotations

import math

_ENOUGH = 1e-15
_MOST_STEPS = 1_000


def chi_square_tail(x: float, degrees: int) -> float:
    """Return the probability that a chi-square variable with so many degrees of freedom is greater than ``x``."""
    a, half = degrees / 2, x / 2
    if half <= 0:
        return 1.0
    scale = math.exp(a * math.log(half) - half - math.lgamma(a))
    return 1 - scale * _series(a, half) if half < a + 1 else scale * _fraction(a, half)


def _series(a: float, x: float) -> float:
    """Return the regularised lower incomplete gamma function of a and x, divided by xᵃe⁻ˣ/Γ(a)."""
    term = total = 1 / a
    for step in range(1, _MOST_STEPS):
        term *= x / (a + step)
        total += term
        if term < total * _ENOUGH:
            break
    return total


def _fraction(a: float, x: float) -> float:
    """Return the upper one, divided likewise, by Lentz's continued fraction."""
    b = x + 1 - a
    c, d = math.inf, 1 / b
    total = d
    for step in range(1, _MOST_STEPS):
        numerator = step * (a - step)
        b += 2
        d = 1 / (numerator * d + b)
        c = b + numerator / c
        total *= c * d
        if abs(c * d - 1) < _ENOUGH:
            break
    return total
