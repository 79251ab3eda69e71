"""The platform's own dbt tests count exactly the rows that break them, at their bounds and where a value is missing."""

from __future__ import annotations

from pathlib import Path

from tests.warehouse.test_dbt import with_product

from sprintline.base.settings import Home
from sprintline.warehouse.dbt import Warehouse

ROWS = """
with all_rows as (
    select 'S1' as sprint, cast(a as int) as a, cast(b as int) as b, cast(n as int) as n
    from (values (1, 1, 9), (1, 1, 10), (1, 2, 11), (2, 2, null), (null, 3, 0)) as v (a, b, n)
    union all
    select 'S0' as sprint, 1 as a, 1 as b, 99 as n
    union all
    select 'S0' as sprint, 1 as a, 1 as b, cast(null as int) as n
)
select * from all_rows where {{ in_sprint() }}
"""
PARENT = """
with parents as (
    select 'S1' as sprint, 1 as a
    union all
    select 'S0' as sprint, 2 as a
)
select * from parents where {{ in_sprint() }}
"""
COLUMNS = "[{name: sprint, data_type: string}, {name: a, data_type: int}"
TESTS = f"""
models:
  - name: child
    columns: {COLUMNS}, {{name: b, data_type: int}}, {{name: n, data_type: int}}]
    data_tests:
      - holds: {{name: small, arguments: {{expression: n <= 10}}, config: {{meta: {{rule: DQ205}}}}}}
      - unique_together: {{name: grain, arguments: {{columns: [a, b]}}, config: {{meta: {{rule: DQ201}}}}}}
      - not_null_columns: {{name: there, arguments: {{columns: [a, b, n]}}, config: {{meta: {{rule: DQ202}}}}}}
      - relationships:
          name: known
          arguments: {{column_name: a, to: ref('parent'), field: a}}
          config: {{meta: {{rule: DQ203}}}}
  - name: parent
    columns: {COLUMNS}]
"""


def test_each_counts_the_rows_of_the_sprint_that_break_it(tmp_path: Path) -> None:
    files = {"marts/child.sql": ROWS, "marts/parent.sql": PARENT, "marts/models.yml": TESTS}
    result = Warehouse("tiny", Home(tmp_path / "home"), with_product(tmp_path, "tiny", files)).build("S1")
    told = {node.name: (node.status, node.failures) for node in result.tests}
    assert told == {"small": ("fail", 2), "grain": ("fail", 1), "there": ("fail", 2), "known": ("fail", 1)}
    (there,) = [node for node in result.tests if node.name == "there"]
    assert there.message == "n is empty in 1 row, a is empty in 1 row"
