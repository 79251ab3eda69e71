"""The platform's own processes: a code server per code location, the daemon, the UI's webserver, the libraries' UIs."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from sprintline.base import settings
from sprintline.hosting.libraries import PROCESSES as LIBRARIES
from sprintline.mechanisms.process_table import Group, Process, Start, answers, listens

WEBSERVER, DAEMON, CODE_SERVER = "webserver", "daemon", "code-server"

_QUIET = [sys.executable, "-W", "ignore"]


def locations() -> dict[str, str]:
    """Module of each code location of `workspace.yaml`."""
    import yaml

    entries = (yaml.safe_load((settings.ROOT / "workspace.yaml").read_text()) or {}).get("load_from") or []
    return {
        entry["python_module"]["location_name"]: entry["python_module"]["module_name"] for entry in entries
    }


def _socket(start: Start, name: str) -> Path:
    return start.scratch / f"{list(locations()).index(name)}.sock"


def _workspace(start: Start) -> str:
    """A workspace file that names the code servers of this start."""
    served = [
        {"grpc_server": {"socket": str(_socket(start, name)), "host": "localhost", "location_name": name}}
        for name in locations()
    ]
    file = start.scratch / "workspace.yaml"
    file.write_text(json.dumps({"load_from": served}))
    return str(file)


def _code_servers(start: Start) -> list[Process]:
    return [_code_server(name, module) for name, module in locations().items()]


def _code_server(name: str, module: str) -> Process:
    def command(start: Start) -> list[str]:
        # The UI reloads code locations, which `code-server start` does by a new process behind the same socket. A
        # replay never reloads, and is ready sooner without that second process.
        serve = ["api", "grpc", "--lazy-load-user-code"]
        if start.where == "ui":
            serve = ["code-server", "start", "--log-level", "warning"]
        return [
            *_QUIET, "-m", "dagster", *serve, "--socket", str(_socket(start, name)), "--location-name", name,
            "--module-name", module, "--working-directory", str(settings.ROOT / "platform"),
            "--use-python-environment-entry-point",
        ]  # fmt: skip

    return Process(
        f"{CODE_SERVER}/{name}",
        command,
        ready=lambda start: listens(_socket(start, name)),
        # A product that loads for long stops no one: daemon and webserver connect when it listens.
        ready_within=180.0,
        stop_signal=signal.SIGINT,
        restarts=5,
        needed=False,
    )


def _daemon(start: Start) -> list[str]:
    # That a location does not load is a Python warning. What sensors do every two seconds would fill the log.
    return [
        *_QUIET, "-W", "default::UserWarning", "-m", "sprintline.hosting.daemon", "run", "--log-level", "warning",
        "-w", _workspace(start),
    ]  # fmt: skip


def _webserver(start: Start) -> list[str]:
    return [
        *_QUIET, "-m", "dagster_webserver", "--host", settings.listen(), "--port", str(start.ports[WEBSERVER]),
        "--dagster-log-level", "warning", "--live-data-poll-rate", "2000", "-w", _workspace(start),
    ]  # fmt: skip


PROCESSES: tuple[Process | Group, ...] = (
    Group(CODE_SERVER, _code_servers),
    # It does not wait for the code servers: its own imports take as long as theirs.
    Process(DAEMON, _daemon, stop_signal=signal.SIGINT),
    Process(
        WEBSERVER,
        _webserver,
        where=("ui",),
        after=(CODE_SERVER,),
        ready=lambda start: answers(start.ports[WEBSERVER], "/server_info"),
        ready_within=180.0,
        port=3000,
        stop_signal=signal.SIGINT,
        patience=15.0,
        restarts=1,
    ),
    *LIBRARIES,
)
