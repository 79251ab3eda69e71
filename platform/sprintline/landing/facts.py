"""Recorded facts of a source's sprint."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Terms(TypedDict):
    """By what rows are told apart and filed.

    version: of the contract
    key: columns of the primary key
    event_at: column with the moment at which a row happened; None where sources.py derives it
    known_at: column with the moment at which it became known; None where sources.py derives it
    zone: time zone of event_at
    """

    version: str
    key: list[str]
    event_at: str | None
    known_at: str | None
    zone: str


class SourceFacts(TypedDict):
    """Rows of a source for a sprint, from a landed file or from a table that another product publishes.

    rows: rows in the lake
    row_bounds: least and most rows that the contract promises, None for a side without a bound; None without bounds
    landed_by: moment (ISO, UTC) by which the rows were there; landing the same rows again does not change it
    file: name of the landed file; absent for a published table
    file_digest: hash of the landed file; absent for a published table
    terms: key and moments of the contract it landed under; absent for a published table and in older sprints
    contract: name and version of the contract that the rows were checked against; absent for a landed file
    published: product, table and contract version that were read; absent for a landed file
    upstream: digest of the data on which the publisher's sprints closed; absent for a landed file
    upstream_versions: data version of the published table by the publisher's sprint; absent for a landed file
    volumes: rows of the published table by the publisher's sprint; absent for a landed file
    """

    rows: int
    row_bounds: list[int | None] | None
    landed_by: str
    file: NotRequired[str]
    file_digest: NotRequired[str]
    terms: NotRequired[Terms]
    contract: NotRequired[str]
    published: NotRequired[str]
    upstream: NotRequired[str]
    upstream_versions: NotRequired[dict[str, str]]
    volumes: NotRequired[dict[str, int | None]]
