"""The code an open UI was started with: whether files of the platform or a product changed since.

The UI's daemon and code servers hold what they imported. A replay beside them would close sprints with that older code.
"""

from __future__ import annotations

import json
from pathlib import Path

from sprintline.product.code_files import digests, owner

CODE = "code.json"
"""File of a start's folder: digest of every file of code, by its path."""


def remember(folder: Path) -> None:
    """Write down, in a start's folder, the code as it is now."""
    (folder / CODE).write_text(json.dumps(digests()))


def changed(folder: Path, product: str) -> list[str]:
    """Files that differ from what a start remembered, new and removed ones too; other products' are left out.

    Empty as well when the start remembered nothing.
    """
    try:
        before = json.loads((folder / CODE).read_text())
    except (FileNotFoundError, ValueError):
        return []
    now = digests()
    differ = sorted(path for path in {*before, *now} if before.get(path) != now.get(path))
    return [path for path in differ if owner(path) in (None, product)]
