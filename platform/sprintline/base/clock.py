"""Now: the wall clock's, or the replay's while history is replayed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sprintline.base.files import atomic_write


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
        atomic_write(self.file, moment.astimezone(UTC).isoformat())

    def release(self) -> None:
        """Back to the wall clock."""
        self.file.unlink(missing_ok=True)
