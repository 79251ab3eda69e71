"""Mistakes in the contracts that a product's sources name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from sprintline.landing.contracts import Contract
from sprintline.landing.odcs import parse_contract
from sprintline.landing.published import wrong_tables
from sprintline.landing.terms import changed_terms
from sprintline.mechanisms.declaration.located_yaml import DeclarationError
from sprintline.product.checked import Check, Checked
from sprintline.product.held import Held
from sprintline.product.runtime import Runtime


def _contracts(product: Checked) -> Iterator[str]:
    functions = _functions(product.folder / "sources.py")
    for source, place in product.spec.contracts.items() if product.spec else ():
        file = product.folder / place
        shown = product.shown(file)
        try:
            contract = parse_contract(file.read_text(encoding="utf-8"), shown)
        except FileNotFoundError:
            yield f"{shown}:1: is missing; source {source} of defs.yaml names it as its contract"
        except IsADirectoryError:
            yield f"{shown}:1: is a folder; make it a file"
        except UnicodeDecodeError:
            yield f"{shown}:1: is not UTF-8 text; save it as UTF-8"
        except DeclarationError as error:
            yield from str(error).splitlines()
        else:
            if (mistake := _moments(contract, source, functions)) is not None:
                yield f"{shown}:1: {mistake}"


def _moments(contract: Contract, source: str, functions: set[str]) -> str | None:
    if contract.event_at is None and source not in functions:
        return (
            f"it is not declared when a row of {source} happened; name a column in customProperties (eventAt, knownAt) "
            f"or write {source}(frame) in sources.py, returning it with event_at and known_at"
        )
    return None


def _functions(file: Path) -> set[str]:
    try:
        tree = ast.parse(file.read_bytes())  # as Python reads it: with or without a byte order mark
    except (FileNotFoundError, SyntaxError, ValueError):
        return set()
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def _published(product: Checked) -> Iterator[str]:
    """Tables that the product publishes, and that it reads from others."""
    if product.spec is None:
        return
    file = product.shown(product.folder / "defs.yaml")
    for mistake in wrong_tables(Runtime(product.spec, product.folder, product.home), unreadable=True):
        yield mistake.located(file)


HELD = (Held(changed_terms),)
CHECKS = (Check(30, _contracts), Check(31, _published))
