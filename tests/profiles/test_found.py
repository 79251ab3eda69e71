"""Relations of the closed sprints are listed, and the team's answer is kept in the contract, its layout unchanged."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from tests.ledger_events import body

from sprintline.base import settings
from sprintline.base.errors import Refusal
from sprintline.cli.main import cli
from sprintline.lake.tables import Lake
from sprintline.landing.odcs import Contracts
from sprintline.product.checked import Checked
from sprintline.product.events import CLOSED
from sprintline.product.runtime import Runtime, load_runtime
from sprintline.profiles import found
from sprintline.profiles.found import LOOKS_BACK, Found, allowed_of, closed_sprints, found_in
from sprintline.profiles.mistakes import CHECKS
from sprintline.profiles.relations import Relation, Violations
from sprintline.scaffold import sample
from sprintline.scaffold.create import create_product

ORDER = "deliveries: order(placed_at, delivered_at)"
BACK = "orders: keys in(order_id) / deliveries(order_id)"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with the scaffolded product, and its state: the rows of seven closed sprints and an open one."""
    place = tmp_path_factory.mktemp("made")
    root, home = place / "clone", settings.Home(place / "state")
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (root / folder).mkdir(parents=True)
    (root / "platform/products/__init__.py").touch()
    (root / "workspace.yaml").write_text("load_from: []\n")
    create_product("parcels", root)
    loaded = load_runtime(root / "platform/products/parcels", home)
    for text, source in ((sample.orders_csv, "orders"), (sample.deliveries_csv, "deliveries")):
        rows = pd.read_csv(io.StringIO(text(sample.seed_of("parcels"))))
        for name in {"placed_at", "delivered_at"} & set(rows):
            rows[name] = pd.to_datetime(rows[name], utc=True).astype("datetime64[us, UTC]")
        rows = rows.assign(event_at=rows["placed_at"], known_at=rows.get("delivered_at", rows["placed_at"]))
        for window in loaded.calendar.sprints[: sample.SPRINTS]:
            part = rows[(rows["event_at"] >= window.start) & (rows["event_at"] < window.end)]
            loaded[Lake].write(loaded.table(source), window.key, part, ["order_id"])
    for key in loaded.calendar.keys[:7]:
        said = body(CLOSED, files={}, done=True, version="v")
        loaded.records.append(CLOSED, "parcels", key, "test", said)
    return place


@pytest.fixture
def runtime(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """The product in a clone and a state folder of the test's own."""
    shutil.copytree(made, tmp_path / "made")
    root, home = tmp_path / "made" / "clone", settings.Home(tmp_path / "made" / "state")
    monkeypatch.setattr(settings, "ROOT", root)
    monkeypatch.setattr(settings, "home", lambda: home)
    return load_runtime(root / "platform/products/parcels", home)


def again(runtime: Runtime) -> Runtime:
    return load_runtime(runtime.folder, runtime.home)


def contract_text(runtime: Runtime, source: str = "deliveries") -> str:
    return (runtime.folder / f"contracts/{source}.yaml").read_text()


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner(env={"COLUMNS": "150"}).invoke(cli, ["relations", *arguments], standalone_mode=False)
    code = getattr(done.exception, "exit_code", 1) if done.exception else 0
    return code, done.output + (getattr(done.exception, "message", "") or "")


def without_relations(runtime: Runtime) -> Runtime:
    """The product with a contract that states no relation."""
    file = runtime.folder / "contracts/deliveries.yaml"
    file.write_text(
        re.sub(r"      # What columns.*?(?=    properties:)", "", file.read_text(), flags=re.DOTALL)
    )
    return again(runtime)


def test_the_last_six_closed_sprints_are_read(runtime):
    assert closed_sprints(runtime) == list(runtime.calendar.keys[1:7])
    assert len(closed_sprints(runtime)) == LOOKS_BACK


def test_the_sample_has_its_accepted_relations_and_one_more_that_often_holds(runtime):
    rows = found_in(runtime, closed_sprints(runtime))
    by_key = {one.relation.key: one for one in rows}
    assert set(by_key) == {
        ORDER, BACK, "deliveries: keys in(order_id) / orders(order_id)",
        "deliveries: same value(placed_at, order_id) / orders(placed_at, order_id)",
    }  # fmt: skip
    assert {key for key, one in by_key.items() if one.answer == "accepted"} == set(by_key) - {BACK}
    assert all((one.held, one.compared) == (6, 6) for key, one in by_key.items() if key != BACK)
    assert rows[-1].relation.key == BACK and rows[-1].held < 6


def test_the_list_shows_sentences_and_json_the_keys(runtime):
    code, out = run("parcels")
    assert code == 0
    assert "in deliveries, placed_at is at most delivered_at" in out
    assert re.search(r"6 of 6 +0\.00%", out)
    code, out = run("parcels", "--json")
    listed = json.loads(out)
    assert listed["sprints"] == closed_sprints(runtime)
    assert ORDER in {one["relation"] for one in listed["relations"]}


def test_accepting_writes_the_contract_and_changes_nothing_else_in_it(runtime):
    bare = without_relations(runtime)
    before = contract_text(bare)
    code, out = run("parcels", "--accept", ORDER)
    assert code == 0, out
    after = contract_text(bare)
    added = [line for line in after.splitlines() if line not in before.splitlines()]
    assert "".join(after.splitlines()) != "".join(before.splitlines())
    assert [line.strip() for line in added] == [
        "- type: custom", "engine: sprintline", "implementation:", "relation: order(placed_at, delivered_at)",
        "allowed: 0.005", "dimension: consistency",
        "description: In deliveries, placed_at is at most delivered_at.",
    ]  # fmt: skip
    assert [line for line in after.splitlines() if line not in added] == before.splitlines()
    line = after.splitlines().index("      - type: custom") + 1
    assert f"platform/products/parcels/contracts/deliveries.yaml:{line}" in out
    stated = again(runtime)[Contracts]["deliveries"].relations
    assert [(one.relation.text, one.allowed) for one in stated] == [("order(placed_at, delivered_at)", 0.005)]


def test_a_number_is_that_of_the_list(runtime):
    bare = without_relations(runtime)
    first = found_in(bare, closed_sprints(bare))[0].relation
    assert run("parcels", "--accept", "1")[0] == 0
    assert again(bare)[Contracts][first.source].relations[0].relation.text == first.text


def test_accepting_twice_is_refused_with_the_line(runtime):
    before = contract_text(runtime)
    code, out = run("parcels", "--accept", ORDER)
    assert code != 0
    line = next(n for n, text in enumerate(before.splitlines(), 1) if "order(placed_at" in text) - 3
    assert f"it is accepted already: platform/products/parcels/contracts/deliveries.yaml:{line}" in out
    assert contract_text(runtime) == before


def test_rejecting_is_kept_and_refuses_accepting(runtime):
    code, out = run("parcels", "--reject", BACK)
    assert code == 0, out
    assert again(runtime)[Contracts]["orders"].rejected_relations == (Relation.of(BACK).text,)
    assert (
        next(
            one for one in found_in(again(runtime), closed_sprints(runtime)) if one.relation.key == BACK
        ).answer
        == "rejected"
    )
    code, out = run("parcels", "--accept", BACK)
    assert code != 0 and "it is rejected already" in out
    other = Found(Relation.of("orders: order(placed_at, placed_at2)"), {}, "", 0.005)
    found.reject(again(runtime), other)
    assert len(again(runtime)[Contracts]["orders"].rejected_relations) == 2


def test_an_accepted_relation_that_did_not_always_hold_comes_with_a_warning(runtime):
    code, out = run("parcels", "--accept", BACK)
    assert code == 0
    assert re.search(r"Mind: it held in \d of 6 sprints, and \d\.\d% of the rows may violate it", out)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("99", "there is no relation 99: the list has 4"),
        ("orders: order(order_id, placed_at)", "was not found in these sprints"),
        ("order(placed_at, delivered_at)", "names no source"),
        ("deliveries: oder(placed_at, delivered_at)", "did you mean `order`?"),
    ],
)
def test_what_is_not_in_the_list_is_refused(runtime, asked, expected):
    before = contract_text(runtime)
    code, out = run("parcels", "--accept", asked)
    assert code != 0 and expected in out
    assert contract_text(runtime) == before


def test_before_the_first_closing_it_says_what_to_do(runtime, monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "home", lambda: settings.Home(tmp_path / "other"))
    code, out = run("parcels")
    assert code != 0 and "run  sprintline replay parcels" in out
    assert not (tmp_path / "other").exists()


def test_a_list_on_one_line_is_left_to_its_owner(runtime):
    bare = without_relations(runtime)
    file = bare.folder / "contracts/deliveries.yaml"
    inline = re.sub(
        r"    quality:\n.*?(?=    properties:)", "    quality: []\n", file.read_text(), flags=re.DOTALL
    )
    file.write_text(inline)
    code, out = run("parcels", "--accept", ORDER)
    assert code != 0
    assert "or add this to it by hand:\n- type: custom" in out
    assert file.read_text() == inline


def test_a_contract_without_quality_gets_the_list(runtime):
    bare = without_relations(runtime)
    file = bare.folder / "contracts/deliveries.yaml"
    file.write_text(re.sub(r"    quality:\n.*?(?=    properties:)", "", file.read_text(), flags=re.DOTALL))
    assert run("parcels", "--accept", ORDER)[0] == 0
    assert len(again(bare)[Contracts]["deliveries"].relations) == 1


def test_a_relation_of_a_published_source_belongs_to_its_publisher(runtime):
    one = Found(Relation.of("rota: order(a, b)"), {}, "", 0.005)
    with pytest.raises(Refusal, match="accept order\\(a, b\\) in the product that publishes it"):
        found.accept(runtime, one)


@pytest.mark.parametrize(
    ("shares", "rows", "expected"),
    [
        ([0, 0], 13_000, 0.005),
        ([0.004, 0.0], 13_000, 0.012),
        ([0.0], 100, 0.02),
        ([0.19], 9_000, 0.2),
        ([], 0, 0.005),
    ],
)
def test_what_is_allowed_follows_the_history(shares, rows, expected):
    measured = [Violations(Relation.of(ORDER), rows, round(share * rows)) for share in shares]
    assert allowed_of(measured) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("/ orders(order_id)", "/ order(order_id)"), "there is no source order; did you mean `orders`?"),
        (
            ("/ orders(order_id)", "/ orders(oder_id)"),
            "orders has no column oder_id; did you mean `order_id`?",
        ),
    ],
)
def test_check_reports_a_mistake_with_its_line(runtime, change, expected):
    file = runtime.folder / "contracts/deliveries.yaml"
    assert not list(CHECKS[0].find(Checked(runtime.folder, settings.ROOT, runtime.home, runtime.spec)))
    file.write_text(file.read_text().replace(*change))
    (line,) = CHECKS[0].find(Checked(runtime.folder, settings.ROOT, runtime.home, runtime.spec))
    assert expected in line
    place, number = line.split(":")[:2]
    assert place == "platform/products/parcels/contracts/deliveries.yaml"
    assert file.read_text().splitlines()[int(number)].strip() == "relation: keys in(order_id) " + change[1]


def test_check_reports_the_mistakes_of_contracts_it_can_read_only(runtime):
    (runtime.folder / "contracts/orders.yaml").write_text("{")
    product = Checked(runtime.folder, settings.ROOT, runtime.home, runtime.spec)
    assert not list(CHECKS[0].find(product))  # that orders.yaml is no YAML is reported with the contract
