"""Files of code, SQL and declarations that decide what a product's runs compute, and their digests."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from sprintline.base import settings
from sprintline.base.hashing import canonical_json, text_hash

_PLACES = ("platform", "dbt_project", "feature_repo")
_SINGLE = ("workspace.yaml", "pyproject.toml")
_SUFFIXES = {".py", ".sql", ".yaml", ".yml", ".toml", ".j2", ".json"}
_NOT_CODE = {"__pycache__", "target", "logs", "sample", "dbt_packages"}

_OF_PRODUCTS = ("platform/products", "dbt_project/models", "dbt_project/macros/products", "feature_repo")
"""Folders with a folder per product."""

_known: dict[str, tuple[tuple[int, int, int], str]] = {}
"""Digest of a file by its path, with its size and times: sensors ask every second."""


def digests() -> dict[str, str]:
    """Digest of every file of code of the clone and its extensions, by the path from the clone's root."""
    found = {}
    for file in _files():
        shown = file.relative_to(settings.ROOT) if file.is_relative_to(settings.ROOT) else file
        try:
            found[shown.as_posix()] = _digest(file)
        except FileNotFoundError:  # an editor replaced it at this moment
            continue
    return found


def owner(path: str) -> str | None:
    """The product whose folder a file is in; None for the platform's."""
    for place in _OF_PRODUCTS:
        head, slash, _ = path.removeprefix(f"{place}/").partition("/")
        if path.startswith(f"{place}/") and slash and head != "products":
            return head
    return None


def code_digest(product: str) -> str:
    """Hash of the code that a product's runs execute: its own and the platform's; other products' is left out."""
    mine = {path: digest for path, digest in digests().items() if owner(path) in (None, product)}
    return text_hash(canonical_json(mine))


def _digest(file: Path) -> str:
    now = file.stat()
    state = (now.st_size, now.st_mtime_ns, now.st_ctime_ns)
    known, digest = _known.get(str(file), (None, ""))
    if known != state:
        digest = hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest()
        _known[str(file)] = (state, digest)
    return digest


def _files() -> Iterator[Path]:
    yield from (file for name in _SINGLE if (file := settings.ROOT / name).is_file())
    extensions = [spec for name in settings.extensions() if (spec := find_spec(name))]
    roots = [Path(root) for spec in extensions for root in spec.submodule_search_locations or ()]
    for root in [*(settings.ROOT / place for place in _PLACES), *roots]:
        for folder, folders, names in os.walk(root):
            folders[:] = [one for one in folders if one not in _NOT_CODE and not one.startswith(".")]
            # A hidden file is an editor's, or one being written.
            yield from (
                Path(folder) / name
                for name in names
                if Path(name).suffix in _SUFFIXES and not name.startswith(".")
            )
