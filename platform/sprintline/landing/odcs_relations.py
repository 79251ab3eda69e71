"""The part of a contract's checks that is about relations: those that are accepted, and those that are rejected.

A mistake is its path, what is wrong, and what would be right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sprintline.landing.declared_relations import (
    NoRelation,
    Relation,
    is_relation,
    mistakes_in,
    read_relation,
)
from sprintline.mechanisms.declaration.located_yaml import KeyPath, shown


def accepted_mistakes(
    rules: Any, path: KeyPath, columns: Mapping[str, Any], line: Callable[[KeyPath], int]
) -> Iterator[tuple[KeyPath, str, str]]:
    """Mistakes in the rules that state a relation, among the quality rules of a table.

    columns: those of the table, by name. line: the line of a path.
    """
    first: dict[str, int] = {}
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        if not is_relation(rule):
            continue
        at: KeyPath = (*path, index)
        mistakes = list(mistakes_in(rule, columns, at))
        yield from mistakes
        if mistakes:
            continue
        text = read_relation(rule["implementation"]).relation.text
        if text in first:
            right = f"keep one; the first is in line {first[text]}"
            yield (*at, "implementation"), "the relation is stated twice", right
        first.setdefault(text, line(at))


def without_relations(rules: Any) -> Any:
    """The quality rules with None in place of those that state a relation, so that the others keep their places."""
    return [None if is_relation(rule) else rule for rule in rules] if isinstance(rules, list) else rules


def rejected_mistakes(value: Any, at: KeyPath) -> Iterator[tuple[KeyPath, str, str]]:
    """Mistakes in a list of rejected relations.

    Columns may have left the contract since: then the relation can no longer be found, which is no mistake.
    """
    if not isinstance(value, list):
        yield at, f"{shown(value)} is not a list", "write a relation per line, as `sprintline relations` does"
        return
    for index, text in enumerate(value):
        try:
            Relation.from_text(str(text))
        except NoRelation as error:
            yield (*at, index), str(error), error.right
