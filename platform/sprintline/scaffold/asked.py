"""What a team says of its own file, beyond what can be read from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Meaning:
    """What is known of a file's meaning beyond its columns; all of it may be empty.

    question: a sentence for the product's description. means: what the label is, with its unit.
    about, units: description and unit of columns, by header. limits: a sentence for the contract.
    """

    question: str = ""
    means: str = ""
    about: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    limits: str = ""


@dataclass(frozen=True)
class Asked:
    """What only the team knows about its file: the meaning of the columns, and the label."""

    file: Path
    key: str
    event_at: str
    known_at: str
    label: str
    by: str | None = None
    known_later: tuple[str, ...] = ()
    timezone: str = "UTC"
    length_days: int = 7
    task: str | None = None
    meaning: Meaning = field(default_factory=Meaning)
