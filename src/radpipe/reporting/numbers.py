"""How numbers are printed: three decimals, a proper minus, p below 0.001 as such."""

import math

MISSING = "–"
"""Printed where there is no number."""


def number(value: object, digits: int = 3) -> str:
    """A decimal number, or a dash for what is missing or not finite."""
    real = as_float(value)
    if not math.isfinite(real):
        return MISSING
    text = f"{real:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def significant(value: object, digits: int = 3) -> str:
    """A number of any size with `digits` significant digits."""
    real = as_float(value)
    if not math.isfinite(real):
        return MISSING
    if real == round(real) and abs(real) < 1e6:
        return f"{real:.0f}".replace("-", "−")
    return f"{real:.{digits}g}".replace("-", "−")


def p_value(value: object) -> str:
    """A p-value as tables print it."""
    real = as_float(value)
    if not math.isfinite(real):
        return MISSING
    return "<0.001" if real < 0.001 else f"{real:.3f}"


def p_clause(value: object) -> str:
    """A p-value as text prints it: `p = 0.012` or `p < 0.001`."""
    text = p_value(value)
    return f"p < {text[1:]}" if text.startswith("<") else f"p = {text}"


def bounds(low: object, high: object, digits: int = 3) -> str:
    """The two ends of an interval, `0.61 to 0.92`."""
    return f"{number(low, digits)} to {number(high, digits)}"


def with_bounds(estimate: object, low: object, high: object, digits: int = 3) -> str:
    """An estimate above its interval, for a table cell."""
    if not math.isfinite(as_float(estimate)):
        return MISSING
    if not (math.isfinite(as_float(low)) and math.isfinite(as_float(high))):
        return number(estimate, digits)
    return f"{number(estimate, digits)}\n({bounds(low, high, digits)})"


def count(n: int, noun: str, plural: str | None = None) -> str:
    """`1 case`, `12 cases`."""
    return f"{n} {noun}" if n == 1 else f"{n} {plural or noun + 's'}"


def percent(confidence: float) -> str:
    """A confidence level, `95 %`."""
    return f"{100 * confidence:g} %"


def listing(items: list[str]) -> str:
    """`a, b and c`."""
    if len(items) < 2:
        return "".join(items)
    return ", ".join(items[:-1]) + " and " + items[-1]


def as_float(value: object) -> float:
    """`value` as a float; what is no number becomes NaN."""
    if value is None:
        return math.nan
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan
