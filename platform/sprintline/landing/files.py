"""A file that landed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LandedFile:
    """A file that landed for a sprint.

    `digest` is made of name, size and time of change (also of the checksum file), without reading the file. `settled`
    means that it was not written to for a second.
    """

    product: str
    source: str
    sprint: str
    path: Path
    digest: str
    size: int
    mtime_ns: int
    settled: bool

    @property
    def form(self) -> str:
        """`.csv`, `.csv.gz` or `.parquet`."""
        return self.path.name.removeprefix(self.sprint)

    @property
    def first_line(self) -> int | None:
        """Line of the first row, for `check_window`; None for Parquet, which has no lines."""
        return None if self.form == ".parquet" else 2
