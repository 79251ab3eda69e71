"""A part that is missing skips a test by name on a laptop, and fails it where CI runs."""

import pytest
from tests.parts import require


def test_a_missing_part_skips_here_and_fails_in_ci(monkeypatch):
    require("/usr/bin/anything", "nothing")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"PostgreSQL 15 \(Debian: postgresql-15\)"):
        require(None, "PostgreSQL 15 (Debian: postgresql-15)")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"PostgreSQL 15 .* is missing: CI installs it"):
        require(None, "PostgreSQL 15 (Debian: postgresql-15)")
