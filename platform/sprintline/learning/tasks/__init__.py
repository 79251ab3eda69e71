"""Tasks: what kind of answer a model gives. One file per task; nothing else asks which one it is.

A module of this package has `TASK`, a `Task`. Which one a product has is its `model.task` in defs.yaml.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.learning.tasks.task import Task

if TYPE_CHECKING:
    from sprintline.product.runtime import Runtime
    from sprintline.product.spec import ModelSpec

BINARY = "binary"
"""The task of whatever was recorded before there were others."""


@cache
def tasks() -> dict[str, Task]:
    """Every task by its name, sorted."""
    modules = (import_module(f"{__name__}.{one.name}") for one in pkgutil.iter_modules(__path__))
    found = {one.TASK.name: one.TASK for one in modules if hasattr(one, "TASK")}
    return dict(sorted(found.items()))


def task_named(name: str | None, options: Mapping[str, Any] | None = None) -> Task:
    """The task of this name, `binary` for None, with its options.

    Raises LookupError for a name that no module has, and TaskError for options that the task cannot have.
    """
    found = tasks().get(name or BINARY)
    if found is None:
        raise LookupError(f"there is no task {name}; known are {', '.join(tasks())}")
    return found.given(options or {})


def declared_task(model: ModelSpec) -> Task:
    """The task that defs.yaml declares. Raises as `task_named`."""
    return task_named(model.task, model.task_options)


def task_of(runtime: Runtime) -> Task:
    """The task of a product. Raises as `task_named`."""
    return declared_task(runtime.spec.model)


def code_files() -> dict[str, Path]:
    """The files of this package by module name: how answers are learned is part of the code that makes a model."""
    return {f"{__name__}.{file.stem}": file for file in sorted(Path(__path__[0]).glob("*.py"))}
