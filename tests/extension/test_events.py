"""A kind of ledger event is added by a file only, and its events outlive the package that added it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EVENTS = '''
"""Ledger events of parking."""

from typing import NotRequired, TypedDict

from sprintline.mechanisms.ledger.events import EventKind

PARKED = "parked"


class Parked(TypedDict):
    """bay: where it is."""

    bay: int
    plate: str
    note: NotRequired[str]


EVENTS = (EventKind(PARKED, Parked, "A vehicle was parked.", ("parking.gate",), ()),)
'''
APPEND = """
import json, sys
from sprintline.base import settings
from sprintline.mechanisms.ledger.opened import open_records
kind, body = sys.argv[1], json.loads(sys.argv[2])
print(open_records(settings.home()).append(kind, "garage", None, "sam", body).seq)
"""
PAGE = """
from pathlib import Path
from sprintline.cli.reference import sections
print(sections()["events.md"](Path(".")))
"""
GOOD = {"bay": 7, "plate": "X-1"}


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "packages" / "parking"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "events.py").write_text(EVENTS)
    return folder.parent


@pytest.fixture
def run(tmp_path):
    def call(*command: str, packages: Path | None = None) -> subprocess.CompletedProcess[str]:
        environment = {
            name: value
            for name, value in os.environ.items()
            if (not name.startswith(("PYTHON", "SPRINTLINE")) and name != "COLUMNS")
            or name == "SPRINTLINE_KEYS"
        }
        environment["SPRINTLINE_HOME"] = str(tmp_path / "home")
        if packages is not None:
            environment |= {"SPRINTLINE_EXTENSIONS": "parking", "PYTHONPATH": str(packages)}
        return subprocess.run(
            [sys.executable, *command], env=environment, capture_output=True, text=True, timeout=120
        )

    return call


def test_an_event_kind_is_a_new_file_only(run, package):
    def append(body: object, kind: str = "parked", **more: Path) -> subprocess.CompletedProcess[str]:
        return run("-c", APPEND, kind, json.dumps(body), **more)

    assert append(GOOD, packages=package).stdout == "1\n"
    for body, told in (
        ({"bay": "7", "plate": "X-1"}, "ledger event parked: key `bay` is '7', expected int"),
        ({"bay": 7}, "key `plate` is missing, expected str"),
        ({**GOOD, "colour": "red"}, "key `colour` is unknown, expected only bay, plate, note"),
    ):
        refused = append(body, packages=package)
        assert refused.returncode != 0 and told in refused.stderr
    assert append({**GOOD, "note": "by the door"}, packages=package).stdout == "2\n"
    # The platform's own kinds are there as before.
    assert append({"item": "a"}, "recovered", packages=package).stdout == "3\n"

    page = run("-c", PAGE, packages=package).stdout
    assert "## parked\n\nA vehicle was parked.\n" in page and "| `note` (optional) | `str` |" in page
    assert "`parking.gate`" in page and "## closed\n" in page

    # Without the package its events verify and read on; only writing more of them is refused.
    assert "## parked" not in run("-c", PAGE).stdout
    assert "there is no kind of ledger event 'parked'" in append(GOOD).stderr
    cli = ("-m", "sprintline.cli.main", "ledger")
    verified = run(*cli, "verify")
    assert verified.returncode == 0 and "intact and matches its head file: 3 events" in verified.stdout
    listed = json.loads(run(*cli, "list", "--kind", "parked", "--json").stdout)
    assert [one["body"] for one in listed] == [GOOD, {**GOOD, "note": "by the door"}]
    assert append({"item": "b"}, "recovered").stdout == "4\n"
