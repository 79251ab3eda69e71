"""Kinds of assets that rules judge: which assets a kind has, what is read of each, and which version that is of.

A subject registers its kinds as `KINDS` in its `evidence.py`. Evidence is read from the stores when a rule is judged,
not taken from what the asset reported, so that a fault planted between writing and judging is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

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
        group, told: the Dagster group and a description for the reference, with `label`.
    """

    name: str
    reads: str
    assets: Callable[[Any], Iterable[str]]
    scope: str = SPRINT
    gather: Callable[[Any, str, str], Evidence] | None = None
    versions: Callable[[Any, str, Mapping[str, Measurement]], Versions] = recorded_versions
    rules_on: Callable[[Any, str, tuple[Rule, ...]], tuple[Rule, ...]] = every_rule
    owed: Callable[[Any, str], bool] = always
    settled: Callable[[Mapping[str, Any]], bool] = settled
    label: str = ""
    group: str = ""
    told: str = ""

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
    """Every kind by its name. Raises ValueError when two have one name."""
    found: dict[str, AssetKind] = {}
    for kind in collected("evidence", "KINDS"):
        if kind.name in found:
            raise ValueError(f"two kinds of assets are named {kind.name}")
        found[kind.name] = kind
    return found


def kinds_of_scope(kind: str) -> tuple[AssetKind, ...]:
    """The kinds of assets whose rules are judged for this kind of scope."""
    return tuple(one for one in kinds().values() if one.scope == kind)


def kind_of(context: Context, asset: str) -> AssetKind | None:
    """The kind of one of the product's assets with a partition per sprint; None for an asset that no kind has."""
    return next((kind for kind in kinds_of_scope(SPRINT) if asset in kind.assets(context)), None)
