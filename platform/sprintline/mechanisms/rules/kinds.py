"""Kinds of assets that rules judge: which assets a kind has, what each records, what is read of it, of which version.

A subject registers its kinds as `KINDS` in its `evidence.py`, and types what their assets record in its `facts.py`.
Evidence is read from the stores when a rule is judged, not taken from what the asset reported, so that a fault planted
between writing and judging is seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypedDict

from sprintline.base.hashing import canonical_json
from sprintline.mechanisms.ledger.bodies import mistakes, spelled
from sprintline.mechanisms.registry import collected
from sprintline.mechanisms.rules.scope import SPRINT, Scope

if TYPE_CHECKING:
    from sprintline.mechanisms.context import Context
    from sprintline.mechanisms.ledger.records import Measurement
    from sprintline.mechanisms.rules.verdicts import Rule

Evidence = tuple[Mapping[str, Any] | None, str]
"""What is known of one asset in one scope, and the data version it was read from."""

NOTHING: Evidence = (None, "")
"""The evidence of an asset that recorded nothing of a scope."""

Versions = Mapping[str, "str | None"]


class NoFacts(TypedDict):
    """Nothing is recorded but the data version."""


def recorded(context: Context, asset: str, scope: Scope | str) -> Evidence:
    """What the asset itself recorded; a bare key is a sprint's."""
    found = context.measured(asset, scope)
    return (found.facts, found.data_version) if found else NOTHING


def recorded_versions(context: Context, sprint: str, measured: Mapping[str, Measurement]) -> Versions:
    """The data versions that the assets recorded themselves."""
    return {asset: one.data_version for asset, one in measured.items()}


def every_rule(context: Context, asset: str, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """All rules of the kind judge each of its assets."""
    return rules


def always(context: Context, sprint: str) -> bool:
    """Every scope owes the kind's rules."""
    return True


def settled(facts: Mapping[str, Any]) -> bool:
    """Whatever was found counts."""
    return True


@dataclass(frozen=True)
class AssetKind:
    """One kind of asset.

    Attributes:
        name: what rules name in `judges`.
        reads: what is read when one of its rules is judged, as a phrase for people.
        assets: names of the product's assets that are of the kind.
        facts: a TypedDict of JSON values: what its assets record. Its docstring has a line on each key. A key that is
            not always recorded is `NotRequired`; one that older records lack is read with `get`.
        scope: what its rules are judged for: `sprint`, or the kind of another scope, like `grant`. Gates of a sprint
            never ask for the rules of another scope.
        gather: evidence on one asset in a scope, given the scope's key, and the version it was read from; None for
            what the asset itself recorded.
        versions: data versions of the kind's assets as their stores hold them now, given the scope's key and what was
            recorded of it by asset; None, or no entry, for what a store no longer holds.
        rules_on: those of the kind's rules that judge one of its assets.
        owed: whether a gate asks for the kind's rules, given the scope's key.
        settled: whether facts recorded of an asset are final; while they are not, its verdicts neither open nor close
            an item of the backlog.
        label: how reference pages name assets of which a product declares many; empty for one of a fixed name.
        group, about: the Dagster group and a description for the reference, with `label`.
        skipped: why its checks may be skipped in a sprint, a sentence for people; empty where they never are.
    """

    name: str
    reads: str
    assets: Callable[[Any], Iterable[str]]
    facts: type
    scope: str = SPRINT
    gather: Callable[[Any, str, str], Evidence] | None = None
    versions: Callable[[Any, str, Mapping[str, Measurement]], Versions] = recorded_versions
    rules_on: Callable[[Any, str, tuple[Rule, ...]], tuple[Rule, ...]] = every_rule
    owed: Callable[[Any, str], bool] = always
    settled: Callable[[Any], bool] = settled
    label: str = ""
    group: str = ""
    about: str = ""
    skipped: str = ""

    def evidence(self, context: Context, asset: str, scope: Scope) -> Evidence:
        """Evidence on one of its assets. Raises ValueError for a scope that its rules are not judged for."""
        if scope.kind != self.scope:
            raise ValueError(
                f"rules on {self.name} are judged for a {self.scope}, not for {scope.kind} {scope.key}"
            )
        return (
            recorded(context, asset, scope) if self.gather is None else self.gather(context, asset, scope.key)
        )


@cache
def kinds() -> dict[str, AssetKind]:
    """Every kind by its name.

    Raises:
        ValueError: two kinds have one name.
        TypeError: the facts of a kind have a type that JSON does not have.
    """
    found: dict[str, AssetKind] = {}
    for kind in collected("evidence", "KINDS"):
        if kind.name in found:
            raise ValueError(f"two kinds of assets are named {kind.name}")
        try:
            spelled(kind.facts)
        except TypeError as error:
            raise TypeError(f"facts of {kind.name} assets: {error}") from error
        found[kind.name] = kind
    return found


def kinds_of_scope(kind: str) -> tuple[AssetKind, ...]:
    """The kinds of assets whose rules are judged for this kind of scope."""
    return tuple(one for one in kinds().values() if one.scope == kind)


def kind_of(context: Context, asset: str, scope: str = SPRINT) -> AssetKind | None:
    """The kind of one of the product's assets, of those judged for a kind of scope; None for an asset that has none."""
    return next((kind for kind in kinds_of_scope(scope) if asset in kind.assets(context)), None)


def check_facts(context: Context, asset: str, scope: Scope | str, facts: Mapping[str, Any]) -> None:
    """Refuse facts that are not those of the asset's kind; an asset without a kind may record any.

    Raises:
        ValueError: a key is missing or unknown, or a value has a wrong type. The message names the asset, the key as a
            path (`metrics.brier`), what is there and what is expected.
        TypeError, ValueError: a fact is nothing JSON can hold (see `canonical_json`).
    """
    kind = kind_of(context, asset, Scope.of(scope).kind)
    if kind is None:
        return
    said = json.loads(canonical_json(facts))  # as they will be read back
    if found := mistakes(said, kind.facts):
        raise ValueError(f"facts of {context.product}/{asset}: {'; '.join(found)}: nothing was recorded")
