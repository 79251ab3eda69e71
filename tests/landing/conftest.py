"""Fixtures of the tests of landing."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from tests.landing.landed_files import CONTRACT
from tests.landing.publishing import SOURCE

from sprintline.base import settings
from sprintline.base.settings import Home
from sprintline.landing.contracts import Contract
from sprintline.landing.folder import Landing
from sprintline.landing.odcs import parse_contract
from sprintline.product.runtime import Runtime, load_runtime
from sprintline.scaffold.create import create_product
from sprintline.scaffold.published import publish_table, read_published


@pytest.fixture(scope="module")
def contract() -> Contract:
    return parse_contract(CONTRACT, "bookings.yaml")


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "landing", tmp_path / "quarantine")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clone")
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (root / folder).mkdir(parents=True)
    (root / "workspace.yaml").write_text("load_from:\n")
    for product in ("parcels", "bakery", "parcels_more"):
        create_product(product, root)
    publish_table("parcels", "orders", None, root)
    read_published("bakery", "parcels", "orders", SOURCE, root)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    root = tmp_path / "clone"
    shutil.copytree(made, root)
    monkeypatch.setattr(settings, "ROOT", root)
    yield root
    for name in [name for name in sys.modules if name.startswith(("products.bakery", "products.parcels"))]:
        del sys.modules[name]


@pytest.fixture
def load(root: Path, home: Home) -> Callable[[str], Runtime]:
    return lambda product: load_runtime(root / "platform" / "products" / product, home)


@pytest.fixture
def parcels(load: Callable[[str], Runtime]) -> Runtime:
    return load("parcels")


@pytest.fixture
def bakery(load: Callable[[str], Runtime]) -> Runtime:
    return load("bakery")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as one:
        yield one
