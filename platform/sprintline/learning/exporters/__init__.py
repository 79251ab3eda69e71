"""Exporters: one file per library that turns its fitted pipelines into ONNX. A library is added as a file.

A module of this package is an exporter. It has:

    LIBRARY    top-level package whose estimators it exports, like `sklearn`
    TYPES      types that skops may load of it, each reviewed and named in full, never by a prefix
    SUPPORTED  what tests compare with the library: the published list
    REFUSED    what is not served exactly, with the reason and the nearest that is
    refuse     pipeline -> what of the library in it is refused, before anything is fitted
    export     (pipeline, inputs) -> bytes: the pipeline as ONNX, the same bytes for the same pipeline

Modules whose names begin with an underscore are shared by them.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from sprintline.learning.exporters._tables import Refusal, Refused, Supported, library_of, parts
from sprintline.learning.recipes import Inputs, RecipeError


class Exporter(Protocol):
    """What a module of this package offers."""

    LIBRARY: str
    TYPES: Sequence[str]
    SUPPORTED: Sequence[Supported]
    REFUSED: Sequence[Refused]

    def refuse(self, pipeline: Any) -> Iterable[Refusal]: ...

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


def known(own: Any = None) -> dict[str, Exporter]:
    """Every exporter by its library, with the product's own.

    Raises RecipeError when the own lacks a part, or is for a library that has an exporter.
    """
    found = dict(exporters())
    if own is None:
        return found
    name = getattr(own, "__name__", type(own).__name__)
    if missing := [part for part in ("LIBRARY", "TYPES", "refuse", "export") if not hasattr(own, part)]:
        raise RecipeError(f"the recipe's exporter {name} does not have {', '.join(missing)}")
    if own.LIBRARY in found:
        raise RecipeError(
            f"the recipe's exporter {name} is for {own.LIBRARY}, which has one: name the top-level package of your own "
            "classes as its LIBRARY, like products"
        )
    return {**found, own.LIBRARY: own}


def export(pipeline: Any, inputs: Inputs, own: Any = None) -> bytes:
    """A fitted pipeline as ONNX, by the exporter of its last step's library, or of another library in the pipeline.

    own: the product's exporter. It comes first where the pipeline has a part of its library.

    Raises:
        RecipeError: no exporter is for that library.
        Whatever the library raises for a step that it cannot convert.
    """
    last, found = pipeline[-1], known(own)
    # Containers of scikit-learn hold others: a calibrated booster is exported by the booster's exporter.
    libraries = [library_of(last), *(library_of(part) for _, part in parts(pipeline))]
    if own is not None and own.LIBRARY in libraries:
        library = own.LIBRARY
    else:
        library = next((one for one in libraries if one != "sklearn"), "sklearn")
    if library not in found:
        raise RecipeError(str(_no_exporter("", last, found)))
    return found[library].export(pipeline, inputs)


def refusals(pipeline: Any, own: Any = None) -> list[Refusal]:
    """What of a pipeline, fitted or not, is not served exactly. Empty says nothing against it, and is no proof."""
    found = known(own)
    libraries = dict.fromkeys(library_of(part) for _, part in parts(pipeline))
    return [
        *(_no_exporter(step, part, found) for step, part in parts(pipeline) if library_of(part) not in found),
        *(one for library in libraries if library in found for one in found[library].refuse(pipeline)),
    ]


def _no_exporter(step: str, part: Any, found: Iterable[str]) -> Refusal:
    library = library_of(part)
    return Refusal(
        step,
        type(part).__name__,
        "",
        f"it is of {library}, which has no exporter",
        f"use an estimator of {', '.join(sorted(found))}, or give the recipe an exporter: docs/how-to/add-a-library.md",
    )


def reviewed_types(own: Any = None) -> frozenset[str]:
    """Types that skops may load: containers of arrays that were read and run no code when they are loaded.

    They come from the exporters alone, never from a model's file. A pipeline that holds any other type is refused when
    it is saved, not when somebody loads it.
    """
    return frozenset(name for one in known(own).values() for name in one.TYPES)


def asked_types(pipeline: Any) -> frozenset[str]:
    """Types of a pipeline that skops does not know by itself and would have to trust, in full."""
    import skops.io

    return frozenset(skops.io.get_untrusted_types(data=skops.io.dumps(pipeline)))


def code_files() -> dict[str, Path]:
    """The files of this package by module name: export is part of the code that makes a model."""
    return {f"{__name__}.{file.stem}": file for file in sorted(Path(__path__[0]).glob("*.py"))}
