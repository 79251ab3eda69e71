"""Recorded facts of a dbt model's sprint."""

from __future__ import annotations

from typing import TypedDict


class DescribedModel(TypedDict):
    """A model's size, and its names without a description.

    rows: rows of the sprint
    columns: columns that the model's YAML names
    undocumented: columns without a description, after the model's own name where it has none either
    """

    rows: int
    columns: int
    undocumented: list[str]


class ModelFacts(DescribedModel):
    """A dbt model as it was built for a sprint.

    rows: rows of the sprint
    columns: columns that the model's YAML names
    undocumented: columns without a description, after the model's own name where it has none either
    fingerprint: fast checksum of the rows, to see whether they are still the same
    """

    fingerprint: str
