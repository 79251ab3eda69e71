"""What tests share: a state folder of their own, and the flights product on it."""

import os
from pathlib import Path

import pytest

from sprintline.settings import ROOT, Home
from sprintline.stages.runtime import Runtime, load_runtime

FLIGHTS = ROOT / "platform" / "products" / "flight_delays"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty state folder that every setting points to."""
    root = tmp_path / "state"
    root.mkdir()
    monkeypatch.setenv("SPRINTLINE_HOME", str(root))
    monkeypatch.setenv("DAGSTER_HOME", str(root / "dagster"))
    for name in ("DATABASE", "RECORDS", "MLFLOW", "DAGSTER"):
        monkeypatch.delenv(f"SPRINTLINE_{name}_URL", raising=False)
    os.environ.pop("SPRINTLINE_SPRINT", None)
    return Home(root)


@pytest.fixture
def flights(home: Home) -> Runtime:
    """The flights product on an empty state folder."""
    return load_runtime(FLIGHTS, home)
