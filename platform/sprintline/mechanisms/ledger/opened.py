"""The records of a state folder, opened once a process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sprintline.base.clock import Clock
from sprintline.base.settings import Home

if TYPE_CHECKING:
    from sprintline.mechanisms.ledger.records import Records


@lru_cache(maxsize=8)
def open_records(where: Home) -> Records:
    """The records database of a state folder, created when it is not there."""
    from sprintline.mechanisms.ledger.records import Records

    where.root.mkdir(parents=True, exist_ok=True)
    # Beside a file its head file is found by itself; that of a server is kept in the state folder.
    head_file = None if where.records_url.startswith("sqlite") else where.ledger_head
    return Records(where.records_url, head_file=head_file, as_of=Clock(where.clock).now)


def existing_records(home: Home) -> Records | None:
    """The records of a state folder, or None when nothing was recorded yet. Looking creates no file."""
    if home.records_url.startswith("sqlite:"):
        file = Path(home.records_url.removeprefix("sqlite:///"))
        # A ledger whose database is gone but whose head file is there was not "not started": let the store say so.
        if not file.exists() and not file.with_name("ledger.head").exists():
            return None
    return open_records(home)
