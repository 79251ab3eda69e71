"""Tasks: what kind of answer a model gives. One file per task; nothing else asks which one it is.

A module of this package has `TASK`, a `Task`. Which one a product has is its `model.task` in defs.yaml.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from sprintline.learning.tasks.task import Task

BINARY = "binary"
"""The task of whatever was recorded before there were others."""


@cache
def tasks() -> dict[str, Task]:
    """Every task by its name, sorted."""
    modules = (import_module(f"{__name__}.{one.name}") for one in pkgutil.iter_modules(__path__))
    found = {one.TASK.name: one.TASK for one in modules if hasattr(one, "TASK")}
    return dict(sorted(found.items()))


def task_named(name: str | None) -> Task:
    """The task of this name, `binary` for None. Raises LookupError for a name that no module has."""
    found = tasks().get(name or BINARY)
    if found is None:
        raise LookupError(f"there is no task {name}; known are {', '.join(tasks())}")
    return found


def task_of(runtime: Any) -> Task:
    """The task of a product. Raises LookupError for one that no module has."""
    return task_named(runtime.spec.model.task)


def code_files() -> dict[str, Path]:
    """The files of this package by module name: how answers are learned is part of the code that makes a model."""
    return {f"{__name__}.{file.stem}": file for file in sorted(Path(__path__[0]).glob("*.py"))}
