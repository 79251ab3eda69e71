"""Generated pages: written where they are not as they should be, removed where what they describe is gone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write_pages(folder: Path, wanted: Mapping[str, str], mark: str = "", *, write: bool = True) -> list[str]:
    """Write the pages that are not as they should be, take away generated ones that are gone; names what changed.

    mark: text by which a generated page is known where there are others, which are left alone. write: False only tells.
    """
    changed = []
    for name, text in sorted(wanted.items()):
        file = folder / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            changed.append(f"wrote docs/{folder.name}/{name}")
            if write:
                folder.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
    for file in sorted(folder.glob("*.md")):
        if file.name not in wanted and mark in file.read_text(encoding="utf-8"):
            changed.append(f"removed docs/{folder.name}/{file.name}")
            if write:
                file.unlink()
    return changed
