"""The commands as a person meets them: what they print, and how they end."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from tests.ledger_events import NOTE, body, note

from sprintline.base import settings
from sprintline.cli import main as command
from sprintline.hosting import starts
from sprintline.mechanisms.ledger.records import Records
from sprintline.mechanisms.rules.gates import Need
from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict
from sprintline.product.calendar import Calendar
from sprintline.product.events import CLOSED, DECISION
from sprintline.product.spec import parse_product
from sprintline.scaffold.create import create_product

REPOSITORY = settings.ROOT
DEFS = "platform/products/bakery/defs.yaml"
ORDERS = "platform/products/bakery/contracts/orders.yaml"
VIEWS = "feature_repo/bakery/views.py"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SPRINTLINE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SPRINTLINE_RECORDS_URL", raising=False)
    monkeypatch.delenv("SPRINTLINE_DEBUG", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    return settings.home()


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone without the samples, as a stranger has who deleted them."""
    root = tmp_path / "clone"
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (root / folder).mkdir(parents=True)
    (root / "platform/products/__init__.py").touch()
    (root / "workspace.yaml").write_text("load_from: []\n")
    monkeypatch.setattr(settings, "ROOT", root)
    return root


@pytest.fixture
def run(home, monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["sprintline", *arguments])
        with pytest.raises(SystemExit) as ended:
            command.main()
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return call


def test_help_answers_at_once_and_names_every_command():
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    call = [sys.executable, "-m", "sprintline.cli.main", "--help"]
    environment["PYTHONPATH"] = str(REPOSITORY / "platform")
    took = []
    for _ in range(3):
        started = time.perf_counter()
        done = subprocess.run(call, env=environment, capture_output=True, text=True, check=True)
        took.append(time.perf_counter() - started)
    for name in ("status", "init", "new", "ledger", "ui", "check", "replay"):
        assert f"  {name} " in done.stdout
    assert "Exit codes: 0 done" in done.stdout
    heavy = "[name for name in ('dagster', 'pandas', 'pydantic', 'rich.table') if name in sys.modules]"
    heavy = f"import sys, sprintline.cli.main; print({heavy})"
    loaded = subprocess.run(
        [sys.executable, "-c", heavy], env=environment, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"
    assert min(took) < 2.0  # 0.2 s on an idle machine; a heavy import would cost more than this


class TestStatus:
    def test_without_products_says_what_to_do(self, run, clone):
        assert run("status") == (0, "There is no product yet. Make one: sprintline new PRODUCT\n", "")
        code, out, _ = run("status", "--json")
        assert code == 0 and json.loads(out)["products"] == []

    def test_before_the_first_sprint_says_what_to_do(self, run, clone, home):
        create_product("bakery", clone)
        code, out, err = run("status")
        assert (code, err) == (0, "")
        assert "no sprint has started to close" in out and "sprintline replay bakery" in out
        assert f"{home.landing}/bakery/<source>/<sprint>.csv" in out
        assert not home.root.exists()  # looking changes nothing

    def test_an_unknown_product_is_told_with_the_known_ones(self, run, clone):
        create_product("bakery", clone)
        code, _, err = run("status", "bakrey")
        assert code == 2 and "there is no product bakrey" in err and "the products are bakery" in err

    def test_one_that_does_not_load_is_one_line_and_the_others_are_shown(self, run, clone):
        create_product("bakery", clone)
        create_product("florist", clone)
        file = clone / "platform/products/bakery/defs.yaml"
        text = file.read_text().replace("length_days: 7", "length_days: seven").replace("seed: 7", "sead: 7")
        file.write_text(text)
        code, out, err = run("status")
        assert code == 1 and "(florist): no sprint has started" in out
        assert len(err.splitlines()) == 1
        line = text.splitlines().index("    length_days: seven") + 1
        assert err.startswith(
            f"sprintline: bakery does not load: platform/products/bakery/defs.yaml:{line}: "
        )
        assert "(and 1 more: sprintline check bakery)" in err
        code, out, _ = run("status", "--json")
        broken, sound = json.loads(out)["products"]
        assert code == 1 and broken["error"] and broken["sprints"] == []
        assert sound["error"] is None and len(sound["sprints"]) == 30

    def test_shows_closed_sprints_and_tells_machines_everything(self, run, clone, home, monkeypatch):
        create_product("bakery", clone)
        from sprintline.mechanisms.rules import rulebook

        needs = (Need("DQ101", "orders"), Need("DQ201", "questions"))
        monkeypatch.setattr(rulebook, "definition_of_done", lambda runtime, sprint: needs)
        self.record(home, clone)
        code, out, err = run("status", "bakery")
        assert (code, err) == (0, "")
        assert "Bakery (bakery)" in out and "2026-S01" in out and "2026-S02" in out and "2026-S30" not in out
        assert "Done" in out and "no: DQ101 on orders" in out
        assert (
            "0.731" in out and "0.612 · 0.700" in out and "promote (trained: new_data): it is better" in out
        )
        code, out, _ = run("status", "--json")
        first, second, *rest = json.loads(out)["products"][0]["sprints"]
        assert len(rest) == 28 and code == 0
        assert first["done"] and first["rows"] == {"orders": 252, "questions": 252}
        assert first["metrics"]["naive"]["roc_auc"] == 0.612 and first["champion"] == "m0123456789"
        assert not second["done"] and second["rules"]["not_passing"] == ["DQ101"]
        assert {
            "sprint", "start", "end", "rows", "done", "rules", "champion", "trained", "metrics", "drift",
            "decision", "why",
        } <= set(first)  # fmt: skip

    def test_one_sprint_is_shown_with_every_reason(self, run, clone, home, monkeypatch):
        create_product("bakery", clone)
        from sprintline.mechanisms.rules import rulebook

        needs = (Need("DQ101", "orders"), Need("ML402", "candidate"))
        monkeypatch.setattr(rulebook, "definition_of_done", lambda runtime, sprint: needs)
        self.record(home, clone)
        shown = run("status", "bakery", "2026-S02")
        assert shown == run("status", "2026-S02") == run("status", "2026-s02") and shown[0] == 0
        out = " ".join(shown[1].split())
        assert out.startswith("2026-S02 Bakery (bakery) state closed") and "2026-S01" not in out
        assert "missing DQ101 on orders: fail: 252 rows hold ML402 on candidate: no verdict" in out
        assert "rows orders 252 questions 252" in out and "promote (trained: new_data): it is better" in out
        first = " ".join(run("status", "2026-S01")[1].split())
        assert "ROC-AUC 0.731 0.612 0.700" in first and "drift none: 1 of 9 features moved" in first

        code, out, _ = run("status", "bakery", "2026-S01", "--json")
        products = json.loads(out)["products"]
        assert code == 0 and products == json.loads(run("status", "2026-S01", "--json")[1])["products"]
        (product,) = products
        (sprint,) = product["sprints"]
        assert product["product"] == "bakery" and sprint["sprint"] == "2026-S01"
        assert sprint["drift_why"] == "1 of 9 features moved" and sprint["why"] == "it is better"

    def test_a_sprint_that_is_not_planned_names_those_near_it(self, run, clone):
        create_product("bakery", clone)
        for call in (("2026-S031",), ("bakery", "2026-S031"), ("2026-S031", "--json")):
            code, out, err = run("status", *call)
            assert (code, out) == (2, "") and len(err.splitlines()) == 1
            assert err.startswith("sprintline: there is no sprint 2026-S031 in the plan; did you mean 2026-S")
            assert "planned sprints: bakery 2026-S01 to 2026-S30" in err
        assert "did you mean" not in run("status", "bakery", "summer")[2]

    def test_a_sprint_is_shown_of_the_products_that_plan_it(self, run, clone):
        create_product("bakery", clone)
        create_product("florist", clone)
        file = clone / "platform/products/florist/defs.yaml"
        file.write_text(file.read_text().replace("length_days: 7", "length_days: 14"))
        code, out, err = run("status", "2026-S30")
        assert (code, err) == (0, "") and "(bakery)" in out and "(florist)" not in out
        file.write_text(file.read_text().replace("length_days: 14", "length_days: no"))
        code, out, err = run("status", "2026-S30")
        assert code == 1 and "(bakery)" in out and err.startswith("sprintline: florist does not load")

    @staticmethod
    def record(home, clone):
        home.root.mkdir(parents=True)
        records = Records(home.records_url)
        spec = parse_product((clone / "platform/products/bakery/defs.yaml").read_text(), "defs.yaml")
        first, second = Calendar.from_spec(spec.calendar).keys[:2]
        good = Verdict(
            "bakery", first, "DQ101", "orders", Outcome.PASS, Severity.ERROR, "252 rows hold", "o1"
        )
        for sprint in (first, second):
            records.measure("bakery", sprint, "orders", "o1", {"rows": 252})
            records.measure("bakery", sprint, "questions", "q1", {"rows": 252})
            other = replace(good, scope=sprint, code="DQ201", asset="questions", data_version="q1")
            outcome = Outcome.PASS if sprint == first else Outcome.FAIL
            records.record_verdicts([replace(good, scope=sprint, outcome=outcome), other])
            records.append(
                DECISION, "bakery", sprint, "test", key=sprint,
                body=body(DECISION, trigger="new_data", decision="promote", why="it is better", candidate="m2"),
            )  # fmt: skip
            records.append(CLOSED, "bakery", sprint, "test", body=body(CLOSED, done=sprint == first), key="1")
        three = {"roc_auc": 0.731, "average_precision": 0.48, "brier": 0.14}
        metrics = {**three, "naive": {**three, "roc_auc": 0.612}, "twin": {**three, "roc_auc": 0.7}}
        records.measure(
            "bakery",
            first,
            "scores",
            "s1",
            {"champion": "m0123456789", "positive_rate": 0.25, "metrics": metrics},
        )
        records.measure("bakery", first, "drift", "d1", {"state": "none", "why": "1 of 9 features moved"})
        records.close()


class TestCheck:
    def test_a_new_product_is_sound(self, run, clone):
        create_product("bakery", clone)
        assert run("check") == (0, "bakery: sound\n", "")

    def test_every_mistake_is_told_with_its_line(self, run, clone):
        create_product("bakery", clone)
        product = clone / "platform/products/bakery"
        (clone / "workspace.yaml").write_text("load_from: []\n")
        (product / "sources.py").write_text("def orders(frame):\n    return (frame\n")
        contract = product / "contracts/orders.yaml"
        contract.write_text(contract.read_text().replace("logicalType: number", "logicalType: numbr"))
        line = next(i for i, text in enumerate(contract.read_text().splitlines(), 1) if "numbr" in text)
        (clone / "dbt_project/models/bakery/marts/outcomes.sql").unlink()
        (clone / "feature_repo/bakery/courier_delays.sql").unlink()
        code, out, err = run("check", "bakery")
        assert (code, err) == (1, "")
        told = out.splitlines()
        assert told[-1] == "5 mistakes in bakery"
        assert any(one.startswith("platform/products/bakery/sources.py:2: ") for one in told)
        assert any(one.startswith(f"platform/products/bakery/contracts/orders.yaml:{line}: ") for one in told)
        assert any(
            one.startswith("dbt_project/models/bakery/marts/outcomes.sql:1: is missing") for one in told
        )
        assert any(one.startswith("feature_repo/bakery/courier_delays.sql:1: is missing") for one in told)
        assert any("workspace.yaml:1: does not name products.bakery.definitions" in one for one in told)

    @pytest.mark.parametrize(
        ("file", "old", "new", "said"),
        [
            (DEFS, "name: bakery", "name: bakrey", 'attributes.name: "bakrey" is not the name of the folder'),
            (DEFS, "  sources:", "  rules:\n    DQ999: {severity: warn}\n  sources:", "no rule DQ999"),
            (DEFS, "views: [courier_delays]", "views: [couriers]", "couriers.sql:1: is missing"),
            (DEFS, "bakery_v1", "bakery_v2", "no feature service 'bakery_v2'"),
            (ORDERS, "property: eventAt", "property: happenedAt", "write orders(frame)"),
            (VIEWS, "timedelta(hours=6)", "timedelta(hours=6", VIEWS),
        ],
    )
    def test_mistakes_between_files_are_found_too(self, run, clone, file, old, new, said):
        create_product("bakery", clone)
        path = clone / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))
        code, out, _ = run("check")
        assert code == 1 and said in out


class TestNew:
    def test_says_what_it_made_and_what_comes_next(self, run, clone):
        code, out, err = run("new", "bakery")
        assert (code, err) == (0, "")
        assert (
            "platform/products/bakery/defs.yaml" in out
            and "workspace.yaml (line 2: its code location)" in out
        )
        for following in ("sprintline check bakery", "sprintline replay bakery", "sprintline ui"):
            assert following in out

    def test_a_name_that_cannot_be_is_one_sentence(self, run, clone):
        code, out, err = run("new", "My-Shop")
        assert (code, out) == (2, "") and err.startswith('sprintline: "My-Shop" is not a product name')
        assert len(err.splitlines()) == 1


class TestInit:
    def test_a_folder_that_cannot_be_written_is_one_sentence(self, run, home):
        home.root.parent.mkdir(parents=True, exist_ok=True)
        home.root.write_text("a file where the folder should be")
        code, out, err = run("init")
        assert (code, out) == (1, "") and "cannot be written" in err and len(err.splitlines()) == 1


class TestLedger:
    def test_without_one_it_says_so(self, run, home):
        code, out, _ = run("ledger", "verify")
        assert code == 0 and "There is no ledger yet" in out and not home.root.exists()

    def test_one_that_holds(self, run, home):
        home.root.mkdir(parents=True)
        records = Records(home.records_url)
        records.append(NOTE, "p", "2013-S01", "test", note())
        records.close()
        code, out, _ = run("ledger", "verify")
        assert code == 0 and out.startswith("The ledger is intact and matches its head file: 1 events")
        assert json.loads(run("ledger", "verify", "--json")[1])["ok"] is True

    def test_one_that_was_tampered_with(self, run, home):
        import sqlite3

        home.root.mkdir(parents=True)
        records = Records(home.records_url)
        for number in range(3):
            records.append(NOTE, "p", "2013-S01", "test", note(number))
        records.close()
        with sqlite3.connect(home.root / "records.db") as database:
            table = next(
                name for (name,) in database.execute("select name from sqlite_master where type = 'table'")
                if {"seq", "prev", "hash"} <= {row[1] for row in database.execute(f"pragma table_info({name})")}
            )  # fmt: skip
            for (trigger,) in database.execute(
                "select name from sqlite_master where type = 'trigger'"
            ).fetchall():
                database.execute(f"drop trigger {trigger}")
            database.execute(f"update {table} set actor = 'somebody' where seq = 2")
        code, out, err = run("ledger", "verify")
        assert code == 1 and out == "" and "is broken at event 2" in err
        code, out, _ = run("ledger", "verify", "--json")
        assert code == 1 and json.loads(out)["broken"]["seq"] == 2


class TestUi:
    def test_a_taken_port_is_one_sentence(self, run):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            code, out, err = run("ui", "--port", str(port))
        assert (code, out) == (1, "")
        assert err.startswith(f"sprintline: port {port} on 127.0.0.1 cannot be used") and "--port" in err

    @pytest.fixture
    def begun(self, home, monkeypatch):
        """What `sprintline ui` did, in its order; no process is started."""
        done = []
        monkeypatch.setattr("sprintline.hosting.instance.prepare", lambda home: done.append("prepare"))
        monkeypatch.setattr(starts, "end_left", lambda home, told: done.append("end what was left"))

        @contextlib.contextmanager
        def platform(home, where, folder, asked, ports):
            done.append((where, ports, starts.open_ui(home), list(folder.iterdir())))
            yield SimpleNamespace(
                start=SimpleNamespace(ports=ports, folder=folder), check=lambda: sys.exit(0)
            )

        monkeypatch.setattr(starts, "platform", platform)
        return done

    def test_starts_the_table_on_this_state_and_says_where(self, run, home, clone, begun):
        code, out, _ = run("ui", "--port", "0")
        assert code == 0 and begun[:2] == ["end what was left", "prepare"]
        where, ports, opened, files = begun[2]
        assert where == "ui" and list(ports) == ["webserver"] and ports["webserver"] > 0
        assert f"http://127.0.0.1:{ports['webserver']}" in out and str(home.root) in out
        assert opened is not None, "a replay must find the open UI and leave the sensors to its daemon"
        assert {file.name for file in files} == {"owner", "code.json"}
        assert starts.open_ui(home) is None

    def test_a_second_one_on_the_same_state_is_refused(self, run, home, clone, begun):
        with starts.mark(home, "ui"):
            code, _, err = run("ui", "--port", "0")
        assert code == 1 and f"is open on {home.root} already (process {os.getpid()})" in err and not begun

    def test_a_process_that_no_table_lists_is_refused(self, run, home, clone, begun):
        code, _, err = run("ui", "--port", "0", "--with", "oven")
        assert code == 1 and "--with oven: there is no such process" in err and not begun

    def test_without_processes_it_says_so(self, run, home):
        assert run("processes")[1].startswith(f"No process runs on {home.root}")
        assert json.loads(run("processes", "--json")[1]) == {"home": str(home.root), "starts": [], "left": []}


class TestErrors:
    def test_wrong_usage_ends_with_two(self, run):
        assert run("bogus")[0] == 2
        assert run("ui", "--port", "99999")[0] == 2

    def test_the_unexpected_is_one_sentence_with_its_place(self, run, monkeypatch):
        monkeypatch.setattr("sprintline.product.folders.chosen_folders", lambda *_: 1 / 0)
        code, out, err = run("check")
        assert (code, out) == (1, "") and len(err.splitlines()) == 1
        assert "test_cli.py" in err and "ZeroDivisionError: division by zero" in err

    def test_a_traceback_is_shown_when_asked_for(self, home, monkeypatch):
        monkeypatch.setenv("SPRINTLINE_DEBUG", "1")
        monkeypatch.setattr(sys, "argv", ["sprintline", "check"])
        monkeypatch.setattr("sprintline.product.folders.chosen_folders", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            command.main()

    def test_a_replay_without_a_product_says_what_to_do(self, run, clone):
        code, _, err = run("replay")
        assert code == 1 and "sprintline new PRODUCT" in err
