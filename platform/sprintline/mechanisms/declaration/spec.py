"""The base of all declared models, and pydantic's errors retold as mistakes that say what would be right.

A declared model forbids unknown keys, converts nothing silently (`"14"` is no number), and reports the mistakes that
concern several fields together with those of single fields, so that one run of the loader tells everything.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails, PydanticCustomError

from sprintline.mechanisms.declaration.located_yaml import KeyPath, LocatedYaml, Mistake, shown, suggest

#: What a cross-check finds: the path below the model, what is wrong, what would be right.
Cross = tuple[KeyPath, str, str]

_CUSTOM = "declaration"


def wrong(what: str, right: str) -> PydanticCustomError:
    """The error a validator of a declared model raises: what is wrong, and what would be right."""
    return PydanticCustomError(_CUSTOM, "{wrong}; {right}", {"wrong": what, "right": right})


class Spec(BaseModel):
    """A declared mapping. Subclasses add fields with `examples`, and `cross_checks` over the raw mapping.

    `retired` names keys that were read once. Files that still have them load; `sprintline check` says that the lines
    have no effect.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    retired: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def cross_checks(cls, raw: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[Cross]:
        """Mistakes that concern several fields. `raw` is unchecked: skip what has the wrong type."""
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _report_everything(
        cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        if not isinstance(data, Mapping):
            return handler(data)
        if cls.retired:
            data = {key: value for key, value in data.items() if key not in cls.retired}
        found: list[InitErrorDetails] = []
        spec = None
        try:
            spec = handler(data)
        except ValidationError as error:
            found = [_again(details) for details in error.errors(include_url=False)]
        told = {details["loc"] for details in found}
        for path, what, right in cls.cross_checks(data, info.context or {}):
            if path not in told:
                found.append(InitErrorDetails(type=wrong(what, right), loc=path, input=None))
        if found or spec is None:
            raise ValidationError.from_exception_data(cls.__name__, found)
        return spec


def _again(details: Any) -> InitErrorDetails:
    context = details.get("ctx", {})
    kind = details["type"]
    if kind == _CUSTOM:
        kind = wrong(context["wrong"], context["right"])
    return InitErrorDetails(type=kind, loc=details["loc"], input=details["input"], ctx=context)


def inner_spec(field: FieldInfo) -> type[Spec] | None:
    """The declared model of a field, of its list or of its mapping; None for a plain value."""

    def found(kind: Any) -> type[Spec] | None:
        if isinstance(kind, type) and issubclass(kind, Spec):
            return kind
        return next((one for part in typing.get_args(kind) if (one := found(part))), None)

    return found(field.annotation)


def holds(field: FieldInfo, container: type) -> bool:
    """Whether a field is a list, or a dict, of something."""
    return typing.get_origin(_plain(field.annotation)) is container


def retired_keys(model: type[Spec], yaml: LocatedYaml, at: KeyPath = ()) -> Iterator[Mistake]:
    """Keys of a document, with their lines, that the model under the path `at` does not read any more."""
    data: Any = yaml.data
    for part in at:
        data = data.get(part) if isinstance(data, Mapping) else None
    yield from _retired(model, data, yaml, at)


def _retired(model: type[Spec], data: Any, yaml: LocatedYaml, at: KeyPath) -> Iterator[Mistake]:
    if isinstance(data, list):
        for place, item in enumerate(data):
            yield from _retired(model, item, yaml, (*at, place))
        return
    if not isinstance(data, Mapping):
        return
    for key, value in data.items():
        if key in model.retired:
            yield yaml.mistake((*at, key), "has no effect any more", "remove it")
        elif (field := model.model_fields.get(key)) and (inner := inner_spec(field)):
            if holds(field, dict):
                for name, entry in value.items() if isinstance(value, Mapping) else ():
                    yield from _retired(inner, entry, yaml, (*at, key, name))
            else:
                yield from _retired(inner, value, yaml, (*at, key))


def mistakes(
    error: ValidationError, model: type[BaseModel], yaml: LocatedYaml, at: KeyPath
) -> Iterator[Mistake]:
    """The errors of `model`, declared under the path `at` of the document, as located mistakes."""
    for details in error.errors(include_url=False):
        loc = tuple(part for part in details["loc"] if part != "[key]")
        what, right = _restated(details, model, loc)
        yield yaml.mistake((*at, *loc), what, right)


def _restated(details: Any, model: type[BaseModel], loc: KeyPath) -> tuple[str, str]:
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind == _CUSTOM:
        return context["wrong"], context["right"]
    if kind == "extra_forbidden":
        known, _, _ = _declared(model, loc[:-1])
        return "unknown key", suggest(loc[-1], known.model_fields if _is_model(known) else ())
    expected, field, example = _declared(model, loc)
    right = f"expected {_words(expected)}" + (
        f", for example {_as_yaml(example)}" if example is not None else ""
    )
    if kind == "missing":
        return "is missing", f"add `{loc[-1]}: {_as_yaml(example) if example is not None else '…'}`"
    if value is None:
        return "is empty", right
    if kind == "literal_error":
        allowed = [str(choice) for choice in typing.get_args(expected)]
        return f"{shown(value)} is not allowed", suggest(value, allowed)
    if kind == "string_type" and isinstance(value, int | float):
        return f"{shown(value)} is a number", f'expected text; put it in quotes: "{value}"'
    if kind in {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}:
        bounds = "; ".join(_bounds(field)) or right
        return f"{shown(value)} is out of range", f"{bounds}" + (
            f", for example {_as_yaml(example)}" if example else ""
        )
    if kind in {"too_short", "string_too_short"}:
        return "is empty" if not value else "is too short", right
    if kind.endswith("_type") or kind.endswith("_parsing") or kind == "int_from_float":
        return f"{shown(value)} is not {_words(expected)}", right
    if kind == "finite_number":
        return f"{shown(value)} is not a finite number", right
    return details["msg"][0].lower() + details["msg"][1:], right


def _declared(model: type[BaseModel], loc: Iterable[str | int]) -> tuple[Any, FieldInfo | None, Any]:
    """Expected type, field and example of the place `loc` in `model`."""
    current: Any = model
    field: FieldInfo | None = None
    example: Any = None
    for part in loc:
        if _is_model(current):
            field = current.model_fields.get(str(part))
            if field is None:
                return None, None, None
            current = _plain(field.annotation)
            example = field.examples[0] if field.examples else None
        else:
            inner = typing.get_args(current)
            current = _plain(inner[-1]) if inner else None
            if isinstance(example, list):
                example = example[0]
            elif isinstance(example, dict):
                example = next(iter(example.values()))
    return current, field, example


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _plain(annotation: Any) -> Any:
    """The annotation without Annotated and without None."""
    while True:
        origin = typing.get_origin(annotation)
        if origin is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif origin in (typing.Union, types.UnionType):
            annotation = next(part for part in typing.get_args(annotation) if part is not type(None))
        else:
            return annotation


_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def _words(kind: Any) -> str:
    if _is_model(kind):
        return f"a mapping with the keys {', '.join(kind.model_fields)}"
    origin = typing.get_origin(kind)
    if origin is list:
        return "a list"
    if origin is dict:
        return "a mapping"
    if origin is typing.Literal:
        return "one of " + ", ".join(str(choice) for choice in typing.get_args(kind))
    return _NAMES.get(kind, "a value")


def _bounds(field: FieldInfo | None) -> Iterator[str]:
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    limits = [
        f"{text} {getattr(rule, name)}"
        for rule in (field.metadata if field else ())
        for name, text in words.items()
        if getattr(rule, name, None) is not None
    ]
    if limits:
        yield "it must be " + " and ".join(limits)


def _as_yaml(value: Any) -> str:
    """A short value as one would write it in YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_as_yaml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_as_yaml(inner) for inner in value) + "]"
    if isinstance(value, str) and (not re.fullmatch(r"[\w./ -]+", value) or re.fullmatch(r"[\d.]+", value)):
        return f'"{value}"'
    return str(value)
