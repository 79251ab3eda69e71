"""Now: the wall clock's, or the replay's while history is replayed."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path


class Clock:
    """Reads `now` from a small file that a replay moves; without the file it is the wall clock."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def now(self) -> datetime:
        """Aware UTC moment. Raises ValueError naming the file when its content is no ISO moment."""
        try:
            text = self.file.read_text().strip()
        except FileNotFoundError:
            return datetime.now(UTC)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(
                f"{self.file} holds {text!r}, no ISO moment: delete it to return to the wall clock"
            ) from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    @property
    def replaying(self) -> bool:
        return self.file.exists()

    def move(self, moment: datetime) -> None:
        """Set the replay's now. The file is replaced as one."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        fresh.write_text(moment.astimezone(UTC).isoformat())
        fresh.replace(self.file)

    def release(self) -> None:
        """Back to the wall clock."""
        self.file.unlink(missing_ok=True)
