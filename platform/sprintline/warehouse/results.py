"""dbt's results as the platform reports them: of models and tests, and the error when there are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Statuses of a node that could not be computed, and of one that did not pass.
ERRORS = frozenset({"error", "runtime error"})
NOT_PASSED = ERRORS | {"fail", "skipped"}


class WarehouseError(RuntimeError):
    """dbt or DuckDB failed.

    Attributes:
        model: name of the first model or test that failed; None when the project did not parse.
        file: its file, relative to the dbt project; None where dbt names none.
        detail: dbt's own message.
        result: what was done up to then, when a build failed.
    """

    def __init__(
        self,
        sentence: str,
        *,
        model: str | None = None,
        file: str | None = None,
        detail: str = "",
        result: BuildResult | None = None,
    ) -> None:
        super().__init__(f"{sentence}\n{detail}".strip())
        self.model, self.file, self.detail, self.result = model, file, detail, result


@dataclass(frozen=True)
class Node:
    """What dbt did with one model or test.

    Attributes:
        name: of the model, data test or unit test.
        resource_type: model, test or unit_test.
        status: success, pass, fail, warn, error or skipped.
        seconds: time it took.
        message: dbt's sentence; empty when there is nothing to say.
        failures: rows that break the test; None for models.
        meta: the node's `config.meta`; for a data test `rule` is the code of its rule.
        model: the model a test judges; the model itself otherwise.
        column: the column a test judges; None when it judges rows.
        file: file that defines it, relative to the dbt project.
        unique_id: dbt's own name.
    """

    name: str
    resource_type: str
    status: str
    seconds: float
    message: str
    failures: int | None
    meta: Mapping[str, Any]
    model: str | None
    column: str | None
    file: str
    unique_id: str


@dataclass(frozen=True)
class BuildResult:
    """What one call of dbt did. `ok`: everything selected was built and every test passed."""

    product: str
    sprint: str
    seconds: float
    parsed: bool
    nodes: tuple[Node, ...] = field(default=())

    @property
    def ok(self) -> bool:
        return bool(self.nodes) and not any(node.status in NOT_PASSED for node in self.nodes)

    @property
    def models(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.resource_type == "model")

    @property
    def tests(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.resource_type == "test")


@dataclass(frozen=True)
class Column:
    """A column as its model's contract declares it."""

    name: str
    data_type: str
    description: str

    @property
    def logical_type(self) -> str | None:
        """A contract's word for its type; None for a type that contracts do not have."""
        return _LOGICAL_TYPES.get(self.data_type.lower())


_LOGICAL_TYPES = {
    "string": "string",
    "int": "integer",
    "bigint": "integer",
    "double": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamptz": "timestamp",
}


def node_of(result: Any) -> Node:
    """One of dbt's results as a Node."""
    node = result.node
    kind = str(getattr(node.resource_type, "value", node.resource_type))
    judged = getattr(node, "attached_node", None)
    if kind == "unit_test":
        judged = node.tested_node_unique_id
    return Node(
        name=node.name,
        resource_type=kind,
        status=str(getattr(result.status, "value", result.status)),
        seconds=round(float(result.execution_time), 4),
        message=(result.message or "").strip(),
        failures=None if kind == "model" else result.failures,
        meta=dict(getattr(node.config, "meta", None) or {}),
        model=judged.split(".")[-1] if judged else (node.name if kind == "model" else None),
        column=getattr(node, "column_name", None),
        file=node.original_file_path,
        unique_id=node.unique_id,
    )


def file_in(message: str) -> str | None:
    """The file dbt names in a message, such as `models/flight_delays/marts/questions.sql`."""
    for word in message.replace("(", " ").replace(")", " ").replace("'", " ").split():
        if word.startswith(("models/", "macros/")) and word.endswith((".sql", ".yml", ".yaml")):
            return word
    return None
