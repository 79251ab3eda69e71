"""A small clone with one scaffolded product, made once for a test file, whose files a test may change."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sprintline.base import settings
from sprintline.base.settings import Home
from sprintline.mechanisms.ledger.opened import open_records
from sprintline.product.runtime import Runtime, load_runtime
from sprintline.scaffold.check import mistakes_of
from sprintline.scaffold.create import create_product

PRODUCT = "bakery"
DEFS = "platform/products/bakery/defs.yaml"
ORDERS = "platform/products/bakery/contracts/orders.yaml"
MODEL = "platform/products/bakery/model.py"
SOURCES = "platform/products/bakery/sources.py"
VIEWS = "feature_repo/bakery/views.py"
QUERY = "feature_repo/bakery/courier_delays.sql"
STAGED = "dbt_project/models/bakery/staging/stg_orders.sql"
QUESTIONS = "dbt_project/models/bakery/marts/questions.sql"


def new_clone(root: Path) -> Path:
    """A clone in an empty folder, with the platform's dbt macros and the product `bakery`."""
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (root / folder).mkdir(parents=True)
    for part in ("dbt_project.yml", "profiles.yml", "macros"):
        (root / "dbt_project" / part).symlink_to(settings.ROOT / "dbt_project" / part)
    create_product(PRODUCT, root)
    return root


@contextmanager
def put_back(root: Path) -> Iterator[None]:
    """Within the block the product's files may change and its history may be written; dbt's parse is kept."""
    files = [
        path for path in root.rglob(f"*{PRODUCT}*/**/*") if path.suffix in (".py", ".sql", ".yaml", ".yml")
    ]
    before = {path: path.read_bytes() for path in files if "home" not in path.parts}
    _forget()
    try:
        yield
    finally:
        for path, content in before.items():
            if path.read_bytes() != content:
                path.write_bytes(content)
        open_records.cache_clear()
        for left in (root / "home").glob("*"):
            if left.name.startswith(("records", "ledger")):
                left.unlink()
        shutil.rmtree(root / "home" / "models", ignore_errors=True)
        _forget()


def loaded(root: Path) -> Runtime:
    """The clone's product, on a state folder of the clone's own."""
    return load_runtime(root / "platform/products" / PRODUCT, Home(root / "home"))


def edit(root: Path, file: str, old: str, new: str) -> Runtime:
    """The product after a change of one of its files. old: a pattern."""
    text = (root / file).read_text()
    assert re.search(old, text), f"{file} has no {old}"
    before = (root / file).stat().st_mtime
    (root / file).write_text(re.sub(old, new, text, count=1))
    # Python takes compiled code for current while second and size of the source are the same.
    os.utime(root / file, (before + 2, before + 2))
    _forget()
    return loaded(root)


def checked(root: Path) -> list[str]:
    """What `sprintline check` says of the product."""
    return mistakes_of(root / "platform/products" / PRODUCT, root, Home(root / "home"))


def _forget() -> None:
    for name in [name for name in sys.modules if name.startswith(f"products.{PRODUCT}")]:
        del sys.modules[name]
