"""What tests share: a state folder of their own, and on it a product that is only declared."""

import os
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from sprintline.base import settings
from sprintline.base.settings import ROOT, Home
from sprintline.product.runtime import Runtime, load_runtime
from sprintline.warehouse.dbt import Warehouse

# The key that signs ledgers is nobody's own while tests run; processes that they start inherit it.
os.environ.setdefault("SPRINTLINE_KEYS", tempfile.mkdtemp(prefix="sprintline-keys-"))
os.environ.pop("SPRINTLINE_LEDGER_COPY", None)
# pytest-xdist sets it in its processes, and commands would break their sentences there.
os.environ.pop("COLUMNS", None)

# A shell that starts the tests in its background lets them ignore Ctrl-C, and so would every process that a test stops
# that way.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A machine that is busy with the other half of the tests is no reason to fail one.
hypothesis_settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("busy")

#: A product's tests lie in tests/products/<product>/ and are collected while the product is there: a team that removes
#: the sample keeps the platform's tests, which depend on no product but what they declare or scaffold themselves.
collect_ignore = [
    str(folder)
    for folder in (ROOT / "tests" / "products").glob("[a-z]*")
    if not (ROOT / "platform" / "products" / folder.name / "defs.yaml").is_file()
]

#: A folder laid out as a clone with the declarations of one product, small and without data.
CLONE = Path(__file__).parent / "fixtures" / "clone"
FLIGHTS = CLONE / "platform" / "products" / "flight_delays"


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
def small_clone(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands look at the small clone, whose one product is `flight_delays`, declared and without dbt models."""
    monkeypatch.setattr(settings, "ROOT", CLONE)
    monkeypatch.setattr(Warehouse, "manifest", {"nodes": {}})
    return CLONE


@pytest.fixture
def flights(home: Home, small_clone: Path) -> Runtime:
    """A product that is only declared, on an empty state folder."""
    return load_runtime(FLIGHTS, home)
