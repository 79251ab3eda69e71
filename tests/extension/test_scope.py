"""A rule on a new kind of asset, judged for grants instead of sprints, comes with a package: new files only."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from tests.conftest import CLONE

FILES = {
    "__init__.py": "",
    "access/__init__.py": "",
    "access/evidence.py": '''
"""Who holds a grant: read from the product's declaration at the moment of judging."""
from sprintline.base.hashing import text_hash
from sprintline.mechanisms.rules.kinds import NOTHING, AssetKind, NoFacts
from sprintline.product.runtime import load_runtime


def holders(runtime):
    return {"owner": load_runtime(runtime.folder, runtime.home).owner}


def gather(runtime, asset, grant):
    holder = holders(runtime).get(grant)
    return NOTHING if holder is None else ({"holder": holder}, text_hash(holder))


def versions(runtime, grant, measured):
    return {asset: gather(runtime, asset, grant)[1] or None for asset in measured}


KINDS = (
    AssetKind(
        name="grant", scope="grant", reads="the holder that defs.yaml names", assets=lambda runtime: ("grants",),
        facts=NoFacts, gather=gather, versions=versions,
    ),
)
''',
    "access/rules.py": """
from sprintline.mechanisms.rules.verdicts import Rule, failed, need, passed


def has_an_address(evidence, line):
    holder = need(evidence, "holder")
    return passed(f"held by {holder}") if "@" in holder else failed(f"{holder} is not an address")


RULES = (
    Rule(
        code="AC901", name="has_a_holder_with_an_address", judges="grant", practice="11.1", judge=has_an_address,
        remedy="name the address of the person who holds the grant", gates=("access", "done"),
        why="Nobody can be asked about a grant that has no holder.",
    ),
)
""",
    "access/faults.py": """
from sprintline.mechanisms.rules.faults import LANDED, Fault
from sprintline.mechanisms.rules.scope import Scope


def nameless(sandbox):
    sandbox.edit("platform/products/{product}/defs.yaml", ("    owner: ", "    owner: nobody # "))


FAULTS = (
    Fault("AC901", "a holder without an address", "defs.yaml", "grants", nameless, state=LANDED,
          scope=Scope("grant", "owner")),
)
""",
}

DRIVER = """
import json, sys
from pathlib import Path
from sprintline.base.settings import home
from sprintline.faults import sandbox, worker
from sprintline.faults.catalogue import faults_of
from sprintline.mechanisms.rules.faults import PRODUCT
from sprintline.mechanisms.rules.run_rules import judge_asset
from sprintline.mechanisms.rules.rulebook import ask, definition_of_done, needs_of_gate
from sprintline.mechanisms.rules.scope import Scope
from sprintline.product.runtime import load_runtime
from sprintline.warehouse.dbt import Warehouse

sandbox.ROOT = Path(sys.argv[1])
Warehouse.manifest = {"nodes": {}}  # the product is only declared
folder = sandbox.ROOT / "platform" / "products" / PRODUCT
runtime, grant, said = load_runtime(folder, home()), Scope("grant", "owner"), {}

def gate(name="access", scope=grant):
    answer = ask(runtime, name, scope)
    return [answer.open, list(answer.reasons)]

said["sprint"] = [str(one) for one in definition_of_done(runtime, "2013-S01") if one.code == "AC901"]
said["grant"] = [str(one) for one in needs_of_gate(runtime, "access", grant)]
said["unjudged"] = gate()
judge_asset(runtime, "grant", "grants", grant)
said["unmeasured"] = gate()
runtime.measure("grants", grant, "any", {})
said["judged"] = gate()
said["other grant"] = gate(scope=Scope("grant", "other"))
said["other scope"] = gate(scope=Scope("release", "owner"))
said["as a sprint"] = gate(scope="owner")
said["other gate"] = gate("promotion")
try:
    judge_asset(runtime, "grant", "grants", "2013-S01")
except ValueError as error:
    said["wrong scope"] = str(error)
(fault,) = faults_of("AC901")
case = worker.Case.of(fault)
said["clean"] = worker._of(worker.materialized(case, None), case)
said["planted"] = worker._of(worker.materialized(case, fault), case)
said["after"] = gate()
said["sprints"] = [len(runtime.records.verdicts(PRODUCT)), len(runtime.records.verdicts(PRODUCT, "owner"))]
said["grants"] = [[str(one.scope), str(one.outcome)] for one in runtime.records.verdicts(PRODUCT, grant)]
file = folder / "defs.yaml"
file.write_text(file.read_text().replace("owner: nobody #", "owner: someone@example.org #"))
said["stale"] = gate()
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A package of one practice, and a product it is not written for."""
    folder = tmp_path_factory.mktemp("extension")
    for name, text in FILES.items():
        file = folder / "path" / "trust_ext" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    shutil.copytree(CLONE / "platform/products/flight_delays", folder / "clone/platform/products/trial")
    defs = folder / "clone/platform/products/trial/defs.yaml"
    defs.write_text(defs.read_text().replace("name: flight_delays", "name: trial"))
    return folder


@pytest.fixture(scope="module")
def run(place):
    def call(*words):
        env = os.environ | {
            "SPRINTLINE_EXTENSIONS": "trust_ext",
            "PYTHONPATH": str(place / "path"),
            "SPRINTLINE_HOME": str(place / "state"),
        }
        done = subprocess.run([sys.executable, *words], env=env, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


@pytest.fixture(scope="module")
def said(run, place):
    return json.loads(run("-c", DRIVER, str(place / "clone")).splitlines()[-1])


COMMAND = "import sys; from sprintline.cli.main import main; sys.exit(main())"


def test_the_commands_know_the_rule_and_its_fault(run):
    (rule,) = [one for one in json.loads(run("-c", COMMAND, "rules", "--json")) if one["code"] == "AC901"]
    assert (rule["judges"], rule["scope"], rule["gates"]) == ("grant", "grant", ["access", "done"])
    found = json.loads(run("-c", COMMAND, "explain", "AC901", "--json"))
    assert found["reads"] == "the holder that defs.yaml names"
    assert found["faults"] == [{"fault": "a holder without an address", "where": "defs.yaml"}]
    text = run("-c", COMMAND, "explain", "AC901")
    assert "judged per grant; gates: access, done" in text
    assert "part of the Definition of Done" not in text


def test_without_the_package_nothing_of_it_is_there():
    code = "from sprintline.mechanisms.rules.registry import all_rules; print('AC901' in all_rules())"
    env = {name: value for name, value in os.environ.items() if name != "SPRINTLINE_EXTENSIONS"}
    assert subprocess.check_output([sys.executable, "-c", code], env=env, text=True) == "False\n"


def test_a_sprint_s_definition_of_done_does_not_ask_for_it(said):
    assert said["sprint"] == []
    assert said["grant"] == ["AC901 on grants"]


def test_the_gate_is_shut_until_the_grant_itself_passes(said):
    assert said["unjudged"] == [False, ["AC901 on grants: no verdict"]]
    assert said["unmeasured"] == [
        False,
        ["AC901 on grants: grants was judged, but no data of it is on record now"],
    ]
    assert said["judged"] == [True, []]
    assert said["other grant"] == [False, ["AC901 on grants: no verdict"]]
    for name in ("other scope", "as a sprint", "other gate"):
        assert not said[name][0], name
    assert said["wrong scope"] == "rules on grant are judged for a grant, not for sprint 2013-S01"


def test_the_planted_fault_is_caught_and_its_verdict_is_the_grant_s(said):
    assert said["clean"]["check"]["passed"] and said["clean"]["verdict"]["outcome"] == "pass"
    assert not said["planted"]["check"]["passed"] and said["planted"]["verdict"]["outcome"] == "fail"
    assert said["grants"] == [["grant owner", "fail"]]
    assert said["sprints"] == [0, 0]
    assert not said["after"][0] and "nobody is not an address" in said["after"][1][0]
    assert not said["stale"][0] and "stale" in said["stale"][1][0]
