"""The libraries' own commands and pages on the product's state: dbt, Feast, MLflow and Dagster as a person calls them.

One source for both ways: `sprintline env` prints these variables for a shell, and `sprintline docs`, `feast` and
`mlflow` start a library's own server with them.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from sprintline.base import settings
from sprintline.base.errors import Refusal
from sprintline.base.settings import Home, masked
from sprintline.hosting.instance import variables
from sprintline.mechanisms.process_table import LOOPBACK, Process, Start, answers
from sprintline.warehouse.dbt import Warehouse
from sprintline.warehouse.docs import docs_folder
from sprintline.warehouse.runner import SPRINT_VARIABLE

DOCS, FEAST, MLFLOW = "docs", "feast", "mlflow"

_PROGRAMS = Path(sys.executable).parent
"""The folder with the programs of the locked libraries."""

_SECRET = ("SPRINTLINE_DAGSTER_URL", "MLFLOW_TRACKING_URI", "MLFLOW_BACKEND_STORE_URI")
"""Variables that may have a password in them: a URL of PostgreSQL."""


def of_platform(home: Home) -> dict[str, str]:
    """Variables with which `dagster`, `dg` and `mlflow` work on a state folder, and report to no one."""
    return {
        **variables(home),
        "DG_CLI_CONFIG": str(settings.ROOT / "platform" / "dg.toml"),
        # For MLflow's client and commands, and for a server that somebody starts.
        "MLFLOW_TRACKING_URI": home.mlflow_url,
        "MLFLOW_BACKEND_STORE_URI": home.mlflow_url,
        # Else a server makes a folder where it is started, and workers for jobs of language models.
        "MLFLOW_ARTIFACTS_DESTINATION": str(home.models),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }


def of_product(home: Home, product: str) -> dict[str, str]:
    """Variables with which `dbt` and `feast` work on one product's warehouse and features."""
    features = settings.ROOT / "feature_repo"
    warehouse = Warehouse(product, home)
    return {
        **warehouse.environment(),
        # Not the platform's own parse: that one is trusted by its fingerprint, and dbt would write over it.
        "DBT_TARGET_PATH": str(warehouse.target.parent / "shell"),
        "FEAST_FS_YAML_FILE_PATH": str(features / "feature_store.yaml"),
        "FEATURE_REPO_DIR_ENV_VAR": str(features / product),
    }


def shell_lines(home: Home, product: str | None, *, shown: bool) -> Iterator[str]:
    """Lines for a POSIX shell: what is to be set, and what an earlier call set for another product.

    shown: a person reads them, so passwords in URLs are masked. Raises Refusal where the state folder is a file.
    """
    if home.root.exists() and not home.root.is_dir():
        raise Refusal(
            f"SPRINTLINE_HOME: {home.root} is a file: name a folder, or leave the setting out", code=2
        )
    found = (of_product(home, product) if product else {}) | of_platform(home)
    for name, value in found.items():
        hidden = shown and name in _SECRET and not value.startswith("sqlite")
        yield f"export {name}={shlex.quote(masked(value) if hidden else value)}"
    gone = sorted({*of_product(home, "none"), SPRINT_VARIABLE} - set(found))
    yield f"unset {' '.join(gone)}"
    if os.environ.get("PATH", "").split(os.pathsep)[0] != str(_PROGRAMS):
        yield f'export PATH={shlex.quote(str(_PROGRAMS))}:"$PATH"'


def missing_state(home: Home, library: str, product: str) -> str | None:
    """A sentence when a library has nothing to show yet, with what to do; else None."""
    there = {
        DOCS: home.warehouse_file(product),
        FEAST: home.features / product / "registry.db",
        MLFLOW: home.models / "mlflow.db",
    }[library]
    if there.exists() or (library == MLFLOW and not home.mlflow_url.startswith("sqlite")):
        return None
    what = {
        DOCS: f"no sprint of {product} has been built",
        FEAST: f"no feature of {product} has been registered",
        MLFLOW: "no model has been trained",
    }[library]
    return f"{what} on {home.root} yet: close a sprint first, for example with sprintline replay {product}"


def environment_for(home: Home, library: str, product: str) -> Mapping[str, str]:
    """What a library's server is started with beyond the platform's environment."""
    found = of_product(home, product) | of_platform(home)
    if library == DOCS:
        found["DBT_TARGET_PATH"] = str(docs_folder(Warehouse(product, home)))
    return found


def _docs(start: Start) -> list[str]:
    return [
        _program("dbt"), "docs", "serve", "--host", LOOPBACK, "--port", str(start.ports[DOCS]),
        "--no-browser", "--log-level-file", "none",
    ]  # fmt: skip


def _feast(start: Start) -> list[str]:
    return [_program("feast"), "ui", "--host", LOOPBACK, "--port", str(start.ports[FEAST])]


def _mlflow(start: Start) -> list[str]:
    # The database is named in the environment: a URL may have a password, which every user could read among arguments.
    return [
        _program("mlflow"), "server", "--host", LOOPBACK, "--port", str(start.ports[MLFLOW]), "--workers", "1",
    ]  # fmt: skip


def _program(name: str) -> str:
    return str(_PROGRAMS / name)


PROCESSES = (
    Process(
        DOCS, _docs, where=(DOCS,), port=8080, ready=lambda start: answers(start.ports[DOCS], "/"), patience=10
    ),
    Process(
        FEAST, _feast, where=(FEAST,), port=8888, ready=lambda start: answers(start.ports[FEAST], "/"), patience=10
    ),
    Process(
        MLFLOW, _mlflow, where=(MLFLOW,), port=5000, patience=10,
        ready=lambda start: answers(start.ports[MLFLOW], "/health"),
    ),
)  # fmt: skip
