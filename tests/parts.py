"""What a test needs of the machine: without it skipped by name on a laptop, an error in CI."""

import os
from pathlib import Path

import pytest


def require_proc() -> None:
    """For tests that read which processes are there: every Linux has /proc, a Mac has none."""
    require(Path("/proc/self/environ").exists(), "/proc")


def require(found: object, what: str) -> None:
    """Go on when the part was found; else skip the test by the part's name, or fail where CI=true."""
    if found:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing: CI installs it (.ci/run), so that nothing is skipped there")
    pytest.skip(f"{what} is missing")
