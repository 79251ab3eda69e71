"""Relations found in the last closed sprints of a product, and the team's answer to each, kept in the contract."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from sprintline.base.errors import Refusal
from sprintline.base.files import atomic_write
from sprintline.base.places import shown
from sprintline.lake.tables import Lake
from sprintline.landing.declared_relations import (
    ENGINE,
    HOLDS,
    MOST_ALLOWED,
    NoRelation,
    Relation,
    is_relation,
    read_relation,
)
from sprintline.landing.odcs import Contracts, parse_contract
from sprintline.landing.published import feed_of
from sprintline.mechanisms.declaration.edited_yaml import NotEditable, with_item
from sprintline.mechanisms.declaration.located_yaml import KeyPath, read_yaml
from sprintline.mechanisms.ledger.opened import existing_records
from sprintline.product.events import CLOSED
from sprintline.product.runtime import Runtime
from sprintline.profiles.relations import Tables, Violations, accepted, holding, violations

if TYPE_CHECKING:
    from sprintline.landing.contracts import Contract

LOOKS_BACK = 6
"""Closed sprints in which relations are looked for."""
REJECTED = "rejectedRelations"
_LEAST_ALLOWED = 0.005


@dataclass(frozen=True)
class Found:
    """A relation, and how it held in each of some sprints.

    answer: `accepted`, `rejected`, or empty. allowed: share of rows that may violate it: as accepted, or what accepting
    would write.
    """

    relation: Relation
    measured: Mapping[str, Violations]
    answer: str
    allowed: float

    @property
    def compared(self) -> int:
        """Sprints in which it can be compared."""
        return sum(one.n > 0 for one in self.measured.values())

    @property
    def held(self) -> int:
        """Sprints in which it held."""
        return sum(one.share is not None and one.share <= HOLDS for one in self.measured.values())

    @property
    def most(self) -> float:
        """The largest share of rows that violated it in a sprint."""
        return max((one.share or 0.0 for one in self.measured.values()), default=0.0)

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "relation": self.relation.key, "sentence": self.relation.sentence, "source": self.relation.source,
            "kind": self.relation.kind, "held": self.held, "compared": self.compared,
            "sprints": list(self.measured), "most_violated": self.most, "answer": self.answer or None,
            "allowed": self.allowed,
        }  # fmt: skip


def allowed_of(measured: Sequence[Violations]) -> float:
    """The share to allow of a relation that was measured so: three times the most seen, at least 0.5 %, or two rows."""
    shares = [one.share for one in measured if one.share is not None]
    rows = median([one.n for one in measured if one.n] or [0])
    least = max(_LEAST_ALLOWED, 2 / rows if rows else 0.0, 3 * max(shares, default=0.0))
    return min(math.ceil(least * 1000) / 1000, MOST_ALLOWED)


def contracts_of(runtime: Runtime) -> dict[str, Contract]:
    """The contract of every source of a product; of a published one the publisher's."""
    return dict(runtime[Contracts]) | {name: feed_of(runtime, name).contract for name in runtime.spec.read}


def closed_sprints(runtime: Runtime) -> list[str]:
    """The last closed sprints of which the lake has rows, oldest first; at most `LOOKS_BACK`."""
    records = existing_records(runtime.home)
    if records is None:
        return []
    closed = {event.sprint for event in records.events(product=runtime.product, kind=CLOSED)}
    lake = runtime[Lake]
    for source in runtime.spec.sources:
        closed &= set(lake.sprints(runtime.table(source.name)))
    return [key for key in runtime.calendar.keys if key in closed][-LOOKS_BACK:]


def found_in(runtime: Runtime, sprints: Sequence[str]) -> list[Found]:
    """Relations that hold in at least one of some sprints, and accepted ones: those that held most often first."""
    contracts = contracts_of(runtime)
    answers = _answers(runtime)
    ranks: dict[str, int] = {}
    prepared: dict[str, Tables] = {}
    for sprint in reversed(sprints):  # the newest sprint's order counts most
        frames = {
            source.name: runtime[Lake].read(runtime.table(source.name), sprint)
            for source in runtime.spec.sources
        }
        prepared[sprint] = Tables.of(frames, contracts)
        for relation in holding(prepared[sprint], contracts):
            ranks.setdefault(relation.key, len(ranks))
    for one in accepted(runtime[Contracts]):
        ranks.setdefault(one.relation.key, len(ranks))
    rows = [
        measured_in(Relation.of(key), {sprint: prepared[sprint] for sprint in sprints}, contracts, answers)
        for key in ranks
    ]
    return sorted(rows, key=lambda one: (-one.held, ranks[one.relation.key]))


def measured_in(
    relation: Relation,
    prepared: Mapping[str, Tables],
    contracts: Mapping[str, Contract],
    answers: Mapping[str, tuple[str, float | None]],
) -> Found:
    """A relation measured in some sprints."""
    measured = {sprint: violations(relation, tables, contracts) for sprint, tables in prepared.items()}
    answer, allowed = answers.get(relation.key, ("", None))
    return Found(
        relation, measured, answer, allowed_of(list(measured.values())) if allowed is None else allowed
    )


def _answers(runtime: Runtime) -> dict[str, tuple[str, float | None]]:
    """What the contracts say of relations, by key."""
    found: dict[str, tuple[str, float | None]] = {
        f"{source}: {text}": ("rejected", None)
        for source, contract in runtime[Contracts].items()
        for text in contract.rejected_relations
    }
    return found | {one.relation.key: ("accepted", one.allowed) for one in accepted(runtime[Contracts])}


def chosen(found: Sequence[Found], asked: str) -> Found:
    """The relation with this number in the list, or with this key. Raises Refusal."""
    if asked.isdigit():
        if 1 <= int(asked) <= len(found):
            return found[int(asked) - 1]
        raise Refusal(f"there is no relation {asked}: the list has {len(found)}", code=2)
    try:
        key = Relation.of(asked).key
    except NoRelation as error:
        raise Refusal(f"{error}; {error.right}", code=2) from error
    if match := next((one for one in found if one.relation.key == key), None):
        return match
    raise Refusal(
        f"{key} was not found in these sprints: choose one of the list, or state it in the contract's quality list "
        f"by hand (docs/how-to/accept-a-relation.md)",
        code=2,
    )


def accept(runtime: Runtime, one: Found) -> str:
    """State a relation in the contract of its source; comments and layout stay. Returns the place, `file:line`.

    Raises:
        Refusal: it is accepted or rejected already, the contract is another product's, or cannot be edited.
    """
    relation = one.relation
    entry = (
        f"- type: custom\n  engine: {ENGINE}\n  implementation:\n    relation: {relation.text}\n"
        f"    allowed: {one.allowed:g}\n  dimension: consistency\n"
        f"  description: {relation.sentence[:1].upper()}{relation.sentence[1:]}.\n"
    )
    table = runtime[Contracts][relation.source].table if relation.source in runtime[Contracts] else ""
    return _edited(runtime, relation, [(("schema", table, "quality"), entry, "properties")])


def reject(runtime: Runtime, one: Found) -> str:
    """Keep in the contract of its source that the team does not want a relation. Returns the place, `file:line`.

    Raises:
        Refusal: it is accepted or rejected already, the contract is another product's, or cannot be edited.
    """
    text = one.relation.text
    contract = runtime[Contracts].get(one.relation.source)
    if contract is not None and contract.rejected_relations:
        path: tuple[str, ...] = ("customProperties", REJECTED, "value")
        return _edited(runtime, one.relation, [(path, f"- {text}\n", None)])
    entry = f"- property: {REJECTED}\n  value:\n    - {text}\n"
    return _edited(runtime, one.relation, [(("customProperties",), entry, "schema")])


def _edited(
    runtime: Runtime, relation: Relation, edits: Sequence[tuple[tuple[str, ...], str, str | None]]
) -> str:
    if relation.source not in runtime.spec.contracts:
        raise Refusal(
            f"{relation.source} is a table that another product publishes: accept {relation.text} in the product that "
            f"publishes it"
        )
    file = runtime.folder / runtime.spec.contracts[relation.source]
    text = file.read_text(encoding="utf-8")
    if (answer := _answered(text, str(file), relation.text)) is not None:
        said, line = answer
        raise Refusal(f"it is {said} already: {shown(file)}:{line}; to change that, take the entry out")
    grown = text
    for path, entry, before in edits:
        try:
            grown = with_item(grown, path, entry, before)
        except NotEditable as error:
            raise Refusal(
                f"{shown(file)}: {error}; write it so, or add this to it by hand:\n{entry}"
            ) from error
    parse_contract(grown, str(file))
    atomic_write(file, grown)
    answer = _answered(grown, str(file), relation.text)
    return f"{shown(file)}:{answer[1] if answer else 1}"


def _answered(text: str, filename: str, relation: str) -> tuple[str, int] | None:
    """What a contract says of a relation, and in which line; None when it does not name it."""
    yaml = read_yaml(text, filename)
    for index, rule in enumerate(yaml.data["schema"][0].get("quality") or ()):
        if is_relation(rule) and read_relation(rule["implementation"]).relation.text == relation:
            return "accepted", yaml.line(("schema", 0, "quality", index))
    for index, item in enumerate(yaml.data.get("customProperties") or ()):
        if item.get("property") == REJECTED:
            for place, one in enumerate(item["value"]):
                if Relation.from_text(str(one)).text == relation:
                    path: KeyPath = ("customProperties", index, "value", place)
                    return "rejected", yaml.line(path)
    return None
