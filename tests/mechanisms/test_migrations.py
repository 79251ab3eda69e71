"""Records of every version from the first on come to the newest without loss, whoever calls, and once."""

import json
import multiprocessing
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from click.testing import CliRunner
from tests.ledger_events import NOTE, note

from sprintline.base.databases import connect
from sprintline.base.settings import ROOT
from sprintline.cli.main import cli
from sprintline.mechanisms.ledger.chain import Head
from sprintline.mechanisms.ledger.head_file import Heads
from sprintline.mechanisms.ledger.keys import Keys
from sprintline.mechanisms.ledger.migrate import VERSION_TABLE, configuration, migrate, revision
from sprintline.mechanisms.ledger.record_tables import METADATA, SCHEMA_VERSION, version_of
from sprintline.mechanisms.ledger.records import Records, RecordsError

DATABASES = Path(__file__).with_name("databases")
SPAWN = multiprocessing.get_context("spawn")

NEXT = '''
"""A column more, as a later Sprintline might bring it."""

import sqlalchemy as sa
from alembic import op

revision = "{name}"
down_revision = "{before}"


def upgrade() -> None:
    op.add_column("measurements", sa.Column("unit", sa.Text))
    {then}
'''


def old(folder: Path, version: int = 1) -> Path:
    """A database as that version wrote it, with the head file of its ledger."""
    file = folder / "records.db"
    connection = sqlite3.connect(file)
    for statement in sqlite_statements(DATABASES / f"version_{version}.sql"):
        connection.execute(statement)
    connection.commit()
    seq, last = connection.execute("SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1").fetchone()
    heads = Heads(Head(seq, last), None)
    if version >= 3:  # from then on it is signed, and names the last seal
        sealed = connection.execute("SELECT seq, hash FROM seals ORDER BY seq DESC LIMIT 1").fetchone()
        heads = replace(heads, seals=Head(*sealed))
        heads = replace(heads, signature=Keys.of_settings().sign(heads.text))
    connection.close()
    file.with_name("ledger.head").write_text(json.dumps(heads.as_dict()))
    return file


def sqlite_statements(file: Path) -> list[str]:
    statements, begun = [], ""
    for line in file.read_text().splitlines(keepends=True):
        begun += line
        if sqlite3.complete_statement(begun):
            statements.append(begun)
            begun = ""
    return [
        one
        for one in statements
        if "sqlite_sequence" not in one and "TRANSACTION" not in one and "COMMIT" not in one
    ]


def rows(file: Path) -> dict[str, list]:
    connection = sqlite3.connect(file)
    found = {
        table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
        for table in ("ledger", "verdicts", "measurements")
    }
    connection.close()
    return found


def in_version_3(version: int, found: dict[str, list]) -> dict[str, list]:
    """What an older version kept, as version 3 keeps it: old events are not signed."""
    found = in_version_2(found) if version == 1 else found
    return {**found, "ledger": [(*row, None) for row in found["ledger"]]} if version < 3 else found


def in_version_2(found: dict[str, list]) -> dict[str, list]:
    """What version 1 kept, as version 2 keeps it: sprints are scopes, and old events have no platform time."""
    return {
        "ledger": [(*row, None) for row in found["ledger"]],
        "verdicts": [(*row, "sprint") for row in found["verdicts"]],
        "measurements": [(row[0], "sprint", *row[1:]) for row in found["measurements"]],
    }


def schema(file: Path) -> set[tuple[str, str]]:
    connection = sqlite3.connect(file)
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    return set(found)


@pytest.fixture
def next_version(tmp_path):
    """Writes the version after the newest into a folder of the test's own."""

    def write(then: str = "") -> Path:
        folder = tmp_path / "next"
        folder.mkdir()
        text = NEXT.format(name=revision(SCHEMA_VERSION + 1), before=revision(SCHEMA_VERSION), then=then)
        (folder / "next.py").write_text(text)
        return folder

    return write


def test_there_is_a_database_of_every_version_and_the_newest_revision_is_this_code_s(tmp_path):
    kept = sorted(int(file.stem.removeprefix("version_")) for file in DATABASES.glob("version_*.sql"))
    assert kept == list(range(1, SCHEMA_VERSION + 1))
    engine, _ = connect(f"sqlite:///{tmp_path}/any.db")
    with engine.connect() as connection:
        scripts = ScriptDirectory.from_config(configuration(connection))
        assert scripts.get_heads() == [revision(SCHEMA_VERSION)]


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_a_database_of_every_version_becomes_the_newest_without_loss(tmp_path, version):
    file = old(tmp_path, version)
    before = rows(file)
    assert len(before["ledger"]) >= 5
    assert Records.migrate(f"sqlite:///{file}") == version
    assert Records.migrate(f"sqlite:///{file}") == SCHEMA_VERSION
    assert rows(file) == in_version_3(version, before)
    records = Records(f"sqlite:///{file}")
    report = records.verify()
    assert report.ok, report.broken
    assert report.head_file == report.head
    fresh = tmp_path / "fresh" / "records.db"
    Records(f"sqlite:///{fresh}")
    assert schema(file) == schema(fresh)
    # It goes on where it was, and its guards stand.
    assert records.append(NOTE, "", None, "platform", note()).seq == len(before["ledger"]) + 1
    with pytest.raises(sqlite3.IntegrityError, match="append-only"), sqlite3.connect(file) as connection:
        connection.execute("DELETE FROM verdicts")


def test_what_the_revisions_make_is_what_the_code_reads(tmp_path):
    engine = Records(f"sqlite:///{tmp_path}/records.db")._engine
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, METADATA) == []


def test_an_older_database_is_not_opened_but_says_what_to_do(tmp_path):
    file = old(tmp_path)
    with pytest.raises(
        RecordsError, match=r"has schema 1, this Sprintline needs 3: run `sprintline migrate`"
    ):
        Records(f"sqlite:///{file}")
    assert sqlite3.connect(file).execute("SELECT version FROM schema_version").fetchall() == [(1,)]


def test_a_further_version_is_reached_and_then_an_older_sprintline_refuses(tmp_path, next_version):
    file, folder = old(tmp_path), next_version()
    before = in_version_3(1, rows(file))
    engine, _ = connect(f"sqlite:///{file}")
    assert migrate(engine, to=SCHEMA_VERSION + 1, more=[folder]) == 1
    assert migrate(engine, to=SCHEMA_VERSION + 1, more=[folder]) == SCHEMA_VERSION + 1
    after = rows(file)
    assert (after["ledger"], after["verdicts"]) == (before["ledger"], before["verdicts"])
    assert after["measurements"] == [(*row, None) for row in before["measurements"]]
    for call in (Records, Records.migrate):
        with pytest.raises(RecordsError, match=f"schema {SCHEMA_VERSION + 1}.*the Sprintline that wrote it"):
            call(f"sqlite:///{file}")


def test_a_migration_that_fails_half_way_leaves_the_database_as_it_was(tmp_path, next_version):
    file, folder = old(tmp_path), next_version(then='op.execute("INSERT INTO no_such_table VALUES (1)")')
    engine, _ = connect(f"sqlite:///{file}")
    Records.migrate(f"sqlite:///{file}")
    before = rows(file), schema(file)
    with pytest.raises(RecordsError, match=r"no such table: no_such_table.*committed before is kept"):
        migrate(engine, to=SCHEMA_VERSION + 1, more=[folder])
    assert (rows(file), schema(file)) == before
    with engine.connect() as connection:
        assert version_of(connection) == SCHEMA_VERSION


def migrate_at_once(url, folder, start, said):
    engine, _ = connect(url)
    start.wait()
    said.put(migrate(engine, to=SCHEMA_VERSION + 1, more=[folder]))


def test_of_four_that_migrate_at_once_one_does_it(tmp_path, next_version):
    file, folder = old(tmp_path), next_version()
    start, said = SPAWN.Event(), SPAWN.Queue()
    workers = [
        SPAWN.Process(target=migrate_at_once, args=(f"sqlite:///{file}", folder, start, said))
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    start.set()
    newest = SCHEMA_VERSION + 1
    assert sorted(said.get(timeout=60) for _ in workers) == [1, newest, newest, newest]
    for worker in workers:
        worker.join(60)
    assert sqlite3.connect(file).execute("SELECT count(*) FROM ledger").fetchone() == (5,)


def test_the_command_says_what_it_did(tmp_path, monkeypatch):
    monkeypatch.setenv("SPRINTLINE_HOME", str(tmp_path))
    monkeypatch.delenv("SPRINTLINE_RECORDS_URL", raising=False)
    run = CliRunner()
    said = [run.invoke(cli, ["migrate"], standalone_mode=False).stdout for _ in range(2)]
    assert said[0] == f"The records were empty and are at schema {SCHEMA_VERSION} now.\n"
    assert said[1] == f"The records are at schema {SCHEMA_VERSION}: nothing to do.\n"
    told = json.loads(run.invoke(cli, ["migrate", "--json"], standalone_mode=False).stdout)
    assert told == {"before": SCHEMA_VERSION, "now": SCHEMA_VERSION, "changed": False}
    sqlite3.connect(tmp_path / "records.db").executescript("UPDATE schema_version SET version = 99")
    refused = run.invoke(cli, ["migrate"], standalone_mode=False)
    assert isinstance(refused.exception, RecordsError)


def test_opening_records_that_stand_imports_no_alembic(tmp_path):
    url = f"sqlite:///{tmp_path}/records.db"
    Records(url).close()
    code = (
        "import sys; from sprintline.mechanisms.ledger.records import Records;"
        "Records(sys.argv[1]); print('alembic' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code, url], text=True) == "False\n"


def test_an_installed_package_has_the_revisions(tmp_path):
    """What setuptools would copy, asked of setuptools with the project's own settings."""
    code = (
        "from setuptools import Distribution; made = Distribution({'script_name': 'setup.py'});"
        "made.parse_config_files(); built = made.get_command_obj('build_py'); built.ensure_finalized();"
        "print(*built.get_source_files(), sep='\\n')"
    )
    said = subprocess.check_output([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, text=True)
    folder = ROOT / "platform" / "sprintline" / "mechanisms" / "ledger" / "migrations"
    for file in [folder / "env.py", *(folder / "versions").glob("*.py")]:
        assert str(file.relative_to(ROOT)) in said
