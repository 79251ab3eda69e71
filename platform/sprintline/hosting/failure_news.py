"""Failed runs as they happen, for the terminal of `sprintline ui` or a replay."""

from __future__ import annotations

import time
from collections.abc import Iterator

from sprintline.base.databases import RecordsError
from sprintline.base.settings import Home
from sprintline.mechanisms.ledger.chain import Event
from sprintline.mechanisms.ledger.opened import existing_records
from sprintline.product.events import RUN_FAILED
from sprintline.product.failed import standing

LOOKS_EVERY = 2.0
"""Seconds between two looks at the ledger."""


class FailureNews:
    """The runs that fail from now on, of every product on a state folder."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._seen = max((one.seq for one in self._failed(0)), default=0)
        self._looked = time.monotonic()

    def lines(self) -> Iterator[str]:
        """A line per run that was recorded as failed since the last call."""
        if time.monotonic() - self._looked < LOOKS_EVERY:
            return
        self._looked = time.monotonic()
        for event in self._failed(self._seen):
            self._seen = event.seq
            records = existing_records(self._home)
            if records is None or event.sprint is None:
                continue
            found = standing(records.events(product=event.product, sprint=event.sprint)).get(event.sprint)
            if found is not None and found.run == event.body["run"]:
                yield f"{event.product} {event.sprint}: {found}"

    def _failed(self, after: int) -> list[Event]:
        try:
            records = existing_records(self._home)
            return [] if records is None else records.events(kind=RUN_FAILED, after=after)
        except RecordsError:
            return []  # sensors and status say what is wrong with the ledger; the platform's terminal stays open
