"""Declaration files: what a team writes beside its product, declared once by the subject that reads it.

A subject registers its files as `DECLARATIONS` in its `spec.py`. The runtime, `sprintline check`, `sprintline declare`
and the reference page know a file from there; nothing lists the files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from sprintline.mechanisms.declaration.example import example_of
from sprintline.mechanisms.declaration.located_yaml import DeclarationError, KeyPath, Mistake, read_yaml
from sprintline.mechanisms.declaration.spec import Spec, mistakes, retired_keys
from sprintline.mechanisms.registry import collected

if TYPE_CHECKING:
    from sprintline.mechanisms.context import Context

Known = Mapping[str, Any]
"""What a file is checked against: `sprints` (keys of the calendar), `known_rules` (codes); each where it is known."""

Parse = Callable[[str, str, Known], Any]
"""Text, the name of the file in messages, and what is known -> what is declared. Raises DeclarationError."""

_LIKE = 0.8
"""Two file names (without their endings) of at least this similarity are one name and a misspelling of it."""

_SPRINT = re.compile(r"\b\d{4}-S\d{2,3}\b")


@dataclass(frozen=True)
class Declaration:
    """One kind of file in a product's folder.

    Attributes:
        file: its path below the product's folder (`plan.yaml`), or a pattern where there are many (`contracts/*.yaml`).
        title: what a team declares in it, as a phrase.
        spec: the model of its content; None for a file in a format of others, which needs `parse`.
        required: whether every product has it. `sprintline new` writes its example then.
        example: its text as `sprintline declare` writes it; by default made from the descriptions and examples of the
            spec. Sprint keys in it are replaced by the product's own.
        at: where the spec begins in the file; the default is its top level.
        parse: reads the text where the spec alone does not.
        made_by: the command that writes the file; by default `sprintline declare` does.
        about: a paragraph for the reference page.
    """

    file: str
    title: str
    spec: type[Spec] | None = None
    required: bool = False
    example: str = ""
    at: KeyPath = ()
    parse: Parse | None = None
    made_by: str = ""
    about: str = ""

    @property
    def many(self) -> bool:
        """Whether a product may have several such files."""
        return "*" in self.file

    def files(self, folder: Path) -> list[Path]:
        """Those of a product that are there."""
        return sorted(folder.glob(self.file))

    def read(self, text: str, filename: str, known: Known) -> Any:
        """What a text declares. Raises DeclarationError, a line per mistake."""
        if self.parse is not None:
            return self.parse(text, filename, known)
        if self.spec is None:
            raise TypeError(f"the declaration {self.file} has neither spec nor parse")
        yaml = read_yaml(text, filename)
        found = list(yaml.templates())
        declared: Any = None
        try:
            declared = self.spec.model_validate(yaml.data, context={**known, "as_written": True})
        except ValidationError as error:
            found += mistakes(error, self.spec, yaml, ())
        yaml.refuse(found)
        return declared

    def unread(self, text: str, filename: str) -> list[Mistake]:
        """Keys that were read once and are not any more. A file may have them; they have no effect."""
        if self.spec is None:
            return []
        try:
            yaml = read_yaml(text, filename)
        except DeclarationError:
            return []
        return list(retired_keys(self.spec, yaml, self.at))

    def example_for(self, sprints: Collection[str]) -> str:
        """The text that `sprintline declare` writes for a product with these sprints."""
        text = self.example or example_of(self.spec, f"{self.title[0].upper()}{self.title[1:]}.")
        return _with_sprints(text, list(sprints))


def _with_sprints(text: str, keys: list[str]) -> str:
    named = dict.fromkeys(_SPRINT.findall(text))
    own = dict(zip(named, keys, strict=False))
    return _SPRINT.sub(lambda found: own.get(found[0], keys[-1] if keys else found[0]), text)


@cache
def declarations() -> tuple[Declaration, ...]:
    """Every kind of declaration file: those that every product has first, then by name.

    Raises ValueError when two have one name.
    """
    found: dict[str, Declaration] = {}
    for one in collected("spec", "DECLARATIONS"):
        if one.file in found:
            raise ValueError(f"two subjects declare the file {one.file}")
        found[one.file] = one
    return tuple(sorted(found.values(), key=lambda one: (not one.required, one.file)))


def declaration_of(spec: type[Spec]) -> Declaration:
    """The declaration whose content is this spec. Raises LookupError for a spec that no `spec.py` registers."""
    for one in declarations():
        if one.spec is spec:
            return one
    raise LookupError(f"{spec.__name__} is in no declaration: add it to DECLARATIONS in a spec.py")


def read_file(declaration: Declaration, file: Path, shown: str, known: Known) -> Any:
    """What one file declares. Raises DeclarationError, also for a file that is missing or not UTF-8."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DeclarationError(
            shown, [Mistake(1, "", "is missing", _how_to_get(declaration, file))]
        ) from None
    except UnicodeDecodeError:
        raise DeclarationError(shown, [Mistake(1, "", "is not UTF-8 text", "save it as UTF-8")]) from None
    except IsADirectoryError:
        raise DeclarationError(shown, [Mistake(1, "", "is a folder", "make it a file")]) from None
    return declaration.read(text, shown, known)


def _how_to_get(declaration: Declaration, file: Path) -> str:
    command = declaration.made_by or f"sprintline declare {file.parent.name} {declaration.file}"
    return f"write it, or let `{command}` write it"


def read_declared(spec: type[Spec], folder: Path, known: Known) -> Any:
    """What the file of a spec declares in a product's folder; None where an optional file is not there.

    Raises:
        DeclarationError: the file has mistakes, or is required and missing.
    """
    declaration = declaration_of(spec)
    file = folder / declaration.file
    if not declaration.required and not file.is_file():
        return None
    return read_file(declaration, file, str(file), known)


@dataclass(frozen=True)
class declares:
    """A condition for `Rule.applies`: the product has the file of this spec, whatever is in it.

    A file that is empty or has mistakes counts too: its rules are then judged, and say what is missing.
    """

    spec: type[Spec]

    def __call__(self, context: Context) -> bool:
        return context.declares(self.spec)

    @property
    def products(self) -> str:
        """The products it is true of, in words."""
        return f"Products with `{declaration_of(self.spec).file}`"


def misspelt(folder: Path) -> Iterator[tuple[Path, str]]:
    """Files that nothing reads whose name is nearly one of a declaration, each with that name."""
    read = {file for one in declarations() for file in one.files(folder)}
    names = [one.file for one in declarations() if not one.many and "/" not in one.file]
    for file in sorted(folder.glob("*.y*ml")):
        if file in read or not names:
            continue
        likeness, near = max((_likeness(file.name, name), name) for name in names)
        if likeness >= _LIKE:
            yield file, near


def _likeness(name: str, declared: str) -> float:
    return SequenceMatcher(
        None, PurePosixPath(name).stem.lower(), PurePosixPath(declared).stem.lower()
    ).ratio()
