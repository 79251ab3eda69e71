"""Tables of what is served exactly and what is not, and a pipeline held against them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Supported:
    """What is compared with its library in tests and published as served exactly.

    names: classes. answers: what they answer, empty for a step before the estimator. note: what to know.
    """

    names: tuple[str, ...]
    answers: str = ""
    note: str = ""


@dataclass(frozen=True)
class Refused:
    """What is not served exactly, and the nearest that is.

    names: classes. parameter: the one that matters, empty where the class itself is refused. values: those refused,
    or their types; empty where every value is but the default and `allowed`.
    """

    names: tuple[str, ...]
    reason: str
    instead: str
    parameter: str = ""
    values: tuple[Any, ...] = ()
    allowed: tuple[Any, ...] = (None,)

    def holds(self, part: Any) -> bool:
        """Whether an estimator is, or is set to, what is refused."""
        if type(part).__name__ not in self.names:
            return False
        if not self.parameter:
            return True
        value = part.get_params(deep=False).get(self.parameter)
        if self.values:
            return any(_same(value, one) for one in self.values)
        default = inspect.signature(type(part)).parameters.get(self.parameter)
        usual = (*self.allowed, None if default is None else default.default)
        return not any(_same(value, one) for one in usual)

    @property
    def shown(self) -> str:
        """The parameter as people write it: `method="isotonic"`."""
        values = " or ".join(f"{self.parameter}={_quoted(one)}" for one in self.values)
        return values or self.parameter


@dataclass(frozen=True)
class Refusal:
    """One part of a pipeline that is not served exactly. step: names of the steps to it, like `columns.codes`."""

    step: str
    name: str
    parameter: str
    reason: str
    instead: str

    def __str__(self) -> str:
        what = f"{self.name}({self.parameter})" if "=" in self.parameter else self.name
        where = f"step {self.step}, " if self.step else ""
        return f"{where}{what}: {self.reason}; {self.instead}"


def refused_parts(pipeline: Any, library: str, refused: Sequence[Refused]) -> Iterator[Refusal]:
    """The parts of a pipeline, fitted or not, that a library's table refuses."""
    for step, part in parts(pipeline):
        if library_of(part) == library:
            for one in refused:
                if one.holds(part):
                    value = "" if not one.parameter else part.get_params(deep=False).get(one.parameter)
                    shown = f"{one.parameter}={_quoted(value)}" if one.parameter else ""
                    yield Refusal(step, type(part).__name__, shown, one.reason, one.instead)


def parts(step: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each estimator of a pipeline by the names of the steps to it, those inside others too."""
    if not hasattr(step, "get_params"):
        return
    yield path, step
    own = step.get_params(deep=False)
    for name in ("steps", "transformers", "transformer_list", "estimators"):
        for inner in own.get(name) or ():
            if isinstance(inner, tuple) and len(inner) > 1:
                yield from parts(inner[1], f"{path}.{inner[0]}".lstrip("."))
    for name in ("estimator", "final_estimator", "regressor"):
        yield from parts(own.get(name), f"{path}.{name}".lstrip("."))


def library_of(part: Any) -> str:
    """The top-level package of an estimator's class, or the library that the class says it belongs to."""
    return str(getattr(type(part), "LIBRARY", type(part).__module__.partition(".")[0]))


def _same(one: Any, other: Any) -> bool:
    if isinstance(other, type) and not isinstance(one, type):
        return isinstance(one, other)
    return type(one) is type(other) and bool(one == other)


def _quoted(value: Any) -> str:
    text = f'"{value}"' if isinstance(value, str) else getattr(value, "__name__", None) or repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
