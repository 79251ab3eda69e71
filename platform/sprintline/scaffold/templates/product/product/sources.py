"""What the provider of __product__ drops: one file per source and sprint, here cut from the sample.

The contracts name the columns that say when a row happened and when it could be known, so nothing has to be derived. A
source that needs more gets a function of its name here: it takes the landed frame and adds event_at and known_at.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Protocol

import pandas as pd

SAMPLE = Path(__file__).with_name("sample")


class Window(Protocol):
    """The part of a sprint that matters here: its key and `[start, end)` in UTC."""

    @property
    def key(self) -> str: ...
    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...


def provide(sprint: Window) -> dict[str, pd.DataFrame]:
    """What the provider drops for one sprint: a raw frame per source, the orders placed in it and their deliveries.

    Raises:
        LookupError: the sample has no order of that sprint.
    """
    dropped = {}
    for source in ("orders", "deliveries"):
        frame = pd.read_csv(SAMPLE / f"{source}.csv")
        placed = pd.to_datetime(frame["placed_at"], utc=True)
        dropped[source] = frame[(placed >= sprint.start) & (placed < sprint.end)].reset_index(drop=True)
        if dropped[source].empty:
            raise LookupError(f"the sample has no {source} of {sprint.key}: it has eight sprints")
    return dropped
