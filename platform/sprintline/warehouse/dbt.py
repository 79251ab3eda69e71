"""The warehouse: one DuckDB file per product, which dbt builds a sprint at a time.

dbt runs in this process. A call parses only when a file of the product has changed. It leaves no open connection, no
changed environment variable and no lock on the file: while a process writes, DuckDB lets no other process read.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base import settings
from sprintline.base.failpoints import failpoint
from sprintline.base.files import atomic_write
from sprintline.base.hashing import canonical_json, text_hash
from sprintline.base.locks import access, file_lock
from sprintline.base.settings import Home
from sprintline.product.runtime import Runtime
from sprintline.warehouse.connection import opened
from sprintline.warehouse.empty_columns import with_empty_columns
from sprintline.warehouse.results import ERRORS, BuildResult, Column, Node, WarehouseError, node_of
from sprintline.warehouse.runner import SPRINT_VARIABLE, one_dbt, run_dbt
from sprintline.warehouse.sql_text import line_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BuildResult", "Column", "Node", "Warehouse", "WarehouseError"]

#: The sprint of dbt's unit tests: a fixture's `sprint` is this key, or deliberately another.
UNIT_TEST_SPRINT = "2013-S01"

# Manifests by target folder, each with the fingerprint it was parsed from: loading one takes longer than a build.
_manifests: dict[Path, tuple[str, Any]] = {}


class Warehouse:
    """One product's warehouse file and the dbt project that fills it.

    product: folder under `models/` of the dbt project.
    home: where state lives; nothing is written anywhere else.
    project: the dbt project, by default the clone's.
    """

    @classmethod
    def of(cls, runtime: Runtime) -> Warehouse:
        """The one of a product."""
        return cls(runtime.product, runtime.home)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """dbt's manifest of this product, parsed again only when one of its files changed. Raises WarehouseError."""
        return json.loads(self.ensure_manifest().read_text())

    def __init__(self, product: str, home: Home, project: Path | None = None) -> None:
        self.product = product
        self.home = home
        self.project = Path(project or settings.ROOT / "dbt_project")
        self.file = home.warehouse_file(product)
        self.target = home.dbt_target(product)

    # --- dbt ---------------------------------------------------------------------------------------------------------

    def environment(self, sprint: str | None = None) -> dict[str, str]:
        """The environment variables under which dbt builds this product; for one sprint, when it is named.

        With them `dbt` can be called by hand as well: `--project-dir` and `--target-path` are among them.
        """
        variables = {
            "SPRINTLINE_PRODUCT": self.product,
            "SPRINTLINE_LAKE": str(self.home.lake),
            "SPRINTLINE_WAREHOUSE": str(self.file),
            "DBT_PROJECT_DIR": str(self.project),
            "DBT_PROFILES_DIR": str(self.project),
            "DBT_TARGET_PATH": str(self.target),
            "DBT_LOG_PATH": str(self.target.parent / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DO_NOT_TRACK": "1",
        }
        if sprint is not None:
            variables[SPRINT_VARIABLE] = sprint
        return variables

    def fingerprint(self) -> str:
        """Hash of everything that decides how the product parses; parses it when that changed.

        Raises:
            WarehouseError: the product does not parse.
        """
        return self._ensure()[0]

    def ensure_manifest(self) -> Path:
        """`manifest.json` of the product's current files; parses only when one of them changed.

        Safe between processes: one parses, the others wait for it, and the file is replaced whole.

        Raises:
            WarehouseError: the product does not parse; an older manifest stays in its place, but is not returned.
        """
        self._ensure()
        return self.target / "manifest.json"

    def build(self, sprint: str, select: Sequence[str] | None = None) -> BuildResult:
        """Build the sprint's rows of the product's models and run their data tests on them.

        select: dbt's node selectors, such as `["marts", "+questions"]`; None is everything. Unit tests never run here.
        A failed data test does not raise: the rules judge it, and dbt skips what depends on it.

        Raises:
            WarehouseError: the product does not parse, a model or a test could not be computed, or nothing is selected.
        """
        if not sprint.strip():
            raise WarehouseError(f"{self.product}: no sprint to build was given; give a key of the calendar")
        parsed = self._ensure()[1]
        if select is None and not parsed and (built := self._build_compiled(sprint)):
            return built
        arguments = ["build", "--exclude-resource-type", "unit_test"]
        # A test of two models waits until both are built: testing one against old rows of the other is meaningless.
        arguments += ["--indirect-selection", "buildable"]
        if select is not None:
            arguments += ["--select", *select]
        result = self._run(sprint, arguments, parsed)
        if not result.nodes:
            raise WarehouseError(f"{self.product}: {select} selects no model; see `dbt ls` for what there is")
        if select is None and result.ok:
            self._remember_built()
        return result

    def _build_compiled(self, sprint: str) -> BuildResult | None:
        """The sprint built with SQL that dbt compiled before; None where dbt itself has to build it.

        That is until dbt has built this state of the files once, contracts and types included, and whenever something
        fails: dbt then builds the sprint again and reports what is wrong.
        """
        import duckdb

        from sprintline.warehouse.compiled import NeedsDbt, attach, build, layout, plan_of

        began = time.perf_counter()
        if not self._built.is_file() or not self.file.is_file():
            return None
        fingerprint, _, checked = self._built.read_text("utf-8").partition(" ")
        if fingerprint != self.fingerprint():
            return None
        try:
            plan = plan_of(self)
            failpoint("dbt.before_build")
            with opened(self.file, writing=True) as connection:
                if text_hash(layout(connection)) != checked:
                    return None
                nodes = build(connection, attach(connection, plan), sprint)
        except (NeedsDbt, WarehouseError, duckdb.Error):
            return None
        failpoint("dbt.after_build")
        return BuildResult(self.product, sprint, time.perf_counter() - began, False, tuple(nodes))

    @property
    def _built(self) -> Path:
        """File with the fingerprint that dbt itself has built, and a hash of the columns and types it created."""
        return self.target / "built.txt"

    def _remember_built(self) -> None:
        from sprintline.warehouse.compiled import layout

        with opened(self.file) as connection:
            checked = text_hash(layout(connection))
        atomic_write(self._built, f"{self.fingerprint()} {checked}")

    def compile(self, sprint: str) -> dict[str, str]:
        """The SELECT of every model and data test, by unique id, as a build would run it; nothing is built.

        Raises:
            WarehouseError: the product does not parse or compile.
        """
        fingerprint, _ = self._ensure()
        quiet = ["--no-populate-cache", "--no-introspect"]
        quiet += ["--select", "resource_type:model", "resource_type:test"]
        with one_dbt:
            results = self._dbt(["compile", *quiet], sprint, self._manifest(fingerprint))
        return {one.node.unique_id: one.node.compiled_code for one in results}

    def test(self, sprint: str, models: Sequence[str]) -> BuildResult:
        """Run the data tests of some models on the sprint's rows as they are now; nothing is built.

        Tests of other models that also read these run with them.

        Raises:
            WarehouseError: as `build`; a test that fails does not raise.
        """
        arguments = ["test", "--exclude-resource-type", "unit_test", "--indirect-selection", "eager"]
        return self._run(sprint, [*arguments, "--select", *models])

    def test_units(self) -> BuildResult:
        """Run dbt's unit tests on empty tables in a temporary place, so that no data are needed and none are touched.

        The sources' tables are made from the columns that sources.yml declares; the current sprint is
        `UNIT_TEST_SPRINT`.

        Raises:
            WarehouseError: as `build`; a unit test that fails does not raise.
        """
        with tempfile.TemporaryDirectory(prefix="sprintline-units-") as folder:
            scratch = Warehouse(self.product, Home(Path(folder).resolve()), self.project)
            for path, columns in scratch._source_tables():
                _empty_table(path, columns)
            try:
                result = scratch._run(
                    UNIT_TEST_SPRINT, ["build", "--empty", "--exclude-resource-type", "test"]
                )
            finally:
                _manifests.pop(scratch.target, None)
        units = tuple(node for node in result.nodes if node.resource_type == "unit_test")
        return BuildResult(self.product, UNIT_TEST_SPRINT, result.seconds, result.parsed, units)

    # --- rows --------------------------------------------------------------------------------------------------------

    def query(
        self, sql: str, params: Sequence[Any] | Mapping[str, Any] | None = None, read_only: bool = True
    ) -> pd.DataFrame:
        """The rows of a query, moments in UTC. The connection is always closed.

        Raises:
            WarehouseError: nothing was built yet, another process has the file open, or the query is wrong.
        """
        import duckdb

        if read_only and not self.file.exists():
            raise WarehouseError(
                f"the warehouse of {self.product} does not exist yet: no sprint of it has been built"
            )
        self.file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with opened(self.file, writing=not read_only) as connection:
                return connection.execute(sql, params).df()
        except duckdb.Error as error:
            raise WarehouseError(
                f"a query on the warehouse of {self.product} failed", detail=str(error)
            ) from error

    def rows(self, sprint: str | None = None) -> dict[str, int]:
        """Rows per model, of one sprint or of all; without models that were never built."""
        if not self.file.exists():
            return {}
        relations = self.relations()
        found = self.query(
            "select table_schema || '.' || table_name as relation from information_schema.tables"
        )
        there = {name: relation for name, relation in relations.items() if relation in set(found["relation"])}
        if not there:
            return {}
        where, params = ("where sprint = $sprint", {"sprint": sprint}) if sprint is not None else ("", None)
        # Names come from the manifest, never from outside; only the sprint is a value.
        counts = self.query(
            " union all ".join(
                f"select '{name}' as name, count(*) as n from {relation} {where}"  # noqa: S608
                for name, relation in there.items()
            ),
            params,
        )
        return {str(name): int(n) for name, n in zip(counts["name"], counts["n"], strict=True)}

    def relations(self) -> dict[str, str]:
        """Model name to `schema.table`, in the order of the manifest."""
        return {node["name"]: f"{node['schema']}.{node['alias']}" for node in self._models().values()}

    def table_columns(self) -> dict[str, list[Column]]:
        """Columns per model, as its contract declares them."""
        return {
            node["name"]: [
                Column(column["name"], column.get("data_type") or "", column.get("description") or "")
                for column in node["columns"].values()
            ]
            for node in self._models().values()
        }

    # --- parsing -----------------------------------------------------------------------------------------------------

    @cached_property
    def _lock(self) -> Path:
        self.target.parent.mkdir(parents=True, exist_ok=True)
        return self.target.parent / "parse.lock"

    def _ensure(self) -> tuple[str, bool]:
        """Fingerprint of the current manifest, and whether it had to be parsed."""
        fingerprint = self._fingerprint()
        if self._is_parsed(fingerprint):
            return fingerprint, False
        with one_dbt, file_lock(self._lock):
            # Another process may have parsed while this one waited, and a file may have changed.
            fingerprint = self._fingerprint()
            if self._is_parsed(fingerprint):
                return fingerprint, False
            self._parse(fingerprint)
        return fingerprint, True

    def _fingerprint(self) -> str:
        """Hash of everything that decides how the product parses: its files, dbt's versions, the rendered paths."""
        shared = [self.project / "dbt_project.yml", self.project / "profiles.yml"]
        folders = [self.project / "macros" / name for name in ("platform", "dialect", "tests")]
        folders += [self.project / "macros" / "products" / self.product, self._folder]
        files = shared + [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        if not self._folder.is_dir():
            raise WarehouseError(f"{self.product} has no models: {self._folder} does not exist")
        contents = {
            path.relative_to(self.project).as_posix(): text_hash(path.read_text("utf-8")) for path in files
        }
        return text_hash(canonical_json([contents, _versions(), self.environment()]))

    @property
    def _folder(self) -> Path:
        return self.project / "models" / self.product

    @property
    def _stamp(self) -> Path:
        return self.target / "fingerprint.txt"

    def _is_parsed(self, fingerprint: str) -> bool:
        with suppress(FileNotFoundError):
            return self._stamp.read_text("utf-8") == fingerprint and (self.target / "manifest.json").is_file()
        return False

    def _parse(self, fingerprint: str) -> None:
        """Parse beside the target folder and move the results there; the fingerprint last, so that it confirms them."""
        with tempfile.TemporaryDirectory(prefix=".parse-", dir=self.target.parent) as folder:
            manifest = self._dbt(["parse", "--no-partial-parse", "--target-path", folder], None)
            self.target.mkdir(parents=True, exist_ok=True)
            self._stamp.unlink(missing_ok=True)
            for name in ("partial_parse.msgpack", "manifest.json"):
                (Path(folder) / name).replace(self.target / name)
        atomic_write(self._stamp, fingerprint)
        _manifests[self.target] = (fingerprint, manifest)

    def _manifest(self, fingerprint: str) -> Any:
        """dbt's manifest object; from this process's memory, or else from the file."""
        from dbt.contracts.graph.manifest import Manifest

        known, manifest = _manifests.get(self.target, (None, None))
        if known != fingerprint:
            manifest = Manifest.from_msgpack((self.target / "partial_parse.msgpack").read_bytes())
            manifest.build_flat_graph()
            _manifests[self.target] = (fingerprint, manifest)
        return manifest

    def _models(self) -> dict[str, dict[str, Any]]:
        manifest = self._manifest_json()
        return {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}

    def _manifest_json(self) -> dict[str, Any]:
        return dict(json.loads(self.ensure_manifest().read_text("utf-8")))

    def _source_tables(self) -> Iterator[tuple[Path, dict[str, str]]]:
        for source in self._manifest_json()["sources"].values():
            path = source["config"].get("meta", {}).get("delta_table_path")
            if path:
                yield (
                    Path(path),
                    {column["name"]: column["data_type"] for column in source["columns"].values()},
                )

    # --- running -----------------------------------------------------------------------------------------------------

    def _run(self, sprint: str, arguments: list[str], parsed: bool = False) -> BuildResult:
        began = time.perf_counter()
        fingerprint, parsed_now = self._ensure()
        parsed = parsed or parsed_now
        failpoint("dbt.before_build")
        self._check_opens()
        with one_dbt, access(self.file, writing=True):
            results = self._dbt(arguments, sprint, self._manifest(fingerprint))
        failpoint("dbt.after_build")
        nodes = with_empty_columns(self.file, map(node_of, results), results)
        result = BuildResult(self.product, sprint, time.perf_counter() - began, parsed, tuple(nodes))
        for node in nodes:
            if node.status in ERRORS:
                raise WarehouseError(
                    f"{self.product}, sprint {sprint}: {node.resource_type} {node.name} in {self._place(node)} failed",
                    model=node.name,
                    file=node.file,
                    detail=node.message,
                    result=result,
                )
        return result

    def _place(self, node: Node) -> str:
        """File and line of what failed, as far as the error tells."""
        file = self.project / node.file
        line = (
            line_of(node.message, file.read_text("utf-8"))
            if file.suffix == ".sql" and file.is_file()
            else None
        )
        return f"{node.file}:{line}" if line else node.file

    def _check_opens(self) -> None:
        """Raises WarehouseError for a file that does not open: dbt would retry for half a minute at each node."""
        if self.file.exists():
            with opened(self.file):
                pass

    def _dbt(self, arguments: list[str], sprint: str | None, manifest: Any = None) -> Any:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        return run_dbt(self.product, arguments, self.environment(sprint), manifest)


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("dbt-core", "dbt-duckdb", "dbt-adapters")}


def _empty_table(path: Path, columns: Mapping[str, str]) -> None:
    import pyarrow as pa
    from deltalake import write_deltalake

    types = {
        "string": pa.string(),
        "int": pa.int32(),
        "bigint": pa.int64(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamptz": pa.timestamp("us", tz="UTC"),
    }
    if unknown := {name: kind for name, kind in columns.items() if kind not in types}:
        raise WarehouseError(f"source {path.name}: data_type {unknown} is not one of {', '.join(types)}")
    schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_deltalake(str(path), schema.empty_table(), partition_by=["sprint"] if "sprint" in columns else None)
