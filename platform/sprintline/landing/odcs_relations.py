"""The part of a contract's checks that is about relations: those that are accepted, and those that are rejected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sprintline.landing.declared_relations import (
    NoRelation,
    Relation,
    is_relation,
    mistakes_in,
    read_relation,
)
from sprintline.mechanisms.declaration.located_yaml import KeyPath, shown

if TYPE_CHECKING:
    from sprintline.landing.odcs_checks import MistakeList


def check_relations(rules: Any, path: KeyPath, columns: Mapping[str, Any], found: MistakeList) -> list[Any]:
    """Check the rules that state a relation; returns all rules, None in place of these."""
    left: list[Any] = []
    lines: dict[str, int] = {}
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        left.append(None if is_relation(rule) else rule)
        if not is_relation(rule):
            continue
        at: KeyPath = (*path, index)
        mistakes = list(mistakes_in(rule, columns, at))
        for place, wrong, right in mistakes:
            found.add(place, wrong, right)
        if not mistakes:
            text = read_relation(rule["implementation"]).relation.text
            if text in lines:
                first = f"keep one; the first is in line {lines[text]}"
                found.add((*at, "implementation"), "the relation is stated twice", first)
            lines.setdefault(text, found.yaml.line(at))
    return left


def check_rejected(value: Any, at: KeyPath, found: MistakeList) -> None:
    """Check a list of rejected relations.

    Columns may have left the contract since: then the relation can no longer be found, which is no mistake.
    """
    if not isinstance(value, list):
        found.add(
            at, f"{shown(value)} is not a list", "write a relation per line, as `sprintline relations` does"
        )
        return
    for index, text in enumerate(value):
        try:
            Relation.from_text(str(text))
        except NoRelation as error:
            found.add((*at, index), str(error), error.right)
