"""An example of a declaration file, made from the descriptions and examples of its spec."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticUndefined

from sprintline.mechanisms.declaration.spec import holds, inner_spec

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from sprintline.mechanisms.declaration.spec import Spec


def example_of(spec: type[Spec] | None, title: str) -> str:
    """A file with every key, a comment above each. Raises TypeError without a spec: nothing says what to write."""
    if spec is None:
        raise TypeError("a declaration without a spec needs an example of its own")
    lines = [f"# {title}", "# Keys, defaults and examples: docs/reference/declarations.md", *_keys(spec, "")]
    return "\n".join(lines) + "\n"


def _keys(spec: type[Spec], indent: str) -> Iterator[str]:
    for name, field in spec.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if field.is_required() or default is PydanticUndefined:
            note = "required"
        else:
            note = "optional" if default in (None, [], {}, "") or inner_spec(field) else f"default: {default}"
        yield f"{indent}# {field.description} ({note})"
        yield from _value(name, field, indent)


def _value(name: str, field: FieldInfo, indent: str) -> Iterator[str]:
    inner = inner_spec(field)
    if inner is None:
        yield f"{indent}{name}: {_plain(field.examples[0] if field.examples else None)}"
        return
    yield f"{indent}{name}:"
    if holds(field, list):
        first, *rest = _keys(inner, indent + "    ")
        yield f"{indent}  - {first.strip()}"
        yield from rest
    elif isinstance(example := field.examples[0] if field.examples else {}, dict) and holds(field, dict):
        yield f"{indent}  {_plain(next(iter(example), 'name'))}:"
        yield from _keys(inner, indent + "    ")
    else:
        yield from _keys(inner, indent + "  ")


def _plain(value: Any) -> str:
    """A value on one line: JSON is YAML too."""
    return json.dumps(value, ensure_ascii=False)
