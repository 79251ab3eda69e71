"""Models that read a source which the product does not declare are named with file and line."""

from __future__ import annotations

from sprintline.warehouse.undeclared import undeclared_sources

FILE = "models/bakery/staging/stg_orders.sql"


def manifest(group: str = "bakery", kind: str = "model") -> dict:
    key = f"source.sprintline.{group}.orders"
    return {
        "sources": {key: {"source_name": group, "name": "orders"}},
        "nodes": {
            "n": {
                "resource_type": kind,
                "original_file_path": FILE,
                "depends_on": {"nodes": [key, "model.x"]},
            }
        },
    }


def found(*given, declared=(), tmp_path) -> list[str]:
    file = tmp_path / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('with rows as (\n    select * from {{ source("bakery", "orders") }}\n)\n')
    return list(undeclared_sources(manifest(*given), "bakery", declared, tmp_path))


def test_a_model_of_a_source_that_is_not_declared_is_named_with_its_line(tmp_path):
    (told,) = found(declared=("orders_2",), tmp_path=tmp_path)
    assert told.startswith(
        f"dbt_project/{FILE}:2: reads the source orders, which defs.yaml does not declare; "
    )


def test_declared_sources_the_teams_own_groups_and_tests_are_left_out(tmp_path):
    assert found(declared=("orders",), tmp_path=tmp_path) == []
    assert found("elsewhere", tmp_path=tmp_path) == []
    assert found("bakery", "test", tmp_path=tmp_path) == []
    assert list(undeclared_sources({"nodes": {}}, "bakery", (), tmp_path)) == []
