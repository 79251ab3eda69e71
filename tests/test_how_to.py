"""The how-to pages are true: what they show runs and does what they say."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

from sprintline.base.settings import ROOT, Home
from sprintline.hosting.processes import PROCESSES
from sprintline.landing.declared_relations import ALLOWED, KINDS, Relation, is_relation, read_relation
from sprintline.learning.boosters import stops_early
from sprintline.learning.exporters import reviewed_types
from sprintline.learning.metric_names import METRICS
from sprintline.learning.recipes import Inputs, Recipe, RecipeError
from sprintline.learning.tasks import task_named, tasks
from sprintline.learning.trial import objections
from sprintline.mechanisms.declaration.declarations import declarations
from sprintline.mechanisms.declaration.located_yaml import DeclarationError
from sprintline.mechanisms.process_table import Start, planned
from sprintline.mechanisms.reports.document import Document
from sprintline.mechanisms.reports.render import markdown, page
from sprintline.mechanisms.reports.report import reports
from sprintline.mechanisms.rules.faults import Fault
from sprintline.mechanisms.rules.gates import Need, decide, waivers_of
from sprintline.mechanisms.rules.registry import all_rules
from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict
from sprintline.product.spec import RuleOverride
from sprintline.profiles.found import LOOKS_BACK
from sprintline.profiles.relation_rules import LEAST_ROWS


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / "how-to" / page).read_text(encoding="utf-8")
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", text, flags=re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", body, flags=re.MULTILINE) for indent, body in found]


def test_the_rule_that_is_added_judges_as_told():
    rule_block, fault_block, _ = blocks("add-a-rule.md", "python")
    names: dict[str, Any] = {"timedelta": timedelta}
    exec(compile(rule_block, "add-a-rule.md", "exec"), names)
    exec(compile(fault_block, "add-a-rule.md", "exec"), names)
    rule, fault = names["RULE"], names["FAULT"]
    assert rule.code not in all_rules(), "the page's example is a rule by now: take another"
    assert (rule.severity, rule.why != "", rule.done) == (Severity.WARN, True, True)
    assert rule({"hours_late": 48}).outcome is Outcome.PASS
    assert (
        rule({"hours_late": 49}).sentence == "the file landed 49 hours after the sprint's end; 48 are allowed"
    )
    assert rule({"hours_late": 49}).outcome is Outcome.FAIL and rule({}).outcome is Outcome.INSUFFICIENT
    assert isinstance(fault, Fault) and fault.code == rule.code


def test_the_declaration_that_is_added_is_read_as_told():
    names: dict[str, Any] = {"__name__": "added"}
    spec_block, rule_block = blocks("add-a-declaration.md", "python")
    exec(compile(spec_block, "add-a-declaration.md", "exec", dont_inherit=True), names)
    exec(compile(rule_block, "add-a-declaration.md", "exec", dont_inherit=True), names)
    (declaration,), rule = names["DECLARATIONS"], names["RULE"]
    assert declaration.file not in {one.file for one in declarations()}, (
        "the page's example exists: take another"
    )
    (team,) = blocks("add-a-declaration.md", "yaml")
    (told,) = blocks("add-a-declaration.md", "text")
    known = {"sprints": [f"2026-S{number:02}" for number in range(1, 31)]}
    with pytest.raises(DeclarationError) as refused:
        declaration.read(team, "platform/products/parcels/plan.yaml", known)
    assert str(refused.value) == told.strip()
    example = declaration.example_for(known["sprints"])
    (goal,) = declaration.read(example, "plan.yaml", known).goals
    assert (goal.sprint, goal.goal, goal.points) == ("2026-S01", "fewer late parcels", 5)
    assert rule({"goals": 0}).outcome is Outcome.FAIL and rule({"goals": 1}).outcome is Outcome.PASS
    assert [rule.applies(SimpleNamespace(declares=lambda spec, has=has: has)) for has in (True, False)] == [
        True,
        False,
    ]


def test_the_relation_that_is_shown_is_read_and_every_kind_is_listed():
    (block,) = blocks("accept-a-relation.md", "yaml")
    (rule,) = yaml.safe_load(block)["quality"]
    stated = read_relation(rule["implementation"])
    assert is_relation(rule)
    assert stated.relation.sentence == "dep_delay is dep_time minus sched_dep_time (clocks HHMM) in minutes"
    text = (ROOT / "docs" / "how-to" / "accept-a-relation.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(.+?)` \| ", text, flags=re.MULTILINE)
    assert [Relation.from_text(one).kind for one in listed] == list(KINDS)
    assert f"by default {ALLOWED:g}" in text
    assert f"Fewer than {LEAST_ROWS} rows" in text
    assert f"last {['', 'one', 'two', 'three', 'four', 'five', 'six'][LOOKS_BACK]} closed sprints" in text


def test_the_waiver_that_is_shown_opens_the_gate_until_its_last_day():
    (block,) = blocks("waive-a-rule.md", "yaml")
    declared = {code: RuleOverride(**body) for code, body in yaml.safe_load(block)["rules"].items()}
    failing = Verdict(
        "p", "2013-S14", "FT303", "question_features", Outcome.FAIL, Severity.WARN, "84 %", "v1"
    )

    def asked(now: datetime, version: str = "v1") -> bool:
        return decide(
            "done", [Need("FT303", "question_features")], [failing], {"question_features": version},
            waivers_of(declared), now,
        ).open  # fmt: skip

    last = datetime(2013, 8, 1, 23, tzinfo=UTC)
    assert asked(last) and not asked(last + timedelta(hours=1)) and not asked(last, "v2")


def test_the_process_that_is_added_is_planned_behind_what_it_waits_for(tmp_path):
    (block,) = blocks("add-a-process.md", "python")
    names: dict[str, Any] = {}
    exec(compile(block, "add-a-process.md", "exec"), names)
    (added,) = names["PROCESSES"]
    table = (added, *PROCESSES)
    start = Start(Home(tmp_path), "ui", tmp_path, tmp_path, {"catalog": 4711}, frozenset({"catalog"}))
    assert names_of(planned(table, start)) == ["daemon", "catalog", "webserver"]
    assert added.command(start)[1:] == ["-m", "http.server", "4711", "--bind", "127.0.0.1"]
    assert names_of(planned(table, replace(start, asked=frozenset()))) == ["daemon", "webserver"]


def names_of(plan) -> list[str]:
    """Without the code servers, of which there is one per product."""
    return [one.name for one in plan if one.group != "code-server"]


def test_the_report_that_is_added_shows_what_was_measured(flights):
    (block,) = blocks("add-a-report.md", "python")
    names: dict[str, Any] = {}
    exec(compile(block, "add-a-report.md", "exec"), names)
    (report,) = names["REPORTS"]
    assert report.name not in reports(), "the page's example is a report by now: take another"
    assert report.gather(flights, None) is None
    for sprint, rows in (("2013-S01", 1000), ("2013-S02", 1500)):
        flights.measure("questions", sprint, "v", {"rows": rows})
    document = report.gather(flights, None)
    text, html = markdown(document), page(report, {"flight_delays": document})
    for value in ("1,000", "1,500", "2,500"):
        assert value in text and value in html
    assert Document.from_dict(document.as_dict()) == document


def _small_recipe(build: Any, exporter: Any = None) -> Recipe:
    return Recipe(Inputs(("age", "income"), ("town",)), build, build, ("town",), "added", exporter=exporter)


def test_the_library_that_is_added_is_served_exactly():
    build, *_ = blocks("add-a-library.md", "python")
    names: dict[str, Any] = {"Any": Any}
    exec(compile(build, "add-a-library.md", "exec"), names)
    assert objections(_small_recipe(names["build"])) == []
    assert stops_early(names["build"](1)[-1])


def test_the_step_that_is_added_is_served_exactly_by_its_own_exporter_and_by_no_other(monkeypatch):
    _, step, exporter = blocks("add-a-library.md", "python")
    modules = {}
    for name in ("products.parcels", "products.parcels.steps", "products.parcels.exporters"):
        modules[name] = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, modules[name])
    exec(compile(step, "steps.py", "exec"), vars(modules["products.parcels.steps"]))
    own = modules["products.parcels.exporters"]
    exec(compile(exporter, "exporters.py", "exec"), vars(own))
    log = modules["products.parcels.steps"].Log

    def build(seed: int) -> Any:
        codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        head = ColumnTransformer([("log", log(), ["age", "income"]), ("codes", codes, ["town"])])
        return Pipeline([("columns", head), ("trees", RandomForestClassifier(10, random_state=seed))])

    assert objections(_small_recipe(build, own)) == []
    assert own.TYPES[0] in reviewed_types(own) and own.TYPES[0] not in reviewed_types()
    found = objections(_small_recipe(build))
    assert "step columns.log, Log: it is of products, which has no exporter" in found[0].text
    own.TYPES = ()
    assert (
        "contains products.parcels.steps.Log, which may not be loaded"
        in objections(_small_recipe(build, own))[0].text
    )
    own.LIBRARY = "sklearn"
    with pytest.raises(RecipeError, match="is for sklearn, which has one"):
        objections(_small_recipe(build, own))
    with pytest.raises(RecipeError, match="does not have LIBRARY, TYPES, refuse, export"):
        objections(_small_recipe(build, SimpleNamespace()))


def test_the_recipe_of_quantiles_is_served_and_the_page_names_every_task():
    (recipe_block,) = blocks("choose-a-task.md", "python")
    names: dict[str, Any] = {}
    exec(compile(recipe_block, "choose-a-task.md", "exec"), names)
    for text in blocks("choose-a-task.md", "yaml"):
        model = yaml.safe_load(text)["model"]
        task = task_named(model.pop("task"), model)
        if task.name == "quantile":
            assert objections(names["recipe"](), task=task) == []
    page = (ROOT / "docs" / "how-to" / "choose-a-task.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| .*?\| ([^|]+) \| [^|]+ \|$", page, flags=re.MULTILINE))
    assert rows.keys() == tasks().keys()
    for name, decides in rows.items():
        assert METRICS[tasks()[name].decides].title == decides, name
