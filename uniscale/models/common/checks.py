"""What configurations refuse, in one wording: the field, its value, and values that work."""

from __future__ import annotations

import math


def check_at_least(minimum: int, **values: int | None) -> None:
    """Refuse numbers that are too small; None passes.

    Args:
        minimum: The smallest that passes.
        values: By name of the field.

    Raises:
        ValueError: One is too small.
    """
    for name, value in values.items():
        if value is not None and value < minimum:
            raise ValueError(f"{name}={value} must be at least {minimum}")


def check_heads(num_heads: int, **widths: int) -> None:
    """Refuse a number of attention heads that does not cut all widths into equal parts.

    Args:
        num_heads: Heads.
        widths: By name of the field.

    Raises:
        ValueError: It does not; the message lists numbers that do.
    """
    common = math.gcd(*widths.values())
    if num_heads < 1 or common % num_heads:
        named = " and ".join(f"{name}={width}" for name, width in widths.items())
        fitting = ", ".join(str(count) for count in range(1, common + 1) if common % count == 0)
        raise ValueError(f"num_heads={num_heads} must divide {named}; numbers of heads that do: {fitting}")
