"""What Sprintline needs of an ODCS contract, beyond the standard's own structure.

A contract may promise only what is checked on a landed file: a rule, option or type that the landing does not check is
a mistake here. The checks read the plain data, which may have any shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from sprintline.base.time_zones import zone_of
from sprintline.landing.contracts import AT_QUESTION, CLASSIFICATIONS, RESOLUTIONS, WITH_ROW
from sprintline.landing.declared_relations import ENGINE
from sprintline.landing.odcs_relations import accepted_mistakes, rejected_mistakes, without_relations
from sprintline.mechanisms.declaration.located_yaml import (
    KeyPath,
    LocatedYaml,
    Mistake,
    closest,
    shown,
    suggest,
)

API_VERSION = "v3.1.0"
LOGICAL_TYPES = ("string", "integer", "number", "boolean", "date", "timestamp")
#: customProperties of the contract that have a meaning here; others are not changed.
CUSTOM = ("eventAt", "knownAt", "timezone", "checksum", "rejectedRelations")
#: customProperties of a column that have a meaning here.
COLUMN_CUSTOM = ("unit", "knownAt", "notKnown", "resolution")

_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_OPTIONS: dict[str, tuple[str, ...]] = {
    "string": ("minLength", "maxLength", "pattern"),
    "integer": _BOUNDS,
    "number": _BOUNDS,
    "boolean": (),
    "date": _BOUNDS,
    "timestamp": (*_BOUNDS, "timezone", "defaultTimezone"),
}
ROW_LIMITS: dict[
    str, Callable[[Any], tuple[int | None, int | None]]
] = {  # operator of a rowCount rule -> smallest and largest number of rows
    "mustBe": lambda n: (n, n),
    "mustBeBetween": lambda pair: (pair[0], pair[1]),
    "mustBeGreaterOrEqualTo": lambda n: (n, None),
    "mustBeGreaterThan": lambda n: (n + 1, None),
    "mustBeLessOrEqualTo": lambda n: (None, n),
    "mustBeLessThan": lambda n: (None, n - 1),
}
_OPERATORS = (*ROW_LIMITS, "mustNotBe", "mustNotBeBetween")


class MistakeList:
    """Mistakes, at most one per place: the first check that finds one has the best message."""

    def __init__(self, yaml: LocatedYaml) -> None:
        self.yaml = yaml
        self.mistakes: list[Mistake] = []
        self._places: list[KeyPath] = []

    def add(self, path: KeyPath, wrong: str, right: str) -> None:
        if path not in self._places:
            self._places.append(path)
            self.mistakes.append(self.yaml.mistake(path, wrong, right))

    def has_mistake_near(self, path: KeyPath) -> bool:
        """Whether there is a mistake at `path`, below it or above it."""
        return any(known[: len(path)] == path or path[: len(known)] == known for known in self._places)


def check_contract(data: Mapping[str, Any], found: MistakeList) -> None:
    """Add to `found` every mistake of a contract that the standard alone accepts."""
    fixed = {"kind": "DataContract", "apiVersion": API_VERSION}
    for key, value in fixed.items():
        if data.get(key) != value:
            found.add((key,), f"{shown(data.get(key))} is not supported", f"write `{key}: {value}`")
    samples = {
        "id": "flight-delays-departures",
        "name": "Departures",
        "version": '"1.0.0"',
        "status": "active",
    }
    for key, sample in samples.items():
        if not isinstance(data.get(key), str) or not str(data.get(key)).strip():
            wrong = "is missing" if data.get(key) is None else f"{shown(data[key])} is not text"
            found.add((key,), wrong, f"write `{key}: {sample}`")
    description = data.get("description")
    if not isinstance(description, dict) or not description.get("purpose"):
        found.add(("description",), "has no purpose", "write `description: {purpose: what the data are for}`")
    tables = data.get("schema")
    if not isinstance(tables, list) or len(tables) != 1 or not isinstance(tables[0], dict):
        found.add(("schema",), "must have exactly one table", "write one entry with name and properties")
        return
    table, at = tables[0], ("schema", 0)
    columns = table.get("properties")
    if not isinstance(columns, list) or not columns:
        found.add((*at, "properties"), "has no columns", "list each column: {name: …, logicalType: …}")
        return
    by_name = _check_columns(columns, (*at, "properties"), found)
    _check_table_quality(table.get("quality"), (*at, "quality"), by_name, found)
    _check_custom(data.get("customProperties"), by_name, found)
    for index, column in enumerate(columns):
        if isinstance(column, dict):
            custom = (*at, "properties", index, "customProperties")
            _check_column_custom(column, by_name, custom, found)
    if not any(isinstance(column, dict) and column.get("primaryKey") is True for column in columns):
        found.add((*at, "properties"), "has no primary key", "mark what names a row with `primaryKey: true`")


def _check_columns(columns: list[Any], at: KeyPath, found: MistakeList) -> dict[str, dict[str, Any]]:
    by_name: dict[str, dict[str, Any]] = {}
    lower: dict[str, int] = {}
    headers: dict[str, int] = {}
    for index, column in enumerate(columns):
        path: KeyPath = (*at, index)
        if not isinstance(column, dict):
            found.add(path, f"{shown(column)} is not a column", "write {name: …, logicalType: …}")
            continue
        name = column.get("name")
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            found.add(
                (*path, "name"),
                f"{shown(name)} is not a column name",
                "use letters, digits and underscores, and put the file's own name into physicalName",
            )
        elif name.lower() == "sprint":
            found.add((*path, "name"), "sprint is the platform's own column", "give it another name")
        elif name.lower() in lower:
            wrong = f"the column {name} is given twice (case does not count)"
            found.add((*path, "name"), wrong, f"keep one; the first is number {lower[name.lower()] + 1}")
        else:
            lower[name.lower()] = index
            by_name[name] = column
        header = column.get("physicalName") or name
        if isinstance(header, str) and headers.setdefault(header, index) != index:
            wrong = f"the file's column {header} is named twice"
            found.add((*path, "physicalName"), wrong, f"keep one; the first is number {headers[header] + 1}")
        _check_column(column, path, found)
    return by_name


def _check_column(column: Mapping[str, Any], path: KeyPath, found: MistakeList) -> None:
    kind = column.get("logicalType")
    if kind not in LOGICAL_TYPES:
        wrong = "is missing" if kind is None else f"{shown(kind)} is not a supported type"
        near = {
            "int": "integer",
            "bool": "boolean",
            "float": "number",
            "double": "number",
            "datetime": "timestamp",
        }
        right = f"did you mean `{near[str(kind)]}`?" if str(kind) in near else suggest(kind, LOGICAL_TYPES)
        found.add((*path, "logicalType"), wrong, right)
    if not column.get("description"):
        found.add((*path, "description"), "is missing", "describe the column, with its unit")
    if column.get("classification") not in CLASSIFICATIONS:
        value = column.get("classification")
        wrong = "is missing" if value is None else f"{shown(value)} is not a classification"
        found.add((*path, "classification"), wrong, suggest(value or "", CLASSIFICATIONS))
    if column.get("primaryKey") is True and column.get("required") is False:
        found.add(
            (*path, "required"),
            "a primary key column cannot be empty",
            "write `required: true` or leave it out",
        )
    if isinstance(kind, str) and kind in _OPTIONS:
        _check_options(column.get("logicalTypeOptions"), kind, (*path, "logicalTypeOptions"), found)
    options = column.get("logicalTypeOptions")
    has_pattern = isinstance(options, dict) and "pattern" in options
    _check_column_quality(column.get("quality"), kind, has_pattern, (*path, "quality"), found)
    _check_not_known(column, (*path, "customProperties"), found)


def _check_not_known(column: Mapping[str, Any], path: KeyPath, found: MistakeList) -> None:
    properties = column.get("customProperties")
    for index, item in enumerate(properties if isinstance(properties, list) else ()):
        name = item.get("property") if isinstance(item, dict) else None
        at: KeyPath = (*path, index)
        if name == "notKnown":
            words = item.get("value")
            if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
                found.add((*at, "value"), f"{shown(words)} is not a list of words", 'write ["N/A", "-"]')
        elif name == "resolution":
            value, kind = item.get("value"), column.get("logicalType")
            if value not in RESOLUTIONS:
                found.add((*at, "value"), f"{shown(value)} is no resolution", suggest(value, RESOLUTIONS))
            elif kind != "timestamp":
                right = "leave it out: a date is a day" if kind == "date" else "leave it out"
                found.add((*at, "property"), f"is only for timestamps, and this is a {kind}", right)


def _check_options(options: Any, kind: str, path: KeyPath, found: MistakeList) -> None:
    if not isinstance(options, dict):
        return
    limits: dict[str, Any] = {}
    for key, value in options.items():
        if key not in _OPTIONS[kind]:
            checked = ", ".join(_OPTIONS[kind]) or "no options"
            found.add(
                (*path, key),
                f"is not checked for a column of type {kind}",
                f"leave it out; checked are: {checked}",
            )
        elif key in _BOUNDS:
            limits[key] = _limit(value, kind)
            if limits[key] is None:
                sample = {"date": '"2013-01-01"', "timestamp": '"2013-01-01T00:00:00Z"'}.get(kind, "0")
                found.add(
                    (*path, key), f"{shown(value)} does not fit a {kind}", f"write for example {sample}"
                )
        elif key == "pattern" and not _is_pattern(value):
            found.add((*path, key), f"{shown(value)} is not a regular expression", "for example '^[A-Z]{3}$'")
        elif key == "defaultTimezone" and not _is_zone(value):
            found.add(
                (*path, key), f"the time zone {shown(value)} does not exist", "for example America/New_York"
            )
        elif key in {"minLength", "maxLength"} and (type(value) is not int or value < 0):
            found.add((*path, key), f"{shown(value)} is not a length", "write a whole number, for example 3")
    for side in ("minimum", "maximum"):
        exclusive = "exclusive" + side.capitalize()
        if side in options and exclusive in options:
            found.add((*path, exclusive), f"{side} is given too", "keep one of the two")
    low = limits.get("minimum", limits.get("exclusiveMinimum"))
    high = limits.get("maximum", limits.get("exclusiveMaximum"))
    if low is not None and high is not None and not _ordered(low, high):
        found.add(path, "the minimum is greater than the maximum", "swap them")
    shortest, longest = options.get("minLength"), options.get("maxLength")
    if type(shortest) is int and type(longest) is int and shortest > longest:
        found.add(path, "minLength is greater than maxLength", "swap them")


def _limit(value: Any, kind: str) -> Any:
    if kind in {"integer", "number"}:
        return value if type(value) in (int, float) and value == value else None
    try:
        return date.fromisoformat(value) if kind == "date" else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def _ordered(low: Any, high: Any) -> bool:
    try:
        return bool(low <= high)
    except TypeError:  # one timestamp with an offset, the other without: no order to check
        return True


def _is_pattern(value: Any) -> bool:
    try:
        re.compile(value)
    except (TypeError, re.error):
        return False
    return True


def _is_zone(value: Any) -> bool:
    try:
        zone_of(value)
    except (TypeError, KeyError, ValueError, OSError):
        return False
    return True


def _check_column_quality(
    rules: Any, kind: Any, has_pattern: bool, path: KeyPath, found: MistakeList
) -> None:
    given = {"pattern"} if has_pattern else set()
    for rule, at in _rules(rules, path, found):
        metric, arguments = rule.get("metric"), rule.get("arguments") or {}
        if metric not in {"nullValues", "duplicateValues", "invalidValues"}:
            right = "use nullValues, duplicateValues or invalidValues, or make it a dbt test"
            found.add((*at, "metric"), f"{shown(metric)} of a column is not checked when a file lands", right)
        elif rule.get("mustBe") != 0 or isinstance(rule.get("mustBe"), bool):
            found.add(
                at, "only `mustBe: 0` is checked for a column", "write `mustBe: 0`, or make it a dbt test"
            )
        elif metric == "invalidValues" and isinstance(arguments, dict):
            for key in arguments:
                if key not in {"validValues", "pattern"}:
                    found.add(
                        (*at, "arguments", key), "is not checked", suggest(key, ("validValues", "pattern"))
                    )
                elif key in given:
                    found.add(
                        (*at, "arguments", key),
                        f"a {key} is given before",
                        "keep one: only one would be checked",
                    )
                elif key == "pattern" and (kind != "string" or not _is_pattern(arguments[key])):
                    right = "give a column of type string a regular expression: '^[A-Z]{3}$'"
                    found.add((*at, "arguments", key), f"{shown(arguments[key])} cannot be checked", right)
                given.add(key)
            values = arguments.get("validValues")
            if values is None and "pattern" not in arguments:
                found.add(
                    (*at, "arguments"), "names no valid values", "write `validValues: [A, B]` or `pattern: …`"
                )
            elif values is not None and (not isinstance(values, list) or not values):
                found.add(
                    (*at, "arguments", "validValues"), f"{shown(values)} is not a list", "write `[A, B]`"
                )
            elif values is not None and (misfit := [v for v in values if not _fits(v, kind)]):
                wrong = f"{shown(misfit[0])} does not fit a column of type {kind}"
                found.add(
                    (*at, "arguments", "validValues"), wrong, 'quote text: ["01", "02"]; leave null out'
                )


def _fits(value: Any, kind: Any) -> bool:
    kinds: dict[Any, tuple[type, ...]] = {"string": (str,), "integer": (int,), "number": (int, float)}
    return type(value) in kinds.get(kind, (str, int, float, bool))


def _check_table_quality(rules: Any, path: KeyPath, columns: Mapping[str, Any], found: MistakeList) -> None:
    for place, wrong, right in accepted_mistakes(rules, path, columns, found.yaml.line):
        found.add(place, wrong, right)
    for rule, at in _rules(without_relations(rules), path, found):
        operators = [key for key in _OPERATORS if key in rule]
        arguments = rule.get("arguments") or {}
        if rule.get("metric") == "rowCount":
            limits = [key for key in operators if key in ROW_LIMITS]
            values = rule[limits[0]] if limits else None
            numbers = values if isinstance(values, list) else [values]
            if len(operators) != 1 or not limits:
                found.add(at, "has no row limits", "write `mustBeBetween: [10000, 16000]`")
            elif any(type(number) is not int or number < 0 for number in numbers) or numbers != sorted(
                numbers
            ):
                found.add(
                    (*at, limits[0]),
                    f"{values} are not row counts",
                    "write the smaller one first: [10000, 16000]",
                )
        elif rule.get("metric") == "duplicateValues":
            names = arguments.get("properties") if isinstance(arguments, dict) else None
            if not isinstance(names, list) or not names or any(name not in columns for name in names):
                found.add((*at, "arguments"), "must name columns of this table", "write `properties: [a, b]`")
            if rule.get("mustBe") != 0:
                found.add(
                    at,
                    "only `mustBe: 0` is checked for duplicates",
                    "write `mustBe: 0`, or make it a dbt test",
                )
        else:
            right = "use rowCount or duplicateValues, or make it a dbt test"
            found.add((*at, "metric"), f"{shown(rule.get('metric'))} is not checked when a file lands", right)


def _rules(rules: Any, path: KeyPath, found: MistakeList) -> Iterator[tuple[dict[str, Any], KeyPath]]:
    """The library rules among quality rules. Text is for people; SQL and custom rules are refused."""
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        at = (*path, index)
        if not isinstance(rule, dict) or rule.get("type") == "text":
            continue
        if rule.get("type") == "custom" and closest(rule.get("engine"), (ENGINE,)):
            # A relation of a table comes here only when its engine is misspelt; of a column, it is in the wrong place.
            right = f"state it in the quality list of the table, with `engine: {ENGINE}`"
            found.add((*at, "engine"), f"{shown(rule.get('engine'))} states no relation here", right)
            continue
        if rule.get("type", "library") != "library":
            found.add(
                (*at, "type"), f"{shown(rule['type'])} rules are not run on a file", "make it a dbt test"
            )
        elif "unit" in rule and rule["unit"] != "rows":
            found.add(
                (*at, "unit"),
                f"{shown(rule['unit'])} is not counted here",
                "count rows, or make it a dbt test",
            )
        else:
            yield rule, at


def _check_custom(properties: Any, columns: Mapping[str, dict[str, Any]], found: MistakeList) -> None:
    seen: dict[str, Any] = {}
    for index, item in enumerate(properties if isinstance(properties, list) else ()):
        at: KeyPath = ("customProperties", index)
        if not isinstance(item, dict) or not isinstance(item.get("property"), str):
            continue  # the JSON Schema reports it
        name, value = item["property"], item.get("value")
        if name in seen:
            found.add((*at, "property"), f"{name} is given twice", "keep one")
        elif name not in CUSTOM and (near := closest(name, CUSTOM, cutoff=0.75)):
            found.add((*at, "property"), f"unknown property {name}", f"did you mean `{near}`?")
        elif name in {"eventAt", "knownAt"}:
            _check_moment(name, value, columns, (*at, "value"), found)
        elif name == "timezone" and not _is_zone(value):
            found.add(
                (*at, "value"), f"the time zone {shown(value)} does not exist", "for example America/New_York"
            )
        elif name == "rejectedRelations":
            for place, wrong, right in rejected_mistakes(value, (*at, "value")):
                found.add(place, wrong, right)
        elif name == "checksum" and value not in {"required", "optional"}:
            found.add((*at, "value"), f"{shown(value)} is not allowed", "write required or optional")
        seen[name] = value
    for name, column in (("eventAt", "event_at"), ("knownAt", "known_at")):
        if column in columns and seen.get(name, column) != column:
            wrong = f"{name} names {shown(seen[name])}, but the table has a column {column} too"
            found.add(("customProperties",), wrong, f"let {name} name {column}, or rename the column")


def _check_column_custom(
    column: Mapping[str, Any], columns: Mapping[str, dict[str, Any]], at: KeyPath, found: MistakeList
) -> None:
    """Check the names of a column's properties, and when its values are known: `knownAt`."""
    given = column.get("customProperties")
    for index, item in enumerate(given if isinstance(given, list) else ()):
        if not isinstance(item, dict) or not isinstance(item.get("property"), str):
            continue
        name, value = item["property"], item.get("value")
        if name not in COLUMN_CUSTOM and (near := closest(name, COLUMN_CUSTOM, cutoff=0.75)):
            found.add((*at, index, "property"), f"unknown property {name}", f"did you mean `{near}`?")
        if name != "knownAt" or value in (AT_QUESTION, WITH_ROW):
            continue
        moment = columns.get(value) if isinstance(value, str) else None
        if moment is None:
            known = f"write {AT_QUESTION}, {WITH_ROW}, or the name of a column that holds the moment"
            found.add((*at, index, "value"), f"{shown(value)} is no moment and no column", known)
        elif moment.get("logicalType") not in {"timestamp", "date"}:
            wrong = f"{value} is a column of type {moment.get('logicalType')}"
            found.add((*at, index, "value"), wrong, "name a timestamp or date column")


def _check_moment(
    name: str, value: Any, columns: Mapping[str, dict[str, Any]], at: KeyPath, found: MistakeList
) -> None:
    column = columns.get(value) if isinstance(value, str) else None
    if column is None:
        found.add(at, f"there is no column {shown(value)}", suggest(value, columns))
    elif column.get("logicalType") not in {"timestamp", "date"}:
        right = "name a timestamp or date column, or leave it out and derive it in sources.py"
        found.add(at, f"{value} is a column of type {column.get('logicalType')}", right)
    elif column.get("required") is not True and column.get("primaryKey") is not True:
        found.add(
            at, f"{value} may be empty", f"write `required: true` at {value}: every row needs its {name}"
        )
