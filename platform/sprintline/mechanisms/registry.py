"""Registries that grow by adding files: every subject fills a mechanism from a module with a fixed file name.

`rules.py` adds rules, `evidence.py` kinds of assets, `faults.py` planted faults, and so on. A mechanism asks for all
modules of a name and never lists them, so a practice that adds a file is found without an edit elsewhere. Packages
named in `SPRINTLINE_EXTENSIONS` are searched as the platform's own folders are.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from sprintline.base.settings import SettingError, extensions

_NOT_CODE = {"templates", "migrations", "__pycache__"}


@cache
def modules(name: str) -> tuple[ModuleType, ...]:
    """Every module with this file name, in the order of their import paths; the platform's before extensions'.

    Raises:
        SettingError: a package of `SPRINTLINE_EXTENSIONS` is not there.
        Whatever importing a module raises: a registry that skipped a broken file would miss its rules unseen.
    """
    return tuple(
        import_module(path) for package in ("sprintline", *extensions()) for path in _paths(package, name)
    )


@cache
def collected(name: str, attribute: str) -> tuple[Any, ...]:
    """What all modules with this file name list under one attribute, in the order of their import paths.

    name: file name without its ending. attribute: a module's sequence, like `RULES`; a module without it adds nothing.
    """
    return tuple(one for module in modules(name) for one in getattr(module, attribute, ()))


@cache
def _paths(package: str, name: str) -> tuple[str, ...]:
    try:
        roots = import_module(package).__path__
    except ModuleNotFoundError as error:
        raise SettingError(
            f"SPRINTLINE_EXTENSIONS names {package}, which cannot be imported ({error}): put it on the Python path"
        ) from error
    found = set()
    for root in roots:
        for file in Path(root).rglob(f"{name}.py"):
            parts = file.relative_to(root).with_suffix("").parts
            if not _NOT_CODE & set(parts):
                found.add(".".join((package, *parts)))
    return tuple(sorted(found))
