"""Fixtures of the tests of landing."""

from pathlib import Path

import pytest
from tests.landing.landed_files import CONTRACT

from sprintline.landing.contracts import Contract
from sprintline.landing.folder import Landing
from sprintline.landing.odcs import parse_contract


@pytest.fixture(scope="module")
def contract() -> Contract:
    return parse_contract(CONTRACT, "bookings.yaml")


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "landing", tmp_path / "quarantine")
