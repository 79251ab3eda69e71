"""Which texts that read as numbers are something else: a number could not give them back.

A phone number, an article number or a version loses what identifies it when it becomes a number: a leading zero, a
plus, digits beyond the number's precision, its spelling. Such a column is text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal

from sprintline.landing.reasons import quoted

SAFE_DIGITS = 15
"""Every decimal number with so few significant digits survives as a double; up to 17 digits some do."""

_LEADING_ZERO = re.compile(r"[-+]?0\d")
_WHOLE = re.compile(r"[-+]?\d+")
#: As codes are written; programs write a sign before an exponent, a point before the E, or the largest numbers only.
_CODE = re.compile(r"[-+]?\d+[eE]\d+")
_LARGE = re.compile(r"[-+]?\d[eE](?:1[6-9]|[2-9]\d|\d{3,})")
_FIXED = re.compile(r"[-+]?(\d*)\.(\d*)")


def lost_by_number(texts: Sequence[str]) -> str | None:
    """What a number would lose of texts that all read as numbers, with an example; None where it loses nothing."""
    whole = [text for text in texts if _WHOLE.fullmatch(text)]
    codes = [text for text in texts if _CODE.fullmatch(text)]
    tests: tuple[tuple[str, Callable[[str], bool]], ...] = (
        ("leading zeros", lambda text: _LEADING_ZERO.match(text) is not None),
        ("a written plus", lambda text: text.startswith("+")),
    )
    for what, lost in tests:
        if (example := next(filter(lost, texts), None)) is not None:
            return f"{what} ({quoted(example)}), which a number would lose"
    if (example := next(filter(beyond_64_bits, whole), None)) is not None:
        return f"digits beyond 64 bits ({quoted(example)}), which a number would lose"
    small = next((text for text in codes if not _LARGE.fullmatch(text)), None)
    if codes and (small or len(codes) == len(texts)):
        return f"digits around an E ({quoted(small or codes[0])}), as codes have; a number would lose their spelling"
    if len(whole) < len(texts) and (example := next(filter(_rounded, texts), None)) is not None:
        return f"more digits than a number keeps ({quoted(example)}), which it would round"
    return _padded(texts)


def beyond_64_bits(text: str) -> bool:
    """Whether a whole number of any length needs more than 64 bits with sign."""
    # Python reads at most 4,300 digits, and 20 are too many anyway.
    return len(text.lstrip("+-0")) > 19 or not -(2**63) <= int(text) < 2**63


def _rounded(text: str) -> bool:
    """Whether a double with this many digits is another number."""
    if len(text) <= SAFE_DIGITS and "e" not in text.lower():
        return False
    value = Decimal(text)
    digits = len(value.normalize().as_tuple().digits)
    return bool(Decimal(f"{float(text):.{max(0, min(digits, 17) - 1)}e}") != value)


def _padded(texts: Sequence[str]) -> str | None:
    """Versions and chapters: 1.9 and 1.10. Where zeros fill up to a fixed width, all numbers have that width."""
    found = [match for text in texts if (match := _FIXED.fullmatch(text))]
    padded = next((one for one in found if len(one[2]) > 1 and one[2].endswith("0")), None)
    if padded is None or len({len(one[2]) for one in found}) == 1:
        return None
    if len({len((one[1] + one[2]).lstrip("0")) for one in found}) == 1:
        return None
    other = next(one for one in found if len(one[2]) != len(padded[2]))
    return f"a zero at the end of some only ({quoted(padded[0])} beside {quoted(other[0])}), which a number would lose"


def lost_by_key(texts: Sequence[str], kind: str, *, moment: bool) -> str | None:
    """Why a key's texts cannot be given back from this type; None where they can.

    moment: whether the column is also the moment of its row, which no text can be.
    """
    if kind in ("string", "date") or (kind == "timestamp" and moment):
        return None
    if kind == "integer":
        other = next((text for text in texts if str(int(text.partition(".")[0])) != text), None)
        return other and f"the key has {quoted(other)}, which a whole number would not give back"
    return f"a key is never a {kind}, which would not give back {quoted(texts[0])}"
