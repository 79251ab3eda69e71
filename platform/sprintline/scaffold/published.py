"""`sprintline publish` and `sprintline add --published`: one product's table becomes another's source, without YAML.

Both add entries as text, so that every comment stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from sprintline.landing.contracts import Contract
from sprintline.landing.inferred import columns_of
from sprintline.landing.odcs import parse_contract
from sprintline.landing.published import readers_of
from sprintline.mechanisms.declaration.located_yaml import DeclarationError
from sprintline.product.source_spec import VERSION
from sprintline.product.spec import ProductSpec, parse_product
from sprintline.scaffold.add_source import (
    Added,
    check_free,
    declared,
    file_of_tables,
    install,
    with_entry,
)
from sprintline.scaffold.create import PLACES, ScaffoldError, alone
from sprintline.scaffold.source_files import files_of_source, text_of


def publish_table(product: str, table: str, contract: str | None, root: Path) -> tuple[Path, str]:
    """Let other products read a lake table of a product.

    Args:
        product: its name.
        table: one of its sources or feature views, question_features or predictions.
        contract: the contract's file in the product's folder; by default that of the source.
        root: the clone.

    Returns:
        The file that got an entry, and the contract's version.

    Raises:
        ScaffoldError: there is no such product or table, or no contract for it. Nothing is changed then.
    """
    folder = root / PLACES["product"].format(product=product)
    with alone(root / "platform" / "products"):
        defs = folder / "defs.yaml"
        spec = declared(defs, product, root)
        place = contract or spec.contracts.get(table)
        if place is None:
            raise ScaffoldError(
                f"{table} is not a source with a contract: write a contract for it (an example is "
                f"{next(iter(spec.contracts.values()), 'contracts/')}) and name it with --contract",
                code=2,
            )
        version = _contract(folder / place, root).version
        if not VERSION.fullmatch(version):
            raise ScaffoldError(f"{place} has version {version}: write three numbers there: version: 1.0.0")
        entry = f"- table: {table}\n  contract: {place}\n"
        grown = _with_published(defs, root, spec, entry)
        try:
            parse_product(grown.decode(), str(defs.relative_to(root)))
        except DeclarationError as error:
            mistake = error.mistakes[0]
            raise ScaffoldError(f"{mistake.wrong}; {mistake.right}", code=2) from error
        install({defs: grown})
    return defs, version


def read_published(product: str, other: str, table: str, name: str | None, root: Path) -> Added:
    """Give a product a source that reads another product's published table, with its staging model.

    Raises:
        ScaffoldError: a product does not load, the table is not published, the name is taken, or the other product
            reads this one. The clone is then as it was.
    """
    folders = {part: root / place.format(product=product) for part, place in PLACES.items()}
    with alone(root / "platform" / "products"):
        defs = folders["product"] / "defs.yaml"
        spec = declared(defs, product, root)
        contract = _published(other, table, root)
        if other == product or product in _upstream(other, root):
            raise ScaffoldError(
                f"{other} is {product} itself, or reads it: no sprint of either could close first", code=2
            )
        source = name or table
        facts = _facts(product, source, f"{other}.{table}", contract)
        new = {
            folders["models"] / place: content
            for place, content in files_of_source("models", Path(f"{source}.csv"), facts).items()
        }
        check_free(source, spec, folders, new, root)
        tables = file_of_tables(product, folders["models"], root)
        major = contract.version.split(".")[0] if not contract.version.startswith("0.") else contract.version
        listed = (
            f'- name: {source}\n  published: {{product: {other}, table: {table}, version: "^{major}"}}\n'
            f"  description: Rows that {other} publishes\n"
        )
        edits = {
            tables: with_entry(
                tables, root, ("sources", product, "tables"), text_of("source/table.yml.j2", facts)
            ),
            defs: with_entry(defs, root, ("attributes", "sources"), listed),
        }
        try:
            # dbt's source is written before the model that reads it, and defs.yaml last: it names existing files.
            install({tables: edits[tables], **new, defs: edits[defs]})
        except OSError as error:
            raise ScaffoldError(
                f"{error.filename or root}: {error.strerror or error}; nothing was added, correct that and call again"
            ) from error
    return Added(source, tuple(sorted(new)), tuple(edits))


def refuse_while_read(product: str, root: Path) -> None:
    """Raises ScaffoldError for a product whose published tables others read: they would not load without it."""
    readers = readers_of(product, root / PLACES["product"].format(product=product))
    if readers:
        list_of_readers = ", ".join(
            f"{reader} reads {', '.join(tables)}" for reader, tables in readers.items()
        )
        raise ScaffoldError(
            f"{product} is read by other products ({list_of_readers}): remove these sources first"
        )


def _published(other: str, table: str, root: Path) -> Contract:
    folder = root / PLACES["product"].format(product=other)
    spec = declared(folder / "defs.yaml", other, root)
    entry = next((one for one in spec.publishes if one.table == table), None)
    if entry is None:
        tables = ", ".join(one.table for one in spec.publishes) or "nothing yet"
        raise ScaffoldError(
            f"{other} does not publish {table} (it publishes {tables}): its team calls sprintline publish {other} "
            f"{table}",
            code=2,
        )
    return _contract(folder / entry.contract, root)


def _contract(file: Path, root: Path) -> Contract:
    try:
        return parse_contract(file.read_text(encoding="utf-8"), str(file.relative_to(root)))
    except OSError:
        raise ScaffoldError(
            f"{file.relative_to(root)} does not exist: write the contract there", code=2
        ) from None
    except (DeclarationError, UnicodeDecodeError) as error:
        raise ScaffoldError(f"{error}; correct that first") from error


def _upstream(product: str, root: Path) -> set[str]:
    """The products that a product reads, and those that they read."""
    found: set[str] = set()
    todo = [product]
    while todo:
        file = root / PLACES["product"].format(product=todo.pop()) / "defs.yaml"
        try:
            spec = parse_product(file.read_text(encoding="utf-8"), str(file))
        except (OSError, UnicodeDecodeError, DeclarationError):
            continue
        fresh = {one.product for one in spec.read.values()} - found
        found |= fresh
        todo += fresh
    return found


def _facts(product: str, source: str, published: str, contract: Contract) -> dict[str, Any]:
    columns = columns_of(contract)
    keys = [column for name in contract.key for column in columns if column.name == name]
    return {
        "product": product,
        "source": source,
        "columns": columns,
        "staged": columns,
        "keys": keys,
        "known_later": False,
        "everyone": False,
        "published": published,
    }


def _with_published(defs: Path, root: Path, spec: ProductSpec, entry: str) -> bytes:
    """defs.yaml with one more entry under `publishes`; a missing list is added after the sources."""
    if spec.publishes:
        return with_entry(defs, root, ("attributes", "publishes"), entry)
    text = defs.read_text(encoding="utf-8")
    before = yaml.safe_load(text)
    lines = text.split("\n")
    grown = "\n".join(_listed(text, lines, entry))
    before["attributes"]["publishes"] = yaml.safe_load(entry)
    if yaml.safe_load(grown) != before:
        raise ScaffoldError(
            f"{defs.relative_to(root)}: no place for `publishes` after the sources; add it by hand under attributes:\n"
            f"publishes:\n{entry}"
        )
    return grown.encode()


def _listed(text: str, lines: Sequence[str], entry: str) -> list[str]:
    """The lines with `publishes` before the key that follows `sources`, and before the comment of that key."""
    node: Any = yaml.compose(text)
    attributes = next(value for key, value in node.value if key.value == "attributes")
    keys = [key for key, _ in attributes.value]
    place = next(n for n, key in enumerate(keys) if key.value == "sources")
    indent = " " * keys[place].start_mark.column
    at = keys[place + 1].start_mark.line if place + 1 < len(keys) else len(lines) - (not lines[-1])
    while lines[at - 1].lstrip().startswith("#"):
        at -= 1
    added = [f"{indent}publishes:", *(f"{indent}  {row}" for row in entry.splitlines())]
    return [*lines[:at], *added, *([""] if at < len(lines) else []), *lines[at:]]
