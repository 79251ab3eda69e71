"""One call of dbt in this process, without side effects: no open connection, changed variable, folder or log."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sprintline.base.failpoints import armed, failpoint
from sprintline.warehouse.results import WarehouseError, file_in

#: The current sprint, read by the macro `in_sprint`.
SPRINT_VARIABLE = "SPRINTLINE_SPRINT"

# dbt reads os.environ and keeps its connections and its logger in module globals: one call at a time in a process.
one_dbt = threading.RLock()


def run_dbt(
    product: str, arguments: Sequence[str], variables: Mapping[str, str], manifest: Any = None
) -> Any:
    """Call dbt and return its result: a manifest for `parse`, node results for `build`.

    product: named in errors.
    variables: environment of the call; a sprint that is not among them is not taken from the caller's environment.
    manifest: parsed before; None lets dbt parse.

    Raises:
        WarehouseError: dbt stopped before it came to any result.
        KeyboardInterrupt, or another BaseException: the call was interrupted.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    # Results and errors contain every message that is needed. dbt's log would grow for ever, and dbt formats each debug
    # line before it drops it: a fifth of the time of a build.
    flags = ["--quiet", "--log-level", "none", "--log-level-file", "none", "--no-use-colors"]
    if manifest is not None:
        # The files in the target folder are those of the parse; a build adds nothing to them.
        flags.append("--no-write-json")
    absent = () if SPRINT_VARIABLE in variables else (SPRINT_VARIABLE,)
    with one_dbt, environment(variables, absent):
        try:
            outcome = dbtRunner(manifest=manifest, callbacks=_between_models()).invoke([*flags, *arguments])
        finally:
            close_file(DuckDBConnectionManager)
    if outcome.exception is not None and not isinstance(outcome.exception, Exception):
        # The run was interrupted (Ctrl-C, a platform that stops): dbt returns that like an error.
        raise outcome.exception
    if outcome.exception is not None or outcome.result is None:
        detail = str(outcome.exception or "dbt gave no result and no reason")
        raise WarehouseError(f"{product}: dbt {arguments[0]} failed", file=file_in(detail), detail=detail)
    return outcome.result


def _between_models() -> list[Any]:
    """Callbacks for dbt: none unless a failpoint is armed, because with a callback dbt formats each of its events."""
    if armed() is None:
        return []

    def listen(event: Any) -> None:
        if event.info.name == "NodeFinished":
            failpoint("dbt.between_models")

    return [listen]


def close_file(manager: Any) -> None:
    """Release the file: dbt-duckdb's own call drops its reference and leaves the closing to the garbage collector."""
    environment = manager._ENV
    manager.close_all_connections()
    if environment is not None:
        environment.close()


@contextmanager
def environment(variables: Mapping[str, str], absent: Sequence[str] = ()) -> Iterator[None]:
    """Set environment variables, unset others, and restore everything afterwards, the working directory too."""
    touched = [*variables, *absent]
    before = {name: os.environ.get(name) for name in touched}
    folder = Path.cwd()
    try:
        os.environ.update(variables)
        for name in absent:
            os.environ.pop(name, None)
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        os.chdir(folder)
