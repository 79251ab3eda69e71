"""The warehouse on a tiny product: what it parses and when, what it says, and that it leaves nothing open."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sprintline.base.settings import ROOT, Home
from sprintline.warehouse.dbt import Warehouse, WarehouseError
from sprintline.warehouse.sql_text import line_of


def with_product(folder: Path, product: str, models: dict[str, str]) -> Path:
    """The clone's dbt project without its products, and one product made of these files."""
    project = folder / "dbt_project"
    shutil.copytree(ROOT / "dbt_project", project, ignore=shutil.ignore_patterns("models", "target", "logs"))
    for name, text in models.items():
        path = project / "models" / product / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return project


TINY = {
    "marts/sprints.sql": "select 'S1' as sprint, 1 as number where {{ in_sprint(\"'S1'\") }}",
    "marts/sprints.yml": """
models:
  - name: sprints
    columns:
      - {name: sprint, data_type: string}
      - {name: number, data_type: int}
    data_tests:
      - holds:
          name: numbers_are_small
          arguments: {expression: number < 10}
          config: {meta: {rule: DQ205}}
""",
    "marts/doubled.sql": "select sprint, number * 2 as number from {{ ref('sprints') }} where {{ in_sprint() }}",
    "marts/doubled.yml": """
models:
  - name: doubled
    columns:
      - {name: sprint, data_type: string}
      - {name: number, data_type: int}
""",
}


@pytest.fixture
def tiny(tmp_path: Path) -> Warehouse:
    return Warehouse("tiny", Home(tmp_path / "home"), with_product(tmp_path, "tiny", TINY))


def test_parses_only_when_a_file_of_the_product_changed(tiny: Warehouse) -> None:
    manifest = tiny.ensure_manifest()
    stamp = manifest.stat().st_mtime_ns
    other = tiny.project / "models" / "other" / "broken.sql"
    other.parent.mkdir()
    other.write_text("select {{ nonsense(")
    assert tiny.ensure_manifest().stat().st_mtime_ns == stamp
    assert not tiny.build("S1").parsed
    (tiny.project / "models" / "tiny" / "marts" / "doubled.sql").write_text(
        "select 'S1' as sprint, 4 as number"
    )
    assert tiny.build("S1").parsed
    assert tiny.query("select number from marts.doubled")["number"].tolist() == [4]
    with pytest.raises(WarehouseError, match="broken") as told:
        Warehouse("other", tiny.home, tiny.project).ensure_manifest()
    assert told.value.file == "models/other/broken.sql"


def test_a_product_that_stops_parsing_gives_out_no_old_manifest(tiny: Warehouse) -> None:
    tiny.ensure_manifest()
    model = tiny.project / "models" / "tiny" / "marts" / "doubled.sql"
    sound = model.read_text()
    model.write_text("select * from {{ ref('nobody') }}")
    for _ in range(2):
        with pytest.raises(WarehouseError, match="nobody"):
            tiny.build("S1")
    model.write_text(sound)
    assert tiny.build("S1").ok


def test_wrong_sql_names_model_and_file(tiny: Warehouse) -> None:
    (tiny.project / "models" / "tiny" / "marts" / "doubled.sql").write_text(
        "select sprint, nummer as number from {{ ref('sprints') }} where {{ in_sprint() }}"
    )
    with pytest.raises(WarehouseError, match="nummer") as told:
        tiny.build("S1")
    assert (told.value.model, told.value.file) == ("doubled", "models/tiny/marts/doubled.sql")
    assert told.value.result is not None
    assert [node.name for node in told.value.result.models if node.status == "success"] == ["sprints"]


@pytest.mark.parametrize(
    ("sql", "line"),
    [
        ("select\n    sprint,\n    nummer as number\nfrom {{ ref('sprints') }}", 3),
        (
            "{{ config(tags=['a']) }}\n\nselect\n    sprint,\n    number * * 2 as number,,\nfrom {{ ref('sprints') }}",
            5,
        ),
        ("select\n    sprint,\n    {{ no_such_macro() }} as number\nfrom {{ ref('sprints') }}", 3),
        ("select\n    sprint,\n    'a' as number\nfrom {{ ref('sprints') }}", 3),
        ("select\n    'S1' as sprint,\n    1 as number\nfrom nowhere", 4),
    ],
)
def test_what_is_wrong_is_told_with_the_line_of_the_models_file(tiny: Warehouse, sql: str, line: int) -> None:
    (tiny.project / "models" / "tiny" / "marts" / "doubled.sql").write_text(sql + "\nwhere {{ in_sprint() }}")
    with pytest.raises(
        WarehouseError, match=rf"model doubled in models/tiny/marts/doubled\.sql:{line} failed"
    ):
        tiny.build("S1")


def test_an_error_that_names_nothing_of_the_file_gets_no_line() -> None:
    assert line_of("Conversion Error: Could not convert string 'x1' to INT32", "select a\nfrom b") is None
    assert line_of('column "a" not found', "select ab\nfrom a") == 2, "a whole name, not a part of one"
    assert line_of("", "") is None


def test_without_a_sprint_nothing_is_built(tiny: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WarehouseError, match="no sprint to build was given"):
        tiny.build(" ")
    monkeypatch.setenv("SPRINTLINE_SPRINT", "S1")  # a leftover of the shell must not become the sprint either
    tiny.ensure_manifest()
    results = tiny._dbt(["build"], None)
    assert results.results[0].status == "error"
    assert "SPRINTLINE_SPRINT is not set" in results.results[0].message
    assert tiny.rows() == {}


def test_leaves_environment_folder_and_file_free(tiny: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPRINTLINE_SPRINT", "of the caller")
    before, folder = dict(os.environ), Path.cwd()
    for _ in range(3):
        tiny.build("S1")
    assert dict(os.environ) == before
    assert Path.cwd() == folder
    # Another process may write at once: no connection, no lock.
    code = f"import duckdb; duckdb.connect({str(tiny.file)!r}).execute('create table free (a int)')"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(WarehouseError, match="query"):
        tiny.query("select * from nowhere")
    tiny.query("drop table free", read_only=False)
    left = {path.name for path in tiny.target.iterdir()}
    parsed = {"manifest.json", "partial_parse.msgpack", "graph_summary.json", "fingerprint.txt"}
    assert left <= parsed | {"compiled", "run", "built.txt", "compiled.json"}
    assert {path.name for path in tiny.target.parent.iterdir()} == {"target", "logs", "parse.lock"}


def test_says_what_it_cannot_do(tmp_path: Path, tiny: Warehouse) -> None:
    with pytest.raises(WarehouseError, match="does not exist yet"):
        tiny.query("select 1")
    assert tiny.rows() == {}
    with pytest.raises(WarehouseError, match="selects no model"):
        tiny.build("S1", ["nobody"])
    with pytest.raises(WarehouseError, match="has no models"):
        Warehouse("nobody", Home(tmp_path)).ensure_manifest()


@pytest.mark.slow
def test_two_processes_parse_once(tiny: Warehouse) -> None:
    code = (
        "import sys; from pathlib import Path; from sprintline.base.settings import Home\n"
        "from sprintline.warehouse.dbt import Warehouse\n"
        "print(Warehouse('tiny', Home(Path(sys.argv[1])), Path(sys.argv[2]))._ensure()[1])"
    )
    command = [sys.executable, "-c", code, str(tiny.home.root), str(tiny.project)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "platform")}
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(2)]
    said = sorted(process.communicate()[0].strip() for process in both)
    assert said == ["False", "True"]
    assert [process.returncode for process in both] == [0, 0]


def without_dbt(warehouse: Warehouse, sprint: str) -> bool:
    """Whether the sprint is built clean with dbt out of reach."""

    def refuse(*_: object) -> None:
        raise WarehouseError("dbt was called")

    before, warehouse._dbt = warehouse._dbt, refuse  # type: ignore[method-assign, assignment]
    try:
        return warehouse.build(sprint).ok
    except WarehouseError as error:
        assert "dbt was called" in str(error)
        return False
    finally:
        warehouse._dbt = before  # type: ignore[method-assign]


def test_what_is_out_of_the_ordinary_is_left_to_dbt(tiny: Warehouse) -> None:
    assert not without_dbt(tiny, "S1")  # the first build is dbt's: it checks the contracts
    assert tiny.build("S1").ok
    tiny.build("S1")
    assert without_dbt(tiny, "S1")
    tiny.query("alter table marts.doubled add column odd int", read_only=False)
    assert not without_dbt(tiny, "S1")
    tiny.query("alter table marts.doubled drop column odd", read_only=False)
    assert without_dbt(tiny, "S1")
    model = tiny.project / "models" / "tiny" / "marts" / "doubled.sql"
    sound = model.read_text()
    model.write_text(sound.replace("* 2", "* 3"))
    assert not without_dbt(tiny, "S1")
    assert tiny.build("S1").ok
    tiny.build("S1")
    assert without_dbt(tiny, "S1")
    for own in ("{{ config(post_hook='select 1') }}\n", "-- {{ run_started_at }}\n"):
        model.write_text(own + sound)
        for _ in range(2):
            assert tiny.build("S1").ok
        assert not without_dbt(tiny, "S1")


def test_rows_that_fail_are_told_by_dbt_and_stop_what_rests_on_them(tiny: Warehouse) -> None:
    source = tiny.project / "models" / "tiny" / "marts" / "sprints.sql"
    tiny.query("create table kept as select 1 as number", read_only=False)
    source.write_text(
        source.read_text().replace("1 as number", "cast((select number from kept) as int) as number")
    )
    for _ in range(2):
        assert tiny.build("S1").ok
    assert without_dbt(tiny, "S1")
    tiny.query("update kept set number = 11", read_only=False)
    told = {node.name: node for node in tiny.build("S1").nodes}
    assert (told["numbers_are_small"].status, told["numbers_are_small"].failures) == ("fail", 1)
    assert told["doubled"].status == "skipped"
    assert tiny.query("select number from marts.doubled")["number"].tolist() == [2]


def test_an_interrupted_build_is_no_finding(tiny: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told as a failure of dbt, a run that was ended on the way left an item in the backlog for every rule."""
    from dbt.cli.main import dbtRunner, dbtRunnerResult

    tiny.ensure_manifest()
    ended = dbtRunnerResult(success=False, exception=KeyboardInterrupt())
    monkeypatch.setattr(dbtRunner, "invoke", lambda *_, **__: ended)
    with pytest.raises(KeyboardInterrupt):
        tiny.build("S1")
