"""Files of many columns and of odd headers: what is made of them stays small, and is sound in every language."""

from __future__ import annotations

import pandas as pd
import pytest
import yaml
from tests.scaffold.test_from_file import clone, make, shop

from sprintline.base.settings import ROOT, Home
from sprintline.lake.tables import Lake
from sprintline.warehouse.dbt import Warehouse

__all__ = ["clone"]


def parsed(clone) -> dict:
    """The manifest of the product `shop` in a clone."""
    for part in ("macros", "dbt_project.yml", "profiles.yml"):
        (clone / "dbt_project" / part).symlink_to(ROOT / "dbt_project" / part)
    return Warehouse("shop", Home(clone / "home"), clone / "dbt_project").manifest


def test_the_number_of_dbt_tests_does_not_grow_with_the_columns(clone) -> None:
    make(clone, shop(**{f"c{n}": [n % 7] * 112 for n in range(60)}))
    tests = [node for node in parsed(clone)["nodes"].values() if node["resource_type"] == "test"]
    assert len(tests) <= 16
    (wide,) = [
        one
        for one in tests
        if one["test_metadata"]["name"] == "not_null_columns" and "questions" in one["name"]
    ]
    assert {f"c{n}" for n in range(60)} <= set(wide["test_metadata"]["kwargs"]["columns"])


@pytest.mark.parametrize(
    "header", ["{% discount", "{{ x", "{# y", "a {%- raw %} b", "{{ 7 * 6 }}", "{% endraw %}"]
)
def test_a_header_in_the_template_language_is_a_header(clone, header) -> None:
    frame = shop(**{header: ["a", "{{ b", "{% c", "d"] * 28})
    make(clone, frame, label=f"""returned = 'yes' and "{header}" <> '{{{{ b'""")
    manifest = parsed(clone)
    nodes = {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}
    assert header in [column["description"] for column in nodes["stg_rows"]["columns"].values()]
    assert header in nodes["outcomes"]["columns"]["answer"]["description"]
    assert "<> '{{ '{' }}{ b'" in nodes["outcomes"]["raw_code"]
    for file in (clone / "dbt_project/models/shop").rglob("*.yml"):
        assert yaml.safe_load(file.read_text())


def test_a_failed_test_of_several_columns_names_the_empty_ones(clone) -> None:
    make(clone, shop(**{f"c{n}": [n % 7] * 112 for n in range(3)}))
    parsed(clone)
    home = Home(clone / "home")
    rows = pd.DataFrame(
        {"order_no": range(4), "date": [pd.Timestamp("2026-03-02").date()] * 4, "umsatz_in": 1.5, "returned": "yes",
         "settled": [pd.Timestamp("2026-03-04").date()] * 4, "c0": 1, "c1": [1, None, None, 1], "c2": [None, 1, 1, 1]}
    )  # fmt: skip
    moments = {
        "event_at": pd.Timestamp("2026-03-02", tz="UTC"),
        "known_at": pd.Timestamp("2026-03-05", tz="UTC"),
    }
    Lake(home.lake).write("shop/rows", "2026-S10", rows.assign(**moments), "order_no")
    result = Warehouse("shop", home, clone / "dbt_project").build("2026-S10")
    (failed,) = [node for node in result.nodes if node.status == "fail"]
    assert failed.failures == 3 and failed.message == "c1 is empty in 2 rows, c2 is empty in 1 row"
