"""Every setting is declared once, told on one page, checked when it is read, and a secret is never shown."""

import json
import re

import pytest
from click.testing import CliRunner

from sprintline.base import settings
from sprintline.base.commands import page
from sprintline.base.errors import error_text
from sprintline.base.settings import DECLARED, MASK, ROOT, Home, SettingError
from sprintline.cli.main import cli
from sprintline.hosting import processes
from sprintline.hosting.processes import PROCESSES, WEBSERVER
from sprintline.mechanisms.process_table import Start

NAMES = {one.name for one in DECLARED}
SECRET = "postgresql://sprint:s3cr%40t@db.example/state"


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch):
    for one in DECLARED:
        monkeypatch.delenv(one.name, raising=False)
        monkeypatch.delenv(f"{one.name}_FILE", raising=False)


def test_the_page_is_the_one_that_is_written_and_tells_every_setting():
    written = (ROOT / "docs" / "reference" / "settings.md").read_text()
    assert written.endswith(page()), "sprintline reference"
    for one in DECLARED:
        assert re.search(rf"^\| `{one.name}` \| .*{re.escape(one.meaning)}", written, re.MULTILINE), one.name


def test_nothing_reads_a_setting_that_is_not_declared():
    read = {}
    for folder in ("platform", "tools", "dbt_project", "feature_repo"):
        for file in (ROOT / folder).rglob("*"):
            if file.suffix in (".py", ".sh", ".sql", ".yml", ".yaml") and "target" not in file.parts:
                for name in re.findall(r"SPRINTLINE_[A-Z]+(?:_[A-Z]+)*\b(?!_)", file.read_text()):
                    read.setdefault(name.removesuffix("_FILE"), set()).add(str(file.relative_to(ROOT)))
    assert {name: files for name, files in read.items() if name not in NAMES} == {}
    elsewhere = {name for name, files in read.items() if files != {"platform/sprintline/base/settings.py"}}
    derived = {f"SPRINTLINE_{name}_URL" for name in ("DATABASE", "RECORDS", "MLFLOW", "DAGSTER")}
    assert elsewhere | derived == NAMES


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SPRINTLINE_KEEP_LAKE_DAYS", "a week", r"KEEP_LAKE_DAYS is 'a week': give a whole number of days, like 30"),
        ("SPRINTLINE_KEEP_LAKE_DAYS", "-1", "whole number"),
        ("SPRINTLINE_RECORDS_URL", "postgres://me:s3cret@host/db", "begins with postgres://: write sqlite:////folder"),
        ("SPRINTLINE_DATABASE_URL", "sqlite:////tmp/x.db", "begins with sqlite://: write postgresql://"),
        ("SPRINTLINE_MLFLOW_URL", "s3cret", "MLFLOW_URL is no URL"),
        ("SPRINTLINE_DAGSTER_URL_FILE", "/no/such/file", "/no/such/file, which cannot be read: No such file"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_its_name_and_what_would_be_right(monkeypatch, name, value, said):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match=said) as caught:
        settings.read(name.removesuffix("_FILE"))
    assert "s3cret" not in str(caught.value)
    done = CliRunner().invoke(cli, ["settings", "--json"], standalone_mode=False)
    assert done.return_value == 1
    assert json.loads(done.stdout)["wrong"] == [str(caught.value)]


def test_a_secret_comes_from_a_file_and_not_from_two_places(monkeypatch, tmp_path):
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    monkeypatch.setenv("SPRINTLINE_RECORDS_URL_FILE", str(file))
    assert Home(tmp_path).records_url == SECRET
    monkeypatch.setenv("SPRINTLINE_RECORDS_URL", SECRET)
    with pytest.raises(SettingError, match="both set"):
        settings.read("SPRINTLINE_RECORDS_URL")


def test_a_secret_is_masked_wherever_it_is_told(monkeypatch):
    monkeypatch.setenv("SPRINTLINE_DATABASE_URL", SECRET)
    for words in (["settings"], ["settings", "--json"]):
        said = CliRunner().invoke(cli, words, standalone_mode=False).stdout
        assert "s3cr" not in said
        assert "sprint:" in said.replace("\n", "")
    assert settings.masked(SECRET) == f"postgresql://sprint:{MASK}@db.example/state"
    assert (
        settings.masked("postgresql://h/d?user=me&password=abc")
        == f"postgresql://h/d?user=me&password={MASK}"
    )
    assert settings.masked("s3cret") == MASK
    # As it is written in the URL, and as a driver would say it.
    assert (
        error_text(ValueError(f"no {SECRET}, no s3cr@t"))
        == f"ValueError: no {settings.masked(SECRET)}, no {MASK}"
    )


def test_one_database_serves_all_three_in_schemas_of_their_own(monkeypatch, tmp_path):
    home = Home(tmp_path)
    assert home.records_url == f"sqlite:///{tmp_path}/records.db"
    assert home.mlflow_url == f"sqlite:///{tmp_path}/models/mlflow.db"
    assert home.dagster_url is None
    monkeypatch.setenv("SPRINTLINE_DATABASE_URL", "postgresql://host/db?sslmode=require")
    urls = [home.records_url, home.mlflow_url, home.dagster_url]
    assert [url.partition("search_path%3D")[2] for url in urls] == [
        "sprintline_records", "sprintline_mlflow", "sprintline_dagster"
    ]  # fmt: skip
    assert all(url.startswith("postgresql://host/db?sslmode=require&options=-c") for url in urls)
    monkeypatch.setenv("SPRINTLINE_RECORDS_URL", "sqlite:////somewhere/records.db")
    assert home.records_url == "sqlite:////somewhere/records.db"


def test_mlflow_and_dagster_cannot_share_their_tables(monkeypatch, tmp_path):
    for name in ("MLFLOW", "DAGSTER"):
        monkeypatch.setenv(f"SPRINTLINE_{name}_URL", "postgresql://host/db")
    with pytest.raises(SettingError, match="a table `runs`"):
        _ = Home(tmp_path).dagster_url


def test_the_ui_listens_on_loopback_unless_a_container_says_otherwise(monkeypatch, tmp_path):
    start = Start(Home(tmp_path), "ui", tmp_path, tmp_path, {WEBSERVER: 4711})
    (webserver,) = [one for one in PROCESSES if one.name == WEBSERVER]

    def address() -> str:
        words = list(webserver.command(start))
        return words[words.index("--host") + 1]

    monkeypatch.setattr(processes, "_workspace", lambda start: "workspace.yaml")
    monkeypatch.delenv("SPRINTLINE_LISTEN", raising=False)
    assert address() == "127.0.0.1"
    monkeypatch.setenv("SPRINTLINE_LISTEN", "0.0.0.0")
    assert address() == "0.0.0.0"
    for wrong in ("192.168.0.7", "::", "localhost", "0.0.0.0 "):
        monkeypatch.setenv("SPRINTLINE_LISTEN", wrong)
        with pytest.raises(SettingError, match=r"write 127\.0\.0\.1, or 0\.0\.0\.0 in a container"):
            address()


@pytest.mark.fault
@pytest.mark.parametrize(
    ("name", "meant"),
    [("SPRINTLINE_HOEM", "SPRINTLINE_HOME"), ("SPRINTLINE_KEY", "SPRINTLINE_KEYS"),
     ("SPRINTLINE_RECORD_URL", "SPRINTLINE_RECORDS_URL"),
     ("SPRINTLINE_RECORDS_URL_FIEL", "SPRINTLINE_RECORDS_URL_FILE")],
)  # fmt: skip
def test_a_name_that_is_almost_a_settings_is_refused(name, meant):
    with pytest.raises(settings.SettingError, match=f"{name} is not a setting: did you mean {meant}\\?"):
        settings.refuse_misspelt([name, "PATH"])


def test_settings_and_names_of_other_tools_are_left_alone():
    known = [one.name for one in settings.DECLARED]
    settings.refuse_misspelt(
        [*known, "SPRINTLINE_RECORDS_URL_FILE", "SPRINTLINE_SNAPSHOT", "SPRINTLINE_KILL_SEED", "HOEM"]
    )


@pytest.mark.fault
def test_a_file_in_place_of_the_folder_of_the_keys_is_refused(tmp_path, monkeypatch):
    (tmp_path / "keys").write_text("")
    monkeypatch.setenv("SPRINTLINE_KEYS", str(tmp_path / "keys"))
    with pytest.raises(settings.SettingError, match="is a file: name the folder of the keys"):
        settings.keys_folder()
