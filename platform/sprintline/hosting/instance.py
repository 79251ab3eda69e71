"""The Dagster instance of a state folder: its settings and its databases, made once before anybody needs them.

Stores know no Dagster: it is asked in a process of its own, which also spares the command line its import.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from sprintline.base.files import atomic_write
from sprintline.base.locks import file_lock
from sprintline.base.settings import POOL, Home, masked, without_secrets

TEMPLATE = Path(__file__).with_name("dagster.yaml")
SETTINGS = "dagster.yaml"
_MARK = ".prepared.json"

_URL = "SPRINTLINE_DAGSTER_URL"
_POSTGRES = f"""storage:
  postgres:
    postgres_url:
      env: {_URL}
"""

# Opening an instance creates or upgrades nothing half-way: it makes the run, event and schedule databases when they are
# missing. `migrate` brings those of an older Dagster up to date and does nothing to fresh ones.
_OPEN = """
import sys
from dagster import DagsterInstance
with DagsterInstance.get() as instance:
    if sys.argv[1] == "migrate":
        instance.upgrade()
    instance.get_runs(limit=1)
    instance.all_instigator_state()
    instance.get_dynamic_partitions("none")
    # Without a limit of its own a pool is not counted in the first pass over the queue, which then starts all at once.
    instance.event_log_storage.set_concurrency_slots(sys.argv[2], 1)
"""

_FORGET = """
import sys
from dagster import DagsterInstance
product = sys.argv[1]
with DagsterInstance.get() as instance:
    for run in instance.get_runs():
        origin = run.remote_job_origin
        if run.tags.get("sprintline/product") == product or (origin and origin.location_name == product):
            instance.delete_run(run.run_id)
    instance.wipe_assets([key for key in instance.all_asset_keys() if key.path[0] == product])
"""


class InstanceError(RuntimeError):
    """The Dagster instance of the state folder cannot be made or opened."""


def prepare(home: Home) -> Path:
    """Make the Dagster instance of a state folder, once; returns the folder for `DAGSTER_HOME`.

    Two daemons or servers that open a fresh instance together fail with "table secondary_indexes already exists", so
    the databases are made here, under a file lock, before any of them starts. A second call costs a few milliseconds.
    A `dagster.yaml` that somebody edited is kept; one as it was written is brought up to date.

    Raises:
        InstanceError: the folder cannot be written, or Dagster refuses its settings; the message says which.
    """
    folder = home.dagster
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file_lock(folder / ".lock"):
            return _prepare(home, folder)
    except OSError as error:
        raise InstanceError(
            f"{folder} cannot be written ({error.strerror or error}): free it, or set SPRINTLINE_HOME to another folder"
        ) from error


def forget(home: Home, product: str) -> None:
    """Delete a product's runs and what Dagster knows of its assets; safe to repeat. Raises InstanceError."""
    if (home.dagster / SETTINGS).is_file():
        _in_dagster(home, _FORGET, product)


def environment(home: Home) -> dict[str, str]:
    """The process environment with which Dagster finds this instance and its database, and reports to no one."""
    given = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    found = variables(home)
    if _URL in found:
        # dagster.yaml can read a variable, but neither a file nor one URL for three databases.
        given.pop(f"{_URL}_FILE", None)
    return {**given, **found}


def variables(home: Home) -> dict[str, str]:
    """What `environment` sets: where the state folder and its instance are, and that no library reports to anyone."""
    url = home.dagster_url
    return {
        **({} if url is None else {_URL: url}),
        "SPRINTLINE_HOME": str(home.root),
        "DAGSTER_HOME": str(home.dagster),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "DAGSTER_DG_UPDATE_CHECK_ENABLED": "0",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def template(home: Home) -> str:
    """The `dagster.yaml` that is written for a state folder: with SQLite, or PostgreSQL where a setting names it."""
    text = TEMPLATE.read_text()
    return text if home.dagster_url is None else re.sub(r"(?m)^storage:\n(?: .*\n)+", _POSTGRES, text)


def _prepare(home: Home, folder: Path) -> Path:
    settings, mark = folder / SETTINGS, folder / _MARK
    url, wanted = home.dagster_url, template(home)
    known = _read(mark)
    written = settings.read_text() if settings.exists() else None
    if written is None or _digest(written) == known.get("settings"):
        if written != wanted:
            atomic_write(settings, wanted)
        ours = _digest(wanted)
    else:
        ours = ""  # somebody's own
        if url is not None and "postgres" not in written:
            raise InstanceError(
                f"{settings} was edited and keeps no state in PostgreSQL, but a setting names {masked(url)} for it: "
                f"remove the file, or write there\n{_POSTGRES}"
            )
    now = {
        "settings": ours,
        "dagster": version("dagster"),
        "file": _digest(settings.read_text()),
        "database": "" if url is None else masked(url),
    }
    if now == known and (url is not None or (folder / "schedules" / "schedules.db").exists()):
        return folder
    if url is not None:
        _schema(url)
    older = known.get("dagster") not in (None, now["dagster"])
    _in_dagster(home, _OPEN, "migrate" if older else "open", POOL)
    atomic_write(mark, json.dumps(now))
    return folder


def _schema(url: str) -> None:
    from sprintline.base.databases import RecordsError, ready

    try:
        ready(url)
    except RecordsError as error:
        raise InstanceError(f"Dagster's {error}") from error


def _in_dagster(home: Home, code: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        told = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        why = next(
            (line for line in reversed(told) if not line.startswith(("File ", "The above"))),
            "no reason given",
        )
        raise InstanceError(
            f"{home.dagster / SETTINGS}: Dagster cannot open the instance: {without_secrets(why)}"
        )


def _read(mark: Path) -> dict[str, str]:
    try:
        return dict(json.loads(mark.read_text()))
    except (FileNotFoundError, ValueError):
        return {}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
