"""ODCS v3.1 contracts read into `Contract`, with every mistake reported at its line.

A contract is checked three times: by the pydantic model of `open-data-contract-standard` (types), by the JSON Schema
that the package bundles (structure), and by `odcs_checks.py` (what Sprintline needs).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, get_args, get_origin

from sprintline.landing.contracts import WITH_ROW, Column, Contract
from sprintline.landing.declared_relations import Accepted, is_relation, read_relation
from sprintline.landing.odcs_checks import CUSTOM, ROW_LIMITS, MistakeList, check_contract
from sprintline.mechanisms.declaration.located_yaml import (
    DeclarationError,
    KeyPath,
    LocatedYaml,
    Mistake,
    read_yaml,
    shown,
    suggest,
)
from sprintline.product.runtime import Runtime

if TYPE_CHECKING:
    from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject, SchemaProperty

#: New in ODCS v3.2; the bundled JSON Schema is v3.2's and would accept them.
_LATER = {
    "enum": "write quality: [{metric: invalidValues, arguments: {validValues: [A, B]}, mustBe: 0}]",
    "semanticType": "leave it out",
    "synonyms": "leave it out",
    "map": "leave it out",
}


def _read_contract(text: str, filename: str) -> Contract:
    """The contract in `text`. Raises DeclarationError with one line per mistake."""
    yaml = read_yaml(text, filename)
    found = MistakeList(yaml)
    model = _modelled(yaml, found)
    check_contract(yaml.data, found)
    _check_structure(yaml.data, found)
    yaml.refuse(found.mistakes)
    if model is None or not model.schema_:
        raise AssertionError("a contract without a table passed its checks")
    return _contract(model, model.schema_[0])


# --- the library's model -------------------------------------------------------------------------------------------


def _modelled(yaml: LocatedYaml, found: MistakeList) -> OpenDataContractStandard | None:
    from open_data_contract_standard.model import OpenDataContractStandard
    from pydantic import ValidationError

    for path, key, known in _unknown_keys(yaml.data, OpenDataContractStandard, ()):
        if key in _LATER and path:
            found.add((*path, key), "is new in ODCS v3.2", _LATER[key])
        else:
            found.add((*path, key), "unknown key", suggest(key, known))
    try:
        return OpenDataContractStandard.model_validate(yaml.data)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            path = _existing(yaml.data, details["loc"])
            value = details["input"]
            if details["type"] == "string_type" and isinstance(value, int | float):
                found.add(path, f"{shown(value)} is a number", f'expected text; put it in quotes: "{value}"')
            elif details["type"] != "extra_forbidden":
                found.add(path, f"{shown(value)} does not fit", _lower(details["msg"]))
    return None


def _unknown_keys(data: Any, model: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str, list[str]]]:
    """Keys the library's model does not have. It forbids them only at the top and drops the others silently."""
    if isinstance(data, list):
        for index, item in enumerate(data):
            yield from _unknown_keys(item, model, (*path, index))
    elif isinstance(data, dict) and model is not None:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        later = _LATER if model.__name__ == "SchemaProperty" else {}
        for key, value in data.items():
            if key not in fields or key in later:
                yield path, str(key), [name for name in fields if name not in later]
            else:
                yield from _unknown_keys(value, _model_in(fields[key].annotation), (*path, key))


def _model_in(annotation: Any) -> Any:
    """The pydantic model inside `list[Model] | None` and the like; None when there is none or no single one."""
    from pydantic import BaseModel

    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation if issubclass(annotation, BaseModel) else None
    inner = [model for part in get_args(annotation) if (model := _model_in(part)) is not None]
    return inner[0] if len(inner) == 1 else None


def _existing(data: Any, loc: Sequence[str | int]) -> KeyPath:
    """The longest part of a pydantic location that is a path in the data, without union branches."""
    path: list[str | int] = []
    for part in loc:
        inside = part in data if isinstance(data, dict) else isinstance(data, list) and isinstance(part, int)
        if inside:
            data = data[part]
            path.append(part)
    return tuple(path)


# --- the bundled JSON Schema ----------------------------------------------------------------------------------------


@cache
def _validator() -> Any:
    from jsonschema import Draft201909Validator
    from open_data_contract_standard.model import OpenDataContractStandard

    return Draft201909Validator(_lighter(json.loads(OpenDataContractStandard.json_schema())))


def _lighter(schema: Any) -> Any:
    """The schema without `unevaluatedProperties`: `_unknown_keys` finds the same faster, with better messages."""
    if isinstance(schema, dict):
        return {key: _lighter(part) for key, part in schema.items() if key != "unevaluatedProperties"}
    return [_lighter(part) for part in schema] if isinstance(schema, list) else schema


def _check_structure(data: Mapping[str, Any], found: MistakeList) -> None:
    for error in _validator().iter_errors(data):
        path = tuple(error.absolute_path)
        if found.has_mistake_near(path):
            continue
        if error.validator == "enum":
            found.add(
                path,
                f"{shown(error.instance)} is not allowed",
                suggest(error.instance, error.validator_value),
            )
        elif error.validator == "required":
            missing = next(name for name in error.validator_value if name not in error.instance)
            found.add((*path, missing), "is missing", "ODCS requires it")
        else:
            found.add(path, "is not valid ODCS", _lower(error.message)[:160])


# --- the contract ---------------------------------------------------------------------------------------------------


def _contract(model: OpenDataContractStandard, table: SchemaObject) -> Contract:
    custom = {item.property: item.value for item in model.customProperties or () if item.property}
    zone = str(custom.get("timezone", "UTC"))
    properties = table.properties or []
    positions = {prop.name: (prop.primaryKeyPosition or 0) for prop in properties if prop.primaryKey}
    low: int | None = None
    high: int | None = None
    together: list[tuple[str, ...]] = []
    relations: list[Accepted] = []
    for rule in table.quality or ():
        stated = rule.model_dump(exclude_none=True)
        if is_relation(stated):
            relations.append(read_relation(rule.implementation))
        elif rule.metric == "rowCount":
            operator = next(key for key in ROW_LIMITS if key in stated)
            least, most = ROW_LIMITS[operator](stated[operator])
            low = least if low is None else max(low, least or 0)
            high = most if high is None else min(high, most if most is not None else high)
        elif rule.metric == "duplicateValues" and rule.arguments:
            together.append(tuple(rule.arguments["properties"]))
    return Contract(
        id=str(model.id),
        name=str(model.name),
        version=str(model.version),
        status=str(model.status),
        description=(model.description.purpose if model.description else None) or "",
        table=str(table.name),
        columns=tuple(_column(prop, zone) for prop in properties),
        key=tuple(str(name) for name in sorted(positions, key=lambda name: positions[name])),
        event_at=custom.get("eventAt"),
        known_at=custom.get("knownAt"),
        timezone=zone,
        min_rows=low,
        max_rows=high,
        checksum_required=custom.get("checksum") == "required",
        unique_together=tuple(together),
        relations=tuple(relations),
        rejected_relations=tuple(custom.get("rejectedRelations") or ()),
        sla=tuple(item.model_dump(exclude_none=True) for item in model.slaProperties or ()),
        custom={name: value for name, value in custom.items() if name not in CUSTOM},
    )


def _column(prop: SchemaProperty, zone: str) -> Column:
    options = prop.logicalTypeOptions or {}
    rules = [rule for rule in prop.quality or () if rule.metric]
    metrics = {rule.metric for rule in rules}
    invalid: dict[str, Any] = {}
    for rule in rules:
        if rule.metric == "invalidValues":
            invalid |= rule.arguments or {}
    custom = {item.property: item.value for item in prop.customProperties or ()}
    unit = custom.get("unit")
    return Column(
        name=str(prop.name),
        logical_type=str(prop.logicalType),
        required=bool(prop.required or prop.primaryKey or "nullValues" in metrics),
        primary_key=bool(prop.primaryKey),
        unique=bool(prop.unique or "duplicateValues" in metrics),
        minimum=options.get("minimum", options.get("exclusiveMinimum")),
        maximum=options.get("maximum", options.get("exclusiveMaximum")),
        exclusive_minimum="exclusiveMinimum" in options,
        exclusive_maximum="exclusiveMaximum" in options,
        min_length=options.get("minLength"),
        max_length=options.get("maxLength"),
        pattern=options.get("pattern", invalid.get("pattern")),
        enum=tuple(invalid["validValues"]) if "validValues" in invalid else None,
        description=prop.description or "",
        classification=str(prop.classification),
        unit=str(unit) if unit is not None else None,
        timezone=str(options.get("defaultTimezone", zone)),
        physical_name=prop.physicalName,
        known_at=str(custom.get("knownAt", WITH_ROW)),
        resolution=custom.get("resolution"),
        not_known=tuple(custom["notKnown"] or ()) if "notKnown" in custom else None,
    )


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


@lru_cache(maxsize=64)
def parse_contract(text: str, filename: str) -> Contract:
    """The contract in the text of an ODCS v3.1 YAML file.

    Raises:
        DeclarationError: with one line per mistake, `file:line: path: what is wrong; what would be right`.
    """
    return _read_contract(text, filename)


class Contracts(dict[str, Contract]):
    """The contract of each source for which files land, by the source's name.

    A source that another product publishes has the publisher's contract: `landing.published.feed_of`.
    """

    @classmethod
    def of(cls, runtime: Runtime) -> Contracts:
        """Those of a product. Raises DeclarationError naming file and line of every mistake."""
        found = cls()
        for source, place in runtime.spec.contracts.items():
            file = runtime.folder / place
            if not file.is_file():
                wrong = f"source {source} names contract {place}, which does not exist"
                raise DeclarationError(
                    str(runtime.folder / "defs.yaml"),
                    [Mistake(1, "attributes.sources", wrong, "write it beside defs.yaml")],
                )
            found[source] = parse_contract(file.read_text(), str(file))
        return found
