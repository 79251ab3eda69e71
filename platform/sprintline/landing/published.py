"""Tables that one product publishes and another reads: the contract that applies, what is ready, and the rows.

A reader opens the publisher's declaration, its records and its table in the lake, never its warehouse file. The two may
have different calendars: a sprint of the reader takes the rows that happened in its own window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sprintline.base.hashing import text_hash
from sprintline.base.steps import StepFailed
from sprintline.lake.tables import Lake
from sprintline.landing.contracts import Contract
from sprintline.landing.odcs import parse_contract
from sprintline.landing.reasons import BadFile, refuse
from sprintline.mechanisms.declaration.located_yaml import (
    DeclarationError,
    KeyPath,
    Mistake,
    read_yaml,
    suggest,
)
from sprintline.mechanisms.ledger.chain import Event
from sprintline.product.calendar import Calendar, CalendarError, Sprint
from sprintline.product.events import CLOSED
from sprintline.product.folders import product_folders
from sprintline.product.runtime import Runtime
from sprintline.product.source_spec import VERSION, PublishedRef
from sprintline.product.spec import ProductSpec, parse_product

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.landing.values import Typed


UPSTREAM: Final = "upstream"
"""Fact of a source that is read from another product: digest of what the publisher's sprints had closed on."""


class NotReady(StepFailed):
    """The published rows of a sprint cannot be read yet. The message continues "2026-S03 waits"."""


class _WrongReference(Exception):
    """A reference to a published table that is wrong: the key below `published`, what is wrong, what would be right."""

    def __init__(self, key: KeyPath, wrong: str, right: str) -> None:
        super().__init__(wrong)
        self.key, self.wrong, self.right = key, wrong, right


@dataclass(frozen=True)
class Feed:
    """A published table as currently declared: the publisher's contract and calendar."""

    product: str
    table: str
    contract: Contract
    calendar: Calendar

    @property
    def name(self) -> str:
        """Product and table, for people."""
        return f"{self.product}.{self.table}"

    @property
    def version(self) -> str:
        """Product, table and contract version, for people."""
        return f"{self.name} {self.contract.version}"

    def overlapping(self, window: Sprint) -> list[Sprint]:
        """The publisher's sprints that share time with a reader's window, oldest first."""
        return [one for one in self.calendar.sprints if one.start < window.end and window.start < one.end]


# --- declarations ----------------------------------------------------------------------------------------------------


def feed_of(runtime: Runtime, source: str) -> Feed:
    """The published table that a source reads, as currently declared.

    Raises:
        DeclarationError: the source names no published table, or a contract version that is not the publisher's.
        NotReady: the publisher's own declaration or contract cannot be read.
    """
    try:
        return _feed(runtime.spec, runtime.folder, runtime.spec.read[source])
    except _WrongReference as error:
        raise DeclarationError(
            str(runtime.folder / "defs.yaml"), [_located(runtime, source, error)]
        ) from None


def refuse_wrong_tables(runtime: Runtime) -> None:
    """Raises DeclarationError naming file and line of every mistake in what a product publishes or reads."""
    if found := wrong_tables(runtime):
        raise DeclarationError(str(runtime.folder / "defs.yaml"), found)


def wrong_tables(runtime: Runtime, unreadable: bool = False) -> list[Mistake]:
    """Every mistake in what a product publishes and what it reads from others, at its line of defs.yaml.

    unreadable: also tables whose publisher does not load. Its reader does load, and its sprints wait.
    """
    found = []
    for source, reference in runtime.spec.read.items():
        try:
            _feed(runtime.spec, runtime.folder, reference)
        except _WrongReference as error:
            found.append(_located(runtime, source, error))
        except NotReady as waits:
            mistaken = _WrongReference(
                ("product",), f"its sprints wait {waits}", "correct that product first"
            )
            found += [_located(runtime, source, mistaken)] if unreadable else []
    for place, entry in enumerate(runtime.spec.publishes):
        path = ("attributes", "publishes", place, "contract")
        try:
            _contract(runtime.folder, entry.contract)
        except _WrongReference as error:
            found.append(_yaml(runtime).mistake(path, error.wrong, error.right))
        except DeclarationError as error:
            wrong = f"{entry.contract} cannot be read: {error.mistakes[0].wrong}"
            found.append(_yaml(runtime).mistake(path, wrong, error.mistakes[0].right))
    return found


def readers_of(product: str, folder: Path) -> dict[str, list[str]]:
    """The published tables of a product that others in the same clone read, by reader. folder: its own."""
    found = {}
    for other in _names(folder.parent):
        spec = _other(folder.parent, other) if other != product else None
        tables = [one.table for one in spec.read.values() if one.product == product] if spec else []
        if tables:
            found[other] = sorted(tables)
    return found


def _feed(spec: ProductSpec, folder: Path, reference: PublishedRef) -> Feed:
    products, product = folder.parent, reference.product
    if product == spec.name:
        raise _WrongReference(
            ("product",), "is this product itself", "read its lake table in dbt, without a source"
        )
    others = [name for name in _names(products) if name != spec.name]
    if product not in others:
        raise _WrongReference(("product",), f"there is no product {product}", suggest(product, others))
    publisher = _other(products, product)
    if publisher is None:
        raise NotReady(
            f"for {product}, which does not load, so its table {reference.table} cannot be read: "
            f"`sprintline check {product}` shows why"
        )
    if (way := _path_to_reader(products, product, spec.name)) is not None:
        circle = " reads ".join([spec.name, *way])
        raise _WrongReference(
            ("product",),
            f"{circle}: no sprint of either could close first",
            "let one of them not read the other",
        )
    entry = next((one for one in publisher.publishes if one.table == reference.table), None)
    if entry is None:
        tables = [one.table for one in publisher.publishes]
        right = (
            suggest(reference.table, tables)
            if tables
            else f"its team adds it: sprintline publish {product} TABLE"
        )
        raise _WrongReference(("table",), f"{product} publishes no table {reference.table}", right)
    try:
        contract = _contract(products / product, entry.contract)
        calendar = Calendar.from_spec(publisher.calendar)
    except (_WrongReference, DeclarationError, CalendarError) as error:
        raise NotReady(
            f"for {product}, whose contract {entry.contract} or calendar cannot be read: "
            f"`sprintline check {product}` shows why"
        ) from error
    if not reference.accepts(contract.version):
        raise _WrongReference(
            ("version",),
            f"{product} publishes {reference.table} at contract version {contract.version}, "
            f'which "{reference.version}" does not accept',
            f'read what changed in {product}/{entry.contract}, adapt what reads it, then write "{contract.version}" '
            f'or "^{contract.version}"',
        )
    return Feed(product, reference.table, contract, calendar)


def _contract(folder: Path, place: str) -> Contract:
    try:
        contract = parse_contract((folder / place).read_text(encoding="utf-8"), str(folder / place))
    except OSError:
        raise _WrongReference((), f"{place} does not exist", "write the contract beside defs.yaml") from None
    if not VERSION.fullmatch(contract.version):
        wrong = f"{place} has version {contract.version}, which no reader can name"
        raise _WrongReference((), wrong, "write three numbers there: version: 1.0.0")
    return contract


def _path_to_reader(products: Path, start: str, reader: str) -> list[str] | None:
    """The chain of products, each reading the next, from one back to its reader; None when there is none."""
    ways, seen = [[start]], {start}
    for way in ways:
        spec = _other(products, way[-1])
        for reference in spec.read.values() if spec else ():
            if reference.product == reader:
                return [*way, reader]
            if reference.product not in seen:
                seen.add(reference.product)
                ways.append([*way, reference.product])
    return None


def _names(products: Path) -> list[str]:
    return [folder.name for folder in product_folders(products.parents[1])]


def _other(products: Path, name: str) -> ProductSpec | None:
    """What another product declares; None when that cannot be read."""
    file = products / name / "defs.yaml"
    try:
        stat = file.stat()
        spec = _parsed(file, stat.st_mtime_ns, stat.st_size)
    except (OSError, UnicodeDecodeError, DeclarationError):
        return None
    return spec if spec.name == name else None


@lru_cache(maxsize=64)
def _parsed(file: Path, _written: int, _size: int) -> ProductSpec:
    """Cached: a sensor needs it every second, and a declaration takes tens of milliseconds to read."""
    return parse_product(file.read_text(encoding="utf-8"), str(file))


def _yaml(runtime: Runtime) -> Any:
    file = runtime.folder / "defs.yaml"
    return read_yaml(file.read_text(encoding="utf-8"), str(file))


def _located(runtime: Runtime, source: str, error: _WrongReference) -> Mistake:
    place = [one.name for one in runtime.spec.sources].index(source)
    path = ("attributes", "sources", place, "published", *error.key)
    mistake: Mistake = _yaml(runtime).mistake(path, error.wrong, error.right)
    return mistake


# --- what is ready ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ready:
    """The data of a publisher's closed sprints for a window of the reader.

    versions: data version by publisher's sprint. since: the platform's moment at which the last of them closed.
    """

    versions: Mapping[str, str]
    digest: str
    since: datetime


@dataclass(frozen=True)
class Upstream:
    """A feed, with the closings and measurements of the publisher's sprints.

    closed: the latest closing by sprint. recorded: data version of the table by sprint, as last written.
    """

    feed: Feed
    closed: Mapping[str, Event]
    recorded: Mapping[str, str]
    lake: Lake

    @classmethod
    def of(cls, runtime: Runtime, source: str) -> Upstream:
        """That of a reader's source. Raises what `feed_of` raises."""
        feed, records = feed_of(runtime, source), runtime.records
        closed = {str(one.sprint): one for one in records.events(product=feed.product, kind=CLOSED)}
        measured = records.measurements(feed.product, asset=feed.table)
        recorded = {sprint: one.data_version for (sprint, _), one in measured.items()}
        return cls(feed, closed, recorded, runtime[Lake])

    def volumes(self, ready: Ready) -> dict[str, int | None]:
        """Rows of the publisher's sprints, for which its contract promises bounds."""
        return {key: self.lake.rows(f"{self.feed.product}/{self.feed.table}", key) for key in ready.versions}

    def attempt(self, ready: Ready) -> str:
        """What a refusal is about: the same rows under the same contract are not read twice."""
        return f"{ready.digest}:{self.feed.contract.version}"

    def at(self, window: Sprint) -> Ready:
        """What is ready for a window. Raises NotReady saying what it waits for."""
        product, table = self.feed.product, self.feed.table
        sprints, planned = self.feed.overlapping(window), self.feed.calendar.sprints
        if not sprints or sprints[-1].end < window.end:
            raise NotReady(
                f"for {product}, which plans sprints from {planned[0].start:%Y-%m-%d %H:%M} to "
                f"{planned[-1].end:%Y-%m-%d %H:%M} UTC only: extend its planned_until, or start the calendar here later"
            )
        keys = [one.key for one in sprints]
        about = f"(published table {table})"
        if open_ := [key for key in keys if key not in self.closed]:
            raise NotReady(f"for {product} {' and '.join(open_)} to close {about}")
        versions = {key: (self.closed[key].body.get("tables") or {}).get(table, [None])[0] for key in keys}
        if lost := [key for key in keys if not self.lake.has(f"{product}/{table}", key)]:
            raise NotReady(
                f"for {table} of {product} {' and '.join(lost)}, which is not in the lake: materialize "
                f"{product}/{table} for it again, or restore a backup"
            )
        if moved := [key for key in keys if versions[key] is None or versions[key] != self.recorded.get(key)]:
            raise NotReady(f"for {product} {' and '.join(moved)} to close again: its {table} changed {about}")
        digest = text_hash("|".join([self.feed.name, *(f"{key}={versions[key]}" for key in keys)]))
        return Ready(versions, digest, max(_judged_at(self.closed[key]) for key in keys))


def _judged_at(closing: Event) -> datetime:
    """The platform's moment of a closing; older closings carry it in the body."""
    judged_at = closing.body.get("judged_at")
    return datetime.fromisoformat(judged_at) if judged_at else closing.platform_time


# --- rows ------------------------------------------------------------------------------------------------------------


def read_rows(upstream: Upstream, ready: Ready, window: Sprint) -> pd.DataFrame:
    """The rows of a window with `event_at` and `known_at`, in the contract's columns.

    Raises:
        BadFile: they break the contract, are outside the publisher's sprints, or there are none.
        NotReady: the rows in the lake are no longer those on which the publisher's sprints closed.
    """
    import pandas as pd

    from sprintline.landing.values import check_known_at, check_window, checked_frame

    feed = upstream.feed
    contract, table, keys = feed.contract, f"{feed.product}/{feed.table}", list(ready.versions)
    frame = upstream.lake.read(table, keys)
    for key, version in ready.versions.items():
        # Checked after reading: a restatement in between wrote other rows than the publisher's sprint closed on.
        if upstream.lake.data_version(table, key, recompute=True) != version:
            raise NotReady(
                f"for {feed.product} {key} to close again: its {feed.table} in the lake changed since it closed"
            )
    moments = [
        name for name in ("event_at", "known_at") if name in frame and name not in contract.column_names
    ]
    if missing := [name for name in contract.column_names if name not in frame]:
        raise refuse(
            "column",
            f"{table} in the lake has no column {', '.join(missing)}, which its contract {contract.version} names",
            f"let {feed.product} publish what its table has",
        )
    parts = []
    for key in keys:
        part = frame[frame["sprint"] == key]
        happened = _happened(part.reset_index(drop=True), feed)
        # A row that the publisher filed under another sprint than its own would be in no sprint of the reader.
        check_window(pd.DataFrame({"event_at": happened}), feed.calendar.window(key), first_line=None)
        parts.append(part[((happened >= window.start) & (happened < window.end)).to_numpy()])
    taken = pd.concat(parts, ignore_index=True)
    if taken.empty:
        raise refuse(
            "window",
            f"no row of {feed.name} {' and '.join(keys)} happened in {window.key}, which runs from "
            f"{window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC",
            "a sprint needs at least one row of every source",
        )
    rows = checked_frame(_typed(taken, contract), contract, window)
    derived = [name for name in moments if name not in rows]
    rows = rows.assign(**{name: taken[name] for name in derived})
    if "known_at" in derived or contract.known_at is None:
        check_known_at(rows, first_line=None)
    return rows


def _typed(rows: pd.DataFrame, contract: Contract) -> Typed:
    import pyarrow as pa

    from sprintline.landing.parquet import frame_from_table

    return frame_from_table(
        pa.Table.from_pandas(rows[list(contract.column_names)], preserve_index=False), contract
    )


def _happened(rows: pd.DataFrame, feed: Feed) -> pd.Series:
    """When each row happened: by the contract's column, or by the lake's where the publisher derives it."""
    from sprintline.landing.values import moments

    contract = feed.contract
    if contract.event_at is not None:
        typed = _typed(rows, contract)
        if contract.event_at in typed.bad:
            raise BadFile.of(typed.violations)
        return moments(typed.frame[contract.event_at], contract.column(contract.event_at), ended=False)
    if "event_at" not in rows:
        raise refuse(
            "event_at",
            f"it is not declared when a row of {feed.name} happened",
            f"let the contract's eventAt name a column of the table (customProperties of {contract.name})",
        )
    return rows["event_at"]
