"""What the commands read: the products of the clone and where each of their sprints stands."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base.clock import Clock
from sprintline.base.errors import Refusal, error_text
from sprintline.base.settings import Home
from sprintline.mechanisms.ledger.opened import existing_records
from sprintline.product.folders import chosen_folders

if TYPE_CHECKING:
    from sprintline.delivery.status import SprintStatus
    from sprintline.mechanisms.ledger.records import Records


@dataclass(frozen=True)
class ProductOverview:
    """One product: its sprints, or in `error` why it does not load, in a sentence.

    notes: what a person should know of the product as a whole, a sentence each.
    """

    product: str
    title: str = ""
    sprints: list[SprintStatus] = field(default_factory=list)
    error: str | None = None
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {
            "product": self.product,
            "title": self.title,
            "error": self.error,
            "notes": self.notes,
            "sprints": [row.as_dict() for row in self.sprints],
        }


def product_overviews(root: Path, home: Home, product: str | None = None) -> list[ProductOverview]:
    """Where the products stand. One that does not load is reported as such, and the others are shown all the same."""
    folders = chosen_folders(root, product)
    records = existing_records(home)
    return [_overview(folder, root, home, records) for folder in folders]


def only_sprint(found: Iterable[ProductOverview], sprint: str) -> list[ProductOverview]:
    """The products that plan a sprint, each with this sprint alone; those that do not load stay.

    Raises Refusal when no product plans it.
    """
    surveyed, key = list(found), sprint.upper()
    kept = [
        replace(one, sprints=[row for row in one.sprints if row.sprint == key])
        for one in surveyed
        if one.error or any(row.sprint == key for row in one.sprints)
    ]
    planned = [one for one in surveyed if one.sprints]
    if not planned or any(not one.error for one in kept):
        return kept
    keys = sorted({row.sprint for one in planned for row in one.sprints})
    near = sorted(difflib.get_close_matches(key, keys, n=3))
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    plans = ", ".join(f"{one.product} {one.sprints[0].sprint} to {one.sprints[-1].sprint}" for one in planned)
    raise Refusal(f"there is no sprint {sprint} in the plan; {hint}planned sprints: {plans}", code=2)


def _overview(folder: Path, root: Path, home: Home, records: Records | None) -> ProductOverview:
    from sprintline.delivery.status import sprint_rows
    from sprintline.mechanisms.rules.gates import waivers_of
    from sprintline.mechanisms.rules.rulebook import definition_of_done
    from sprintline.product.runtime import load_runtime
    from sprintline.release.mirror import alias_trouble

    product = folder.name
    try:
        runtime = load_runtime(folder, home)
        rows = sprint_rows(
            product,
            runtime.calendar,
            partial(definition_of_done, runtime),
            records.verdicts(product) if records else (),
            records.measurements(product) if records else {},
            records.events(product=product) if records else (),
            Clock(home.clock).now(),
            waivers_of(runtime.spec.rules),
            records.changed(product) if records else (),
        )
        wrong = alias_trouble(runtime) if records else None
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one product must not hide the others
        first, *more = error_text(error, root).splitlines() or [type(error).__name__]
        rest = f" (and {len(more)} more: sprintline check {product})" if more else ""
        return ProductOverview(product, error=f"{first}{rest}")
    notes = [f"{wrong}: the next closing sets it right"] if wrong else []
    return ProductOverview(product, runtime.spec.title, rows, notes=notes)


def begun(rows: Iterable[SprintStatus]) -> list[SprintStatus]:
    """The rows worth showing: all up to the last sprint in which anything happened, and the one that runs now."""
    listed = list(rows)
    last = max(
        (
            i
            for i, row in enumerate(listed)
            if row.rows or row.failed or row.state in ("closed", "refused", "open")
        ),
        default=-1,
    )
    return listed[: last + 1]
