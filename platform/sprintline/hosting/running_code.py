"""The code an open UI was started with: whether files of the platform or a product changed since.

The UI's daemon and code servers hold what they imported. A replay beside them would close sprints with that older code.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from sprintline.base import settings

CODE = "code.json"
"""File of a start's folder: digest of every file of code, by its path."""

_PLACES = ("platform", "dbt_project", "feature_repo")
_SINGLE = ("workspace.yaml", "pyproject.toml")
_SUFFIXES = {".py", ".sql", ".yaml", ".yml", ".toml", ".j2", ".json"}
_NOT_CODE = {"__pycache__", "target", "logs", "sample", "dbt_packages"}

_OF_PRODUCTS = ("platform/products", "dbt_project/models", "dbt_project/macros/products", "feature_repo")
"""Folders with a folder per product."""


def remember(folder: Path) -> None:
    """Write down, in a start's folder, the code as it is now."""
    (folder / CODE).write_text(json.dumps(_digests()))


def changed(folder: Path, product: str) -> list[str]:
    """Files that differ from what a start remembered, new and removed ones too; other products' are left out.

    Empty as well when the start remembered nothing.
    """
    try:
        before = json.loads((folder / CODE).read_text())
    except (FileNotFoundError, ValueError):
        return []
    now = _digests()
    differ = sorted(path for path in {*before, *now} if before.get(path) != now.get(path))
    return [path for path in differ if _owner(path) in (None, product)]


def _owner(path: str) -> str | None:
    """The product whose folder a file is in; None for the platform's."""
    for place in _OF_PRODUCTS:
        head, slash, _ = path.removeprefix(f"{place}/").partition("/")
        if path.startswith(f"{place}/") and slash and head != "products":
            return head
    return None


def _digests() -> dict[str, str]:
    found = {}
    for file in _files():
        shown = file.relative_to(settings.ROOT) if file.is_relative_to(settings.ROOT) else file
        found[shown.as_posix()] = hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest()
    return found


def _files() -> Iterator[Path]:
    yield from (file for name in _SINGLE if (file := settings.ROOT / name).is_file())
    extensions = [spec for name in settings.extensions() if (spec := find_spec(name))]
    roots = [Path(root) for spec in extensions for root in spec.submodule_search_locations or ()]
    for root in [*(settings.ROOT / place for place in _PLACES), *roots]:
        for folder, folders, names in os.walk(root):
            folders[:] = [one for one in folders if one not in _NOT_CODE and not one.startswith(".")]
            yield from (Path(folder) / name for name in names if Path(name).suffix in _SUFFIXES)
