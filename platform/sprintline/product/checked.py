"""A product as `sprintline check` reads it: its files are read, not loaded, because they may have mistakes.

A subject lists what it checks of a product as `CHECKS` in its `mistakes.py`. A check yields lines
`file:line: what is wrong; what would be right`, with paths from the clone's root.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.mechanisms.declaration.located_yaml import DeclarationError, KeyPath, read_yaml
from sprintline.mechanisms.rules.registry import all_rules
from sprintline.product.calendar import Calendar, CalendarError

if TYPE_CHECKING:
    from sprintline.base.settings import Home
    from sprintline.product.spec import ProductSpec


@dataclass
class Checked:
    """One product in a clone.

    folder: the product's. root: the clone. home: its state folder. spec: None while its defs.yaml has mistakes.
    found: lines of the checks before.
    """

    folder: Path
    root: Path
    home: Home
    spec: ProductSpec | None = None
    found: list[str] = field(default_factory=list)

    @property
    def product(self) -> str:
        return self.folder.name

    def shown(self, path: Path) -> str:
        """How messages name a file: from the clone's root."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)

    def line(self, file: Path, path: KeyPath) -> int:
        """The line of a key in a YAML file of the product; 1 where the file cannot be read."""
        try:
            return read_yaml(file.read_text(encoding="utf-8"), "").line(path)
        except (OSError, UnicodeDecodeError, DeclarationError):
            return 1

    @property
    def sprints(self) -> tuple[str, ...] | None:
        """Keys of the calendar; None while it has mistakes."""
        try:
            return Calendar.from_spec(self.spec.calendar).keys if self.spec else None
        except CalendarError:
            return None

    @property
    def known(self) -> dict[str, Any]:
        """What declaration files are checked against."""
        return {
            "sprints": self.sprints,
            "known_rules": set(all_rules()),
            "fixed_rules": {code for code, rule in all_rules().items() if rule.threshold is None},
        }

    def syntax(self, file: Path) -> str | None:
        """The mistake that keeps a file from being Python, as a line; None for a file that parses."""
        try:
            # The bytes, as Python reads them: a byte order mark or a coding line is no mistake.
            ast.parse(file.read_bytes(), filename=self.shown(file))
        except SyntaxError as error:
            return f"{self.shown(file)}:{error.lineno or 1}: {error.msg}; fix the line"
        except (UnicodeDecodeError, ValueError) as error:
            return f"{self.shown(file)}:1: is not Python text ({error}); save it as UTF-8"
        return None


ALWAYS, DECLARED, SOUND = "always", "declared", "sound"
"""When a check runs: always; when defs.yaml is valid, so that `Checked.spec` is set; when no earlier check found a
mistake, for checks with slow tools."""


@dataclass(frozen=True)
class Check:
    """What a subject checks of a product.

    order: mistakes of a lower number are best fixed first, because those of a higher one may follow from them.
    when: `ALWAYS`, `DECLARED` or `SOUND`.
    """

    order: int
    find: Callable[[Checked], Iterable[str]]
    when: str = DECLARED
