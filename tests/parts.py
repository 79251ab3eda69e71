"""Parts of the system that some tests need: on a laptop they may be missing, where CI runs they must not."""

from __future__ import annotations

import os

import pytest


def require(found: object, what: str) -> None:
    """Go on when the part is there; else skip by its name, or with `CI=true` fail."""
    if found:
        return
    if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        pytest.fail(
            f"{what} is missing here, and in CI nothing is skipped: install it (.ci/run does)", pytrace=False
        )
    pytest.skip(f"needs {what}")
