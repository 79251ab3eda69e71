"""The kinds of values a declaration holds: names, dates, time zones, paths. Each says what would be right."""

from __future__ import annotations

import math
import re
from datetime import date
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from sprintline.base.time_zones import zone_of
from sprintline.mechanisms.declaration.located_yaml import shown, suggest
from sprintline.mechanisms.declaration.spec import wrong

LONGEST_SPRINT_DAYS = 366
"""A source of a row a day needs sprints of some months; a key has the year in which its sprint ends, so no more."""
SHORTEST_OF_TWO_DIGITS = 4
"""Days of the shortest sprint of which a year has at most 99: keys of shorter ones have three digits."""

_SPRINT_KEY = re.compile(r"\d{4}-S\d{2,3}")
_RULE_CODE = re.compile(r"[A-Z]{2,5}\d{3}")
_OWNER = re.compile(r"team:\S+|[^@\s]+@[^@\s]+\.[^@\s]+")


def day(value: Any) -> date | None:
    """The day an ISO date names, or None when `value` is no ISO date."""
    value = _iso_text(value)
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _iso_text(value: Any) -> Any:
    # Other YAML readers hand over an unquoted date as a date.
    return value.isoformat() if type(value) is date else value


def _iso_date(value: str) -> str:
    if day(value) is None:
        raise wrong(f"{shown(value)} is not a date", 'write year, month and day: "2013-01-01"')
    return value


def _identifier(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", value):
        like = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_") or "flight_delays"
        like = like if like[0].isalpha() else f"n{like}"
        raise wrong(
            f"{shown(value)} is not a name", f"use small letters, digits and underscores: {like[:62]}"
        )
    return value


def _text(value: str) -> str:
    if not value.strip():
        raise wrong("is empty", "say it in a few words")
    return value


def _owner(value: str) -> str:
    if not _OWNER.fullmatch(value):
        raise wrong(f"{shown(value)} is no owner", "write an e-mail address, or team:<name> as Dagster does")
    return value


def _timezone(value: str) -> str:
    try:
        zone_of(value)
    except (KeyError, ValueError, OSError):
        near = suggest(value, available_timezones())
        right = (
            near.split(" (known")[0]
            if near.startswith("did you mean")
            else "use an IANA name: America/New_York"
        )
        raise wrong(f"the time zone {shown(value)} does not exist", right) from None
    return value


def _contract_path(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or "\\" in value or path.suffix not in {".yaml", ".yml"}:
        raise wrong(
            f"{shown(value)} is not a contract's path",
            "name a file in the product's folder: contracts/departures.yaml",
        )
    return value


def _accepted_version(value: str) -> str:
    if not re.fullmatch(r"\d+\.\d+\.\d+|\^\d+(\.\d+){0,2}", value):
        raise wrong(
            f"{shown(value)} is not a contract version",
            'write one version ("1.2.0"), or "^1" for every version that is compatible with 1',
        )
    return value


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise wrong(f"{value} is not a finite number", "write a number, for example 0.05")
    return value


def _severity(value: Any) -> Any:
    if value is False or (isinstance(value, str) and value.lower() in {"off", "none", "ignore", "disabled"}):
        right = "write error or warn, or a waiver: {approver: …, reason: …, expires: 2013-08-01}"
        raise wrong("a rule cannot be switched off, only waived for a time", right)
    return value


def _sprint_key(value: str, info: ValidationInfo) -> str:
    if not _SPRINT_KEY.fullmatch(value):
        raise wrong(f"{shown(value)} is not a sprint", "write year and number: 2013-S07")
    planned = (info.context or {}).get("sprints")
    if planned is not None and value not in planned:
        named = list(planned)
        right = f"the calendar has {named[0]} to {named[-1]}" if named else "the calendar has none"
        raise wrong(f"there is no sprint {value}", right)
    return value


def _rule_code(value: str, info: ValidationInfo) -> str:
    if not _RULE_CODE.fullmatch(value):
        raise wrong(f"{shown(value)} is not a rule code", "write letters and three digits: DQ101")
    known = (info.context or {}).get("known_rules")
    if known is not None and value not in known:
        raise wrong(f"there is no rule {value}", suggest(value, sorted(known)))
    return value


IsoDate = Annotated[str, BeforeValidator(_iso_text), AfterValidator(_iso_date)]
Name = Annotated[str, AfterValidator(_identifier)]
Words = Annotated[str, AfterValidator(_text)]
Owner = Annotated[str, AfterValidator(_owner)]
Timezone = Annotated[str, AfterValidator(_timezone)]
ContractPath = Annotated[str, AfterValidator(_contract_path)]
AcceptedVersion = Annotated[str, AfterValidator(_accepted_version)]
Number = Annotated[float, AfterValidator(_finite)]
SprintDays = Annotated[int, Field(ge=1, le=LONGEST_SPRINT_DAYS)]
Severity = Annotated[Literal["error", "warn"], BeforeValidator(_severity)]
SprintKey = Annotated[str, AfterValidator(_sprint_key)]
"""A sprint: of the calendar, where the context of the validation has `sprints`."""
RuleCode = Annotated[str, AfterValidator(_rule_code)]
"""A rule: one that exists, where the context of the validation has `known_rules`."""
