"""Every declaration of every product, read and reported as `file:line: what is wrong; what would be right`.

Declaration files are known from the `spec.py` of each subject; other checks of a subject are in its
`mistakes.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.mechanisms.declaration.declarations import (
    Declaration,
    declaration_of,
    declarations,
    misspelt,
    read_file,
)
from sprintline.mechanisms.declaration.located_yaml import DeclarationError
from sprintline.mechanisms.registry import collected
from sprintline.product.checked import ALWAYS, DECLARED, SOUND, Check, Checked
from sprintline.product.spec import ProductSpec

if TYPE_CHECKING:
    from sprintline.base.settings import Home


def mistakes_of(folder: Path, root: Path, home: Home) -> list[str]:
    """All mistakes of one product, in the order in which they are best fixed. Empty when it can be loaded.

    Declaration files come first, then the checks of each subject's `mistakes.py`; dbt runs last and only when there are
    no other mistakes.
    """
    product = Checked(folder, root, home)
    _add(product, _product(product))
    for check in sorted((*collected("mistakes", "CHECKS"), _FILES), key=lambda one: one.order):
        if _runs(check, product):
            _add(product, check.find(product))
    return product.found


def notes_of(folder: Path, root: Path, home: Home) -> list[str]:
    """Lines of a product's declarations that are no longer read. They do no harm and are not mistakes."""
    product = Checked(folder, root, home)
    found = []
    for declaration in declarations():
        for file in declaration.files(folder):
            text = file.read_text(encoding="utf-8", errors="replace")
            shown = product.shown(file)
            found += [one.located(shown) for one in declaration.unread(text, shown)]
    return found


def _add(product: Checked, lines: Iterator[str]) -> None:
    product.found += [line for line in dict.fromkeys(lines) if line not in product.found]


def _runs(check: Check, product: Checked) -> bool:
    return {ALWAYS: True, DECLARED: product.spec is not None, SOUND: not product.found}[check.when]


def _product(product: Checked) -> Iterator[str]:
    """Reads defs.yaml, on which most other checks rest."""
    try:
        product.spec = _read(product, declaration_of(ProductSpec), product.folder / "defs.yaml")
    except DeclarationError as error:
        yield from str(error).splitlines()


def _files(product: Checked) -> Iterator[str]:
    """All other declaration files, and files whose name is almost one of theirs."""
    for declaration in declarations():
        if declaration.spec is ProductSpec:
            continue
        files = declaration.files(product.folder)
        if declaration.required and not declaration.many and not files:
            files = [product.folder / declaration.file]
        for file in files:
            try:
                _read(product, declaration, file)
            except DeclarationError as error:
                yield from str(error).splitlines()
    for file, near in misspelt(product.folder):
        yield f"{product.shown(file)}:1: nothing reads a file of this name; did you mean `{near}`?"


def _read(product: Checked, declaration: Declaration, file: Path) -> Any:
    return read_file(declaration, file, product.shown(file), product.known)


_FILES = Check(25, _files, ALWAYS)
