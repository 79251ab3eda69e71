"""The record of a repair: a store differed from what was recorded, and what was recorded was put back."""

from __future__ import annotations

from collections.abc import Iterable

from sprintline.product.events import REPAIRED
from sprintline.product.runtime import Runtime


def repaired(
    runtime: Runtime, sprint: str | None, actor: str, store: str, what: Iterable[object], how: str
) -> None:
    """Append a repair to the ledger, so that a person can ask who changed the store.

    Args:
        sprint: the sprint whose closing found it; None for a command.
        store: `lake`, `warehouse`, `online store` or `MLflow`.
        what: how it differed, a sentence each.
        how: what was done.
    """
    body = {"store": store, "what": [str(one) for one in what], "how": how}
    runtime.records.append(REPAIRED, runtime.product, sprint, actor, body)
