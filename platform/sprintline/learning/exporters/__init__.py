"""Exporters: one file per library that turns its fitted pipelines into ONNX. A library is added as a file.

A module of this package is an exporter. It has:

    LIBRARY  top-level package whose estimators it exports, like `sklearn`
    TYPES    types that skops may load of it, each reviewed and named in full, never by a prefix
    export   (pipeline, inputs) -> bytes: the pipeline as ONNX, the same bytes for the same pipeline
"""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from sprintline.learning.recipes import Inputs, RecipeError


class Exporter(Protocol):
    """What a module of this package offers."""

    LIBRARY: str
    TYPES: Sequence[str]

    def export(self, pipeline: Any, inputs: Inputs) -> bytes: ...


@cache
def exporters() -> dict[str, Exporter]:
    """Every exporter by its library. Raises ValueError when two are for one library."""
    found: dict[str, Exporter] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("_"):
            continue  # what exporters share
        one = cast("Exporter", import_module(f"{__name__}.{module.name}"))
        if one.LIBRARY in found:
            raise ValueError(f"two exporters are for {one.LIBRARY}")
        found[one.LIBRARY] = one
    return found


def export(pipeline: Any, inputs: Inputs) -> bytes:
    """A fitted pipeline as ONNX, by the exporter of its last step's library.

    Raises:
        RecipeError: no exporter is for that library.
        Whatever the library raises for a step that it cannot convert.
    """
    library = type(pipeline[-1]).__module__.partition(".")[0]
    if (one := exporters().get(library)) is None:
        raise RecipeError(
            f"{type(pipeline[-1]).__name__} is of {library}, which has no exporter: use an estimator of "
            f"{', '.join(sorted(exporters()))}, or add learning/exporters/{library}.py"
        )
    return one.export(pipeline, inputs)


def reviewed_types() -> frozenset[str]:
    """Types that skops may load: containers of arrays that were read and run no code when they are loaded.

    A pipeline that holds any other type is refused when it is saved, not when somebody loads it.
    """
    return frozenset(name for one in exporters().values() for name in one.TYPES)


def code_files() -> dict[str, Path]:
    """The files of this package by module name: export is part of the code that makes a model."""
    return {f"{__name__}.{file.stem}": file for file in sorted(Path(__path__[0]).glob("*.py"))}
