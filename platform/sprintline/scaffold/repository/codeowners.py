"""`CODEOWNERS`, by which a forge asks the right people for a review, written from what the products declare.

The file has two parts. What lies above `MARK` is written by hand and stays as it is; the lines below it are written
here, one per folder of each product. A forge takes the last line that matches, so the products' lines decide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from sprintline.base.files import atomic_write
from sprintline.product.folders import product_folders
from sprintline.product.spec import DeclarationError, ProductSpec, parse_product
from sprintline.scaffold.create import ALSO, PLACES, ScaffoldError

FILE = "CODEOWNERS"
MARK = "# --- Products: written by `sprintline codeowners` from team and owners in each defs.yaml; edit those. ---"

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_TEAM = re.compile(r"team:(.+)")
_ORGANISATION = re.compile(r"@([\w.-]+(?:/[\w.-]+)*)/[\w.-]+")


def codeowners(root: Path) -> str:
    """The text that a clone's CODEOWNERS should have.

    Raises:
        ScaffoldError: a `defs.yaml` is invalid, or declares no owner that a forge can know; the message names it.
    """
    return text_of(above(root), _products(root))


def above(root: Path) -> str:
    """The part of a clone's CODEOWNERS that is written by hand."""
    file = root / FILE
    return file.read_text(encoding="utf-8").partition(MARK)[0] if file.is_file() else ""


def text_of(by_hand: str, products: Mapping[str, ProductSpec]) -> str:
    """The whole text: the part written by hand, the mark, and the products' lines in order of their names.

    by_hand: the part above the mark. Its first owner like `@acme/data` tells the organisation, by which the declared
        `team:punctuality` is `@acme/punctuality`.

    Raises:
        ScaffoldError: a product declares no owner that a forge can know.
    """
    rules = "\n".join(line.partition("#")[0] for line in by_hand.splitlines())
    organisation = found[1] if (found := _ORGANISATION.search(rules)) else None
    lines = [by_hand.rstrip("\n") + "\n" if by_hand.strip() else "", MARK]
    for name, spec in sorted(products.items()):
        owners = " ".join(owners_of(spec, organisation))
        folders = sorted(place.format(product=name) for place in (*PLACES.values(), *ALSO))
        lines += ["", *(f"/{folder}/ {owners}" for folder in folders)]
    return "\n".join(line for number, line in enumerate(lines) if line or number) + "\n"


def owners_of(spec: ProductSpec, organisation: str | None) -> list[str]:
    """Who answers for a product, as forges write it: e-mail addresses and, where it is known, teams of an organisation.

    Raises:
        ScaffoldError: there is none.
    """
    found: dict[str, None] = {}
    for owner in (*spec.owners, spec.team.owner):
        if organisation and (team := _TEAM.fullmatch(owner)):
            found[f"@{organisation}/{re.sub(r'[^a-z0-9]+', '-', team[1].lower()).strip('-')}"] = None
        elif EMAIL.fullmatch(owner):
            found[owner] = None
    if not found:
        raise ScaffoldError(
            f"platform/products/{spec.name}/defs.yaml: attributes.owners: has no owner for {FILE}; add an e-mail "
            f"address, or write the organisation at the top of {FILE}, as `* @acme/data`, by which team:{spec.name} is "
            f"@acme/{spec.name}"
        )
    return list(found)


def refresh(root: Path) -> bool:
    """Write the clone's CODEOWNERS where it differs; whether it did. Raises ScaffoldError as `codeowners` does."""
    text, file = codeowners(root), root / FILE
    if file.is_file() and file.read_text(encoding="utf-8") == text:
        return False
    atomic_write(file, text)
    return True


def difference(root: Path) -> str | None:
    """What is wrong with the clone's CODEOWNERS, in a sentence; None where it is as declared. Raises ScaffoldError."""
    text, file = codeowners(root), root / FILE
    if not file.is_file():
        return f"{FILE} is missing: write it with sprintline codeowners"
    there = file.read_text(encoding="utf-8").splitlines()
    for number, wanted in enumerate(text.splitlines(), 1):
        line = there[number - 1] if number <= len(there) else "(end of file)"
        if line != wanted:
            return f"{FILE}:{number}: is {line!r}, the declarations say {wanted!r}: sprintline codeowners writes it"
    if len(there) > text.count("\n"):
        return (
            f"{FILE}:{text.count(chr(10)) + 1}: no declaration says so: sprintline codeowners writes it again"
        )
    return None


def _products(root: Path) -> dict[str, ProductSpec]:
    found = {}
    for folder in product_folders(root):
        defs = folder / "defs.yaml"
        try:
            found[folder.name] = parse_product(defs.read_text(encoding="utf-8"), str(defs.relative_to(root)))
        except FileNotFoundError:
            continue  # `sprintline check` reports a folder without its declaration
        except (DeclarationError, UnicodeDecodeError) as error:
            raise ScaffoldError(f"{error}; fix that first: sprintline check {folder.name}") from error
    return found
