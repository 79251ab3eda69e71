"""Which type the texts of a column have, and what its owner should know about the choice."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sprintline.landing.contracts import Column
from sprintline.landing.exact import lost_by_key, lost_by_number
from sprintline.landing.reasons import listed, quoted
from sprintline.landing.types import BEYOND, MOST, convert

#: Words that mean "not known" where every other value of the column is a number, a date, a moment or a truth value.
WORDS = frozenset(
    ("na", "n/a", "#n/a", "#n/a n/a", "n.a.", "<na>", "nan", "-nan", "nat", "null", "(null)", "\\n", "none", "nil",
     "unknown", "missing", "undefined", "-", "--", "---", ".", "..", "?", "#value!", "#div/0!", "#ref!", "#num!",
     "#name?", "#null!")
)  # fmt: skip
_INFINITE = re.compile(r"[-+]?inf(inity)?", re.IGNORECASE)
_NANOSECONDS = re.compile(r"\.\d{6}\d*[1-9]")
#: This many values rule out most types.
FIRST = 100
SOME = 5_000
"""So many different texts tell whether a column was meant as numbers."""
MOSTLY = 0.8
"""A column in which so many values read as numbers was probably meant as one."""

_PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_MONEY = "[$€£¥₹]|EUR|USD|GBP|CHF|JPY|CNY|INR|CAD|AUD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN"
#: How a number is written otherwise -> how to write it.
_FORMS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern), what, right)
    for pattern, what, right in (
        (r"\s*[-+]?\d+\.?\d*\s*%", "per cent", "write the number alone"),
        (r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?", "commas between thousands", "write 1234.5"),
        (r"[-+]?\d*(\.\d{3})*,\d+", "a decimal comma", "write a decimal point: 12.5"),
        (r"[-+]?\d{1,3}(['\u2019 \u00a0\u202f]\d{3})+([.,]\d+)?", "signs between thousands", "write 1234.5"),
        (rf"[-+]?\s*({_MONEY})\s*[-+]?[\d.,]+", "a currency", "write the number alone"),
        (rf"[-+]?[\d.,]+\s*({_MONEY})", "a currency", "write the number alone"),
        (r"\([\d.,]+\)|[\d.,]+-", "a minus of accountants", "write -12.5"),
        (r"[-+]?\d+(\.\d+)?\s?(?!\d)(?:[^\W\d_]|°){1,5}", "a unit", "write the number alone"),
        (r"[-+\u2212]?\d+([.,\u066b]\d+)?", "digits or a minus of another script", "write -12.5"),
        (r"\s*[-+]?(\d+\.?\d*|\.\d+)\s*", "spaces around it", "write the number alone"),
    )
)  # fmt: skip
_DATE = re.compile(
    r"\d{1,2}[./-]\d{1,2}[./-](\d{4}|\d{2})( .*)?|\d{4}[./]\d{1,2}[./]\d{1,2}( .*)?|\d{4}-\d{1,2}-\d{1,2}.*"
    r"|\d{1,2}[. -]+[^\W\d_]{3,9}\.?[ -]+\d{2,4}.*|[^\W\d_]{3,9}\.? \d{1,2},? \d{4}.*"
)


@dataclass(frozen=True)
class Guess:
    """The type of a column, why it has that, and its words for "not known".

    note: what the owner should read on the screen; None where nothing of the column is lost.
    lost: why a file's own type cannot be the contract's.
    """

    kind: str
    why: str
    not_known: tuple[str, ...] = ()
    note: str | None = None
    lost: str | None = None


def guess(texts: Collection[str], timezone: str, *, key: bool = False, moment: bool = False) -> Guess:
    """The type of a column's different texts, none of them empty.

    key: whether it identifies the rows. moment: whether it says when a row happened or became known.
    """
    if not texts:
        return Guess("string", "it is empty throughout")
    if key:
        kind, why = _kind(list(texts), timezone)
        lost = lost_by_key(list(texts), kind, moment=moment)
        return Guess("string", f"text: {lost}") if lost else Guess(kind, why)
    words = [text for text in texts if text.strip().casefold() in WORDS]
    beyond = [text for text in texts if _beyond(text)]
    rest = [text for text in texts if text not in {*words, *beyond}]
    kind, why = _kind(rest, timezone) if rest else ("string", "")
    if beyond and kind not in ("integer", "number"):
        beyond, rest = [], [text for text in texts if text not in words]
        kind, why = _kind(rest, timezone) if rest else ("string", "")
    if kind == "string":
        return _text(list(texts), rest, words, why)
    fine = next(filter(_NANOSECONDS.search, rest), None) if kind == "timestamp" else None
    if fine and not moment:
        return _text(
            list(texts), rest, words, f"digits beyond a microsecond ({quoted(fine)}), which a moment loses"
        )
    notes = [f"digits beyond a microsecond ({quoted(fine)}) are cut"] if fine else []
    if words:
        notes.append(f"{_quoted(words)} {_count(words, 'means', 'mean')} not known")
    if beyond:
        notes.append(f"{_quoted(beyond)} {BEYOND}, and counts as not known")
    if not notes:
        return Guess(kind, why)
    absent = (*words, *beyond)
    but = f" but for {_quoted(absent)}" if absent else ""
    return Guess("number" if beyond else kind, why + but, absent, "; ".join(notes))


def of_parquet(
    texts: Collection[str], kind: str, why: str, timezone: str, *, key: bool, moment: bool
) -> Guess:
    """What there is to know of a column whose type is the file's own."""
    if key:
        return Guess(kind, why, lost=lost_by_key(list(texts), kind, moment=moment) if texts else None)
    if kind == "number":
        beyond = tuple(text for text in texts if _beyond(text))
        lost = lost_by_number([text for text in texts if text not in beyond]) if why.endswith(")") else None
        note = f"{_quoted(beyond)} {BEYOND}, and counts as not known" if beyond else None
        return Guess(kind, why, beyond, note, lost and f"it has {lost}")
    if kind != "string" or not texts:
        return Guess(kind, why)
    read = guess(texts, timezone)
    if read.kind == "string":
        # What a number would lose is safe: its writer chose text.
        return Guess(kind, why, note=None if _is_lossy(texts) else read.note)
    return Guess(kind, why, note=f"it is text, and {read.why}; if it is meant so, write it with that type")


def _is_lossy(texts: Collection[str]) -> bool:
    """Whether texts that read as numbers are text because of what a number would lose."""
    return all(map(_PLAIN.fullmatch, texts)) and lost_by_number(list(texts)) is not None


def _beyond(text: str) -> bool:
    if _INFINITE.fullmatch(text):
        return True
    return _PLAIN.fullmatch(text) is not None and not text.lstrip("+-").isdigit() and abs(float(text)) > MOST


def _kind(texts: list[str], timezone: str) -> tuple[str, str]:
    if all(map(_PLAIN.fullmatch, texts)) and (lost := lost_by_number(texts)):
        return "string", lost
    missing = [False] * len(texts)
    for kind, why in (
        ("integer", "every value is a whole number"),
        ("number", "every value is a number"),
        ("boolean", "every value is true or false"),
        ("date", "every value is a date"),
        ("timestamp", "every value is a moment"),
    ):
        column = Column("", kind, timezone=timezone)
        if kind != "timestamp" and convert(texts[:FIRST], missing[:FIRST], column)[1]:
            continue
        _, reasons = convert(texts, missing, column)
        if not reasons:
            if kind == "boolean" and {text.lower() for text in texts} - {"true", "false"}:
                return "string", "both words and digits for true and false"
            return kind, why
        if kind == "timestamp" and (
            clock := next((r for r in reasons.values() if "clocks change" in r), None)
        ):
            place = next(index for index, reason in reasons.items() if reason == clock)
            return "string", f"{texts[place]} {clock}"
    return "string", ""


def _text(texts: list[str], rest: list[str], words: list[str], why: str) -> Guess:
    """A column that stays text: what its owner should know, where it was probably meant as something else."""
    kept = (
        f"{_quoted(words)} {_count(words, 'is a value', 'are values')} like others; if it means not known, name it in "
        "the contract (notKnown)"
        if words
        else None
    )
    if why:
        return Guess("string", why, note=f"it is text because of {why}")
    plain = f"{len(texts)} different texts"
    if not rest:
        return Guess("string", plain, note=kept)
    meant = _meant(rest)
    return Guess("string", meant or plain, note=f"it is text: {meant}" if meant else kept)


def _meant(texts: Sequence[str]) -> str | None:
    """How the texts write what the platform would read as a number or a moment in another form."""
    some = texts[:SOME]
    least = max(1, round(MOSTLY * len(some)))
    others = [text for text in some if not _PLAIN.fullmatch(text)]
    plain = len(some) - len(others)
    forms = [(what, right, [text for text in others if form.fullmatch(text)]) for form, what, right in _FORMS]
    dates = [text for text in some if _DATE.fullmatch(text)]
    if len(dates) >= least:
        return f"its values look like dates or moments ({quoted(dates[0])}); write 2026-01-05, or 2026-01-05T08:10:00Z"
    for what, right, found in forms:
        if found and len(found) + plain >= least and not (what == "a unit" and not _same_unit(found)):
            return f"its values look like numbers with {what} ({quoted(found[0])}); {right}"
    if plain >= least and others:
        others = [text for text in texts if not _PLAIN.fullmatch(text)]
        return (
            f"{len(others)} of its {len(texts)} different values are no numbers, for example {quoted(others[0])}; fix "
            f"them, or leave them empty"
        )
    return None


def _same_unit(texts: Sequence[str]) -> bool:
    return len(texts) > 1 and len({re.sub(r"[-+\d.\s]", "", text) for text in texts}) == 1


def _quoted(words: Sequence[str]) -> str:
    return listed([quoted(word) for word in words], 5)


def _count(words: Sequence[str], one: str, several: str) -> str:
    return one if len(words) == 1 else several
