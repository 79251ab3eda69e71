"""A product's state is removed: everything that is its own goes, and what is kept of it counts no more."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sprintline.base.settings import Home
from sprintline.hosting import instance
from sprintline.learning.registry import Models
from sprintline.mechanisms.ledger.opened import existing_records, open_records
from sprintline.mechanisms.procedures.procedure import Step, carry_out
from sprintline.mechanisms.procedures.progress import progress_of
from sprintline.state.procedures import PROCEDURES, REMOVE

if TYPE_CHECKING:
    from sprintline.mechanisms.ledger.records import Records
    from sprintline.mechanisms.procedures.declared import Procedure


@dataclass(frozen=True)
class _Platform:
    """Whose the removal is: the events of the product itself count no more once its first step is done."""

    home: Home
    records: Records
    product: str = ""


def state_of(home: Home, product: str) -> list[Path]:
    """Files and folders that are a product's alone and there."""
    return [place for place in home.rooms_of(product) if place.exists()]


def size_of(place: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = [place] if place.is_file() else (one for one in place.rglob("*") if one.is_file())
    return sum(one.stat().st_size for one in files)


def has_state(home: Home, product: str) -> bool:
    """Whether a product left files, or events that count."""
    if state_of(home, product):
        return True
    records = existing_records(home)
    return records is not None and bool(records.events(product=product))


def removal_interrupted(home: Home, product: str) -> bool:
    """Whether a removal of a product's state, with its code or without, was started and has not ended."""
    return bool(_interrupted(home, product))


def _interrupted(home: Home, product: str) -> list[Procedure]:
    records = existing_records(home)
    events = [] if records is None else records.events(product="")
    return [one for one in PROCEDURES if progress_of(one.name, product, events).open]


def remove_state(home: Home, product: str, actor: str, procedure: Procedure = REMOVE) -> None:
    """Remove a product's files, tables, features, pages and runs, and let a product of that name begin again.

    Verdicts, ledger and models stay. Killed anywhere, the next call goes on; what a product of that name did in
    between is removed after that. Where there is nothing to remove, nothing is recorded.

    procedure: REMOVE, or RESET where the code stays; the steps are the same, and either completes the other.

    Raises:
        RecordsError, InstanceError, OSError: a store cannot be reached or a file not removed; the next call goes on.
    """
    for begun in _interrupted(home, product):
        _remove(home, product, actor, begun)
    if has_state(home, product):
        _remove(home, product, actor, procedure)


def _remove(home: Home, product: str, actor: str, procedure: Procedure) -> None:
    records = open_records(home)
    # The records first: from then on nothing looks closed. Runs last, so that those of a product that was used while
    # its removal was interrupted go as well.
    steps = (
        Step("records", lambda _: records.remove(product, actor)),
        Step("champion", lambda _: _forget_champion(home, product)),
        Step("folders", lambda _: _remove_folders(home, product)),
        Step("runs", lambda _: instance.forget(home, product)),
    )
    carry_out(_Platform(home, records), procedure, product, None, actor, steps, {"product": product})


def _forget_champion(home: Home, product: str) -> None:
    if home.models.is_dir():
        Models(home, product).forget_champion()


def _remove_folders(home: Home, product: str) -> None:
    for place in state_of(home, product):
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
