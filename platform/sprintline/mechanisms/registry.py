"""Registries that grow by adding files: every subject fills a mechanism from a module with a fixed file name.

`rules.py` adds rules, `evidence.py` kinds of assets, `faults.py` planted faults, and so on. A mechanism asks for all
modules of a name and never lists them, so a practice that adds a file is found without an edit elsewhere. Packages
named in `SPRINTLINE_EXTENSIONS` are searched as the platform's own folders are.
"""

from __future__ import annotations

import traceback
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from sprintline.base.settings import SettingError, extensions

_NOT_CODE = {"templates", "migrations", "__pycache__"}


class RegistryError(Exception):
    """A module that adds to a registry does not load, or lists what the registry cannot use; one sentence."""


@cache
def modules(name: str) -> tuple[ModuleType, ...]:
    """Every module with this file name, in the order of their import paths; the platform's before extensions'.

    Raises:
        SettingError: a package of `SPRINTLINE_EXTENSIONS` is not there.
        RegistryError: a module of an extension does not load; of the platform, whatever importing it raises. A registry
            that skipped a broken file would miss its rules unseen.
    """
    return tuple(_loaded(path) for package in ("sprintline", *extensions()) for path in _paths(package, name))


@cache
def collected(name: str, attribute: str, kind: type | None = None) -> tuple[Any, ...]:
    """What all modules with this file name list under one attribute, in the order of their import paths.

    Args:
        name: file name without its ending.
        attribute: a module's sequence, like `RULES`; a module without it adds nothing.
        kind: the type that each entry has; None does not check it.

    Raises:
        RegistryError: a module does not load, or what it lists is no sequence, or not of the kind.
    """
    found: list[Any] = []
    for module in modules(name):
        listed = getattr(module, attribute, ())
        if not isinstance(listed, list | tuple):
            raise RegistryError(f"{module.__file__}: {attribute} is no list; write {attribute} = (..., )")
        wrong = [one for one in listed if kind is not None and not isinstance(one, kind)]
        if wrong and kind is not None:
            raise RegistryError(
                f"{module.__file__}: {attribute} has a {type(wrong[0]).__name__}; each entry must be a {kind.__name__}"
            )
        found += listed
    return tuple(found)


def _loaded(path: str) -> ModuleType:
    try:
        return import_module(path)
    except Exception as error:
        package = path.partition(".")[0]
        if package == "sprintline":
            raise
        file, line = _place(error, path)
        text = error.msg if isinstance(error, SyntaxError) else str(error)
        message = f"{type(error).__name__}: {(text.splitlines() or ['no message'])[0]}"
        raise RegistryError(
            f"{file}:{line}: {message}; fix the line, or take {package} out of SPRINTLINE_EXTENSIONS"
        ) from error


def _place(error: Exception, path: str) -> tuple[str, int]:
    """File and line of the mistake: of the text that does not parse, else of the last call that was made from a file
    of the module's own package.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno or 1
    found = find_spec(path)
    package = path.partition(".")[0]
    roots = [str(root) for root in import_module(package).__path__]
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if any(frame.filename.startswith(root) for root in roots)
    ]
    if frames:
        return frames[-1].filename, frames[-1].lineno or 1
    return (found.origin if found and found.origin else path), 1


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
