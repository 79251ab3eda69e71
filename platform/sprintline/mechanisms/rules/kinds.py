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

if TYPE_CHECKING:
    from sprintline.mechanisms.context import Context
    from sprintline.mechanisms.ledger.records import Measurement
    from sprintline.mechanisms.rules.verdicts import Rule

Evidence = tuple[Mapping[str, Any] | None, str]
"""What is known of one asset's sprint, and the data version it was read from."""

NOTHING: Evidence = (None, "")
"""The evidence of an asset that recorded nothing of a sprint."""

Versions = Mapping[str, "str | None"]


def recorded(context: Context, asset: str, sprint: str) -> Evidence:
    """What the asset itself recorded."""
    found = context.measured(asset, sprint)
    return (found.facts, found.data_version) if found else NOTHING


def recorded_versions(context: Context, sprint: str, measured: Mapping[str, Measurement]) -> Versions:
    """The data versions that the assets recorded themselves."""
    return {asset: one.data_version for asset, one in measured.items()}


def every_rule(context: Context, asset: str, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """All rules of the kind judge each of its assets."""
    return rules


def always(context: Context, sprint: str) -> bool:
    """Every sprint owes the kind's rules."""
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
        gather: evidence on one asset's sprint, and the version it was read from.
        versions: data versions of the kind's assets as their stores hold them now, given what was recorded of a sprint
            by asset; None, or no entry, for what a store no longer holds.
        rules_on: those of the kind's rules that judge one of its assets.
        owed: whether a gate of a sprint asks for the kind's rules.
        settled: whether facts recorded of an asset are final; while they are not, its verdicts neither open nor close
            an item of the backlog.
        label: how reference pages name assets of which a product declares many; empty for one of a fixed name.
        group, told: the Dagster group and a description for the reference, with `label`.
    """

    name: str
    reads: str
    assets: Callable[[Any], Iterable[str]]
    gather: Callable[[Any, str, str], Evidence] = recorded
    versions: Callable[[Any, str, Mapping[str, Measurement]], Versions] = recorded_versions
    rules_on: Callable[[Any, str, tuple[Rule, ...]], tuple[Rule, ...]] = every_rule
    owed: Callable[[Any, str], bool] = always
    settled: Callable[[Mapping[str, Any]], bool] = settled
    label: str = ""
    group: str = ""
    told: str = ""


@cache
def kinds() -> dict[str, AssetKind]:
    """Every kind by its name. Raises ValueError when two have one name."""
    found: dict[str, AssetKind] = {}
    for kind in collected("evidence", "KINDS"):
        if kind.name in found:
            raise ValueError(f"two kinds of assets are named {kind.name}")
        found[kind.name] = kind
    return found


def kind_of(context: Context, asset: str) -> AssetKind | None:
    """The kind of one of the product's assets; None for an asset that no kind has."""
    return next((kind for kind in kinds().values() if asset in kind.assets(context)), None)
