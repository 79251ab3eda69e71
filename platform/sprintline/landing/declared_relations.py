"""Relations: what holds between columns of a source, or between two sources, and how a contract states one.

A contract's quality list keeps the relations that the team accepted, as custom rules of the engine `sprintline`:

    - type: custom
      engine: sprintline
      implementation:
        relation: difference(dep_time, sched_dep_time, dep_delay) in hhmm
        allowed: 0.005

`allowed` is the share of compared rows that may violate it. The source is that of the contract, so the text does not
name it; `profiles/` finds relations in the history and measures them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sprintline.mechanisms.declaration.located_yaml import KeyPath, shown, suggest

ENGINE = "sprintline"
"""`engine` of the custom quality rules that state a relation."""
ALLOWED = 0.01
"""Share of rows that may violate a relation whose rule names no other share."""
HOLDS = 0.01
"""A relation holds in a sprint that violates it in at most this share of the compared rows."""
MOST_ALLOWED = 0.2
"""A relation that more rows may violate states nothing about a source."""

CLOCKS = "hhmm"
TIME_UNITS = ("milliseconds", "seconds", "minutes", "hours", "days")


@dataclass(frozen=True)
class Kind:
    """A kind of relation.

    columns: how many columns it names: at least, at most. pairs: whether it is between two sources, with as many
    columns of the other. units: units it can have; empty for none.
    """

    columns: tuple[int, int]
    pairs: bool = False
    units: tuple[str, ...] = ()


KINDS: dict[str, Kind] = {
    "equal": Kind((2, 2)),
    "difference": Kind((3, 3), units=(CLOCKS, *TIME_UNITS)),
    "product": Kind((3, 3)),
    "order": Kind((2, 2)),
    "determines": Kind((2, 3)),
    "null together": Kind((2, 2)),
    "keys in": Kind((1, 12), pairs=True),
    "same value": Kind((2, 13), pairs=True),
    "same groups": Kind((1, 1), pairs=True),
    "same rows per day": Kind((0, 0), pairs=True),
}

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_COLUMNS = rf"\(((?:{_NAME}(?:, ?{_NAME})*)?)\)"
_TEXT = re.compile(rf"([a-z]+(?: [a-z]+)*){_COLUMNS}(?: / ({_NAME}){_COLUMNS})?(?: in ([a-z]+))?")


class NoRelation(ValueError):
    """A text does not state a relation; the message says what is wrong, `right` what to write."""

    def __init__(self, wrong: str, right: str) -> None:
        super().__init__(wrong)
        self.right = right


@dataclass(frozen=True)
class Relation:
    """One thing that holds between columns of a source, or between two sources.

    kind: one of KINDS: `equal` (a = b), `difference` (a - b = c), `product` (a × b = c), `order` (a <= b), `determines`
        (the last column has one value per value of the others), `null together`, `keys in` (each key is in the other
        source), `same value` (the first column, of rows with the same key), `same groups` (the other source has every
        value of the column, and the reverse), `same rows per day`.
    other, other_columns: the other source and its columns, in the order of `columns`, for pairs of sources.
    unit: of a difference of moments (`minutes`); `hhmm` for clocks written HHMM, whose difference is in minutes.
    """

    kind: str
    source: str
    columns: tuple[str, ...]
    other: str = ""
    other_columns: tuple[str, ...] = ()
    unit: str = ""

    @property
    def text(self) -> str:
        """As a contract states it, without the source."""
        other = f" / {self.other}({', '.join(self.other_columns)})" if self.other else ""
        return f"{self.kind}({', '.join(self.columns)}){other}" + (f" in {self.unit}" if self.unit else "")

    @property
    def key(self) -> str:
        """Stable, unique text; `Relation.of` reads it."""
        return f"{self.source}: {self.text}"

    @classmethod
    def of(cls, key: str) -> Relation:
        """The relation of a key. Raises NoRelation."""
        source, colon, text = key.partition(": ")
        if not colon:
            raise NoRelation(
                f"{shown(key, 80)} names no source", "write it as `sprintline relations` shows it"
            )
        return replace(cls.from_text(text), source=source)

    @classmethod
    def from_text(cls, text: str) -> Relation:
        """The relation that a contract states, its source empty. Raises NoRelation."""
        found = _TEXT.fullmatch(" ".join(text.split()))
        if found is None:
            sample = "difference(dep_time, sched_dep_time, dep_delay) in minutes"
            raise NoRelation(f"{shown(text, 80)} is not a relation", f"write for example `{sample}`")
        name, columns, other, other_columns, unit = found.groups()
        if name not in KINDS:
            raise NoRelation(f"{shown(name)} is not a kind of relation", suggest(name, KINDS))
        relation = cls(name, "", _split(columns), other or "", _split(other_columns or ""), unit or "")
        _check_form(relation, KINDS[name])
        return relation

    @property
    def sentence(self) -> str:
        """The claim in plain words, with its source."""
        return f"in {self.source}, {_WORDS[self.kind](self)}" if self.source else _WORDS[self.kind](self)

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources it needs."""
        return (self.source, self.other) if self.other else (self.source,)


@dataclass(frozen=True)
class Accepted:
    """A relation that the team accepted, with the share of compared rows that may violate it."""

    relation: Relation
    allowed: float = ALLOWED


def _split(names: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in names.split(",") if name.strip())


def _check_form(relation: Relation, kind: Kind) -> None:
    least, most = kind.columns
    if not least <= len(relation.columns) <= most:
        needed = str(least) if least == most else f"{least} to {most}"
        raise NoRelation(
            f"`{relation.kind}` names {len(relation.columns)} columns",
            f"name {needed} between the parentheses",
        )
    if len(set(relation.columns)) < len(relation.columns):
        raise NoRelation(f"`{relation.text}` names a column twice", "name each column once")
    if kind.pairs and not relation.other:
        names = ", ".join(relation.columns)
        raise NoRelation(
            f"`{relation.kind}` is between two sources", f"write `{relation.kind}({names}) / other({names})`"
        )
    if not kind.pairs and relation.other:
        raise NoRelation(f"`{relation.kind}` is within one source", f"leave out `/ {relation.other}(…)`")
    if len(relation.other_columns) != (len(relation.columns) if kind.pairs else 0):
        raise NoRelation(
            f"`{relation.text}` names {len(relation.columns)} columns of one source and "
            f"{len(relation.other_columns)} of the other",
            "name as many columns of both, in the same order",
        )
    if relation.unit and relation.unit not in kind.units:
        right = suggest(relation.unit, kind.units) if kind.units else f"leave out `in {relation.unit}`"
        raise NoRelation(f"`{relation.kind}` has no unit {relation.unit}", right)


# --- in words -------------------------------------------------------------------------------------------------------


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _difference(one: Relation) -> str:
    first, second, result = one.columns
    if one.unit == CLOCKS:
        return f"{result} is {first} minus {second} (clocks HHMM) in minutes"
    return f"{result} is {first} minus {second}" + (f" in {one.unit}" if one.unit else "")


def _same_value(one: Relation) -> str:
    value, *key = one.columns
    other = one.other_columns[0]
    named = value if other == value else f"{value} (there {other})"
    return f"{named} is the same as in {one.other} for the same {_listed(tuple(key))}"


def _keys_in(one: Relation) -> str:
    there = "" if one.columns == one.other_columns else f" as {_listed(one.other_columns)}"
    return f"every {_listed(one.columns)} is also in {one.other}{there}"


def _same_groups(one: Relation) -> str:
    (column,), (other,) = one.columns, one.other_columns
    there = "" if column == other else f" as {other}"
    return f"{column} has the same values as in {one.other}{there}"


_WORDS: Mapping[str, Callable[[Relation], str]] = {
    "equal": lambda one: f"{one.columns[0]} equals {one.columns[1]}",
    "difference": _difference,
    "product": lambda one: f"{one.columns[2]} is {one.columns[0]} times {one.columns[1]}",
    "order": lambda one: f"{one.columns[0]} is at most {one.columns[1]}",
    "determines": lambda one: f"{one.columns[-1]} has one value per {_listed(one.columns[:-1])}",
    "null together": lambda one: f"{one.columns[0]} is empty exactly where {one.columns[1]} is",
    "keys in": _keys_in,
    "same value": _same_value,
    "same groups": _same_groups,
    "same rows per day": lambda one: f"there are as many rows per day as in {one.other}",
}


# --- in a contract --------------------------------------------------------------------------------------------------


def is_relation(rule: Any) -> bool:
    """Whether a quality rule of a table states a relation."""
    return isinstance(rule, dict) and rule.get("type") == "custom" and rule.get("engine") == ENGINE


def read_relation(implementation: Any) -> Accepted:
    """The relation of a checked rule's `implementation`, its source empty. Raises NoRelation."""
    if isinstance(implementation, str):
        return Accepted(Relation.from_text(implementation))
    return Accepted(
        Relation.from_text(str(implementation["relation"])), float(implementation.get("allowed", ALLOWED))
    )


def mistakes_in(
    rule: Mapping[str, Any], columns: Mapping[str, Any], at: KeyPath
) -> Iterator[tuple[KeyPath, str, str]]:
    """Path, what is wrong and what would be right, for every mistake of a rule that states a relation.

    columns: those of the contract's table, by name. Columns of the other source are checked with the product.
    """
    stated = rule.get("implementation")
    here: KeyPath = (*at, "implementation")
    text = stated
    if isinstance(stated, dict):
        for key in stated:
            if key not in ("relation", "allowed"):
                yield (*here, key), "unknown key", suggest(key, ("relation", "allowed"))
        text = stated.get("relation")
        allowed = stated.get("allowed", ALLOWED)
        if (
            isinstance(allowed, bool)
            or not isinstance(allowed, int | float)
            or not 0 <= allowed <= MOST_ALLOWED
        ):
            right = f"write a share from 0 to {MOST_ALLOWED:g}: 0.01 for 1 % of the compared rows"
            yield (*here, "allowed"), f"{shown(allowed)} is not a share of rows", right
        here = (*here, "relation")
    if not isinstance(text, str):
        wrong = "is missing" if text is None else f"{shown(text)} is not text"
        yield here, wrong, "write `relation: order(placed_at, delivered_at)`"
        return
    try:
        relation = Relation.from_text(text)
    except NoRelation as error:
        yield here, str(error), error.right
        return
    if unknown := [name for name in relation.columns if name not in columns]:
        yield here, f"there is no column {unknown[0]}", suggest(unknown[0], columns)
