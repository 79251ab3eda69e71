"""Static pages under the state folder. Each file is replaced whole, so a reader never sees half of one."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sprintline.base.locks import access

SUMMARY = "summary.json"
"""File of a product's folder with what the first page tells of it."""


class Pages:
    """The pages of all products: `index.html`, and a folder per product with a page per sprint and its summary.

    A product writes its own folder alone; the first page is put together from every product's summary.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def first(self) -> Path:
        return self.root / "index.html"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other process writes: two products that close at once would each miss the other's news."""
        with access(self.first, writing=True):
            yield

    def write(self, name: str, text: str) -> Path:
        """Put a file in its place. Raises OSError; what stood there then stays as it was."""
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, passing = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
            Path(passing).chmod(0o644)
            os.replace(passing, file)
        except BaseException:
            Path(passing).unlink(missing_ok=True)
            raise
        return file

    def summary(self, product: str) -> dict[str, Any] | None:
        """A product's summary as it was last written; None when there is none that reads."""
        try:
            found = json.loads((self.root / product / SUMMARY).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def summaries(self) -> list[dict[str, Any]]:
        """Every product's summary, by the product's name."""
        names = sorted(file.parent.name for file in self.root.glob(f"*/{SUMMARY}"))
        return [one for name in names if (one := self.summary(name)) is not None]

    def forget(self, product: str) -> None:
        """Take away the pages of a product that is no more."""
        if (self.root / product / SUMMARY).exists():
            shutil.rmtree(self.root / product)

    def keep_only(self, product: str, pages: set[str]) -> None:
        """Take away the sprint pages of a product that are not among these file names."""
        for file in (self.root / product).glob("*.html"):
            if file.name not in pages:
                file.unlink()
