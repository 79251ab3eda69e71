"""A product's state is removed: everything that is its own goes, and what is kept of it counts no more."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from sprintline.base.settings import Home
from sprintline.hosting import instance
from sprintline.learning.registry import Models

if TYPE_CHECKING:
    from sprintline.mechanisms.ledger.records import Records


def state_of(home: Home, product: str) -> list[Path]:
    """Files and folders that are a product's alone and there."""
    return [place for place in home.rooms_of(product) if place.exists()]


def remove_state(home: Home, product: str, records: Records | None, actor: str) -> None:
    """Remove a product's files, tables, features, pages and runs, and let a product of that name begin anew.

    Verdicts, ledger and models stay. The ledger is told first, so that a removal that was killed half-way leaves
    nothing that looks closed; called again it does the rest.

    Raises:
        RecordsError, InstanceError, OSError: a store cannot be reached or a file not removed.
    """
    if records is not None:
        records.remove(product, actor)
    instance.forget(home, product)
    if home.models.is_dir():
        Models(home, product).forget_champion()
    for place in state_of(home, product):
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
