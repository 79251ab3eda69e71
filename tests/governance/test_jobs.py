"""Waive, approve and attest in the launchpad: an empty field is refused at launch, before a run or a record exists."""

from __future__ import annotations

from types import SimpleNamespace

import dagster as dg
import pytest

from sprintline.governance import decide as acts
from sprintline.governance import jobs as subject

WAIVER = {
    "code": "DQ102",
    "reason": "the sensor is replaced",
    "expires": "2013-05-31",
    "approver": "sam.okafor@example.org",
}
APPROVAL = {
    "sprint": "2013-S07",
    "asset": "increment",
    "reason": "shown in the review",
    "expires": "2013-05-31",
    "approver": "sam",
}
ATTESTATION = {
    "code": "DL702",
    "sprint": "2013-S07",
    "claim": "two rows came twice",
    "evidence": "mail of 3 May",
    "attester": "dana",
}
SAID = {"waive": WAIVER, "approve": APPROVAL, "attest": ATTESTATION}


@pytest.fixture(scope="module")
def jobs():
    return {one.name: one for one in subject.jobs(SimpleNamespace(product="flights"), ())}


@pytest.fixture
def recorded(monkeypatch):
    """What reaches the code that records, by decision."""
    found = []
    for name in ("waive", "withdraw", "approve", "attest"):

        def record(runtime, actor, _name=name, **said):
            found.append((_name, actor, said))
            return acts.Act(SimpleNamespace(seq=1), (f"{_name} is recorded",))

        monkeypatch.setattr(acts, name, record)
    return found


def launch(job, said, instance):
    return job.execute_in_process(
        {"ops": {job.name.replace("flights_", "flights__"): {"config": said}}}, instance=instance
    )


@pytest.mark.fault
@pytest.mark.parametrize("blank", ["", "  \n\t"])
@pytest.mark.parametrize(("name", "field"), [(name, field) for name, said in SAID.items() for field in said])
def test_an_empty_field_is_refused_before_there_is_a_run(jobs, recorded, name, field, blank):
    with dg.DagsterInstance.ephemeral() as instance:
        with pytest.raises(dg.DagsterInvalidConfigError, match=f"{field} is empty: [a-z]"):
            launch(jobs[f"flights_{name}"], {**SAID[name], field: blank}, instance)
        assert instance.get_runs_count() == 0
    assert recorded == []


def test_the_launchpad_as_it_opens_is_refused_with_every_field(jobs, recorded):
    """It is filled with every field, all of them empty."""
    job = jobs["flights_waive"]
    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(dg.DagsterInvalidConfigError) as refused:
        job.execute_in_process(instance=instance)
    assert all(f"{field} is empty: " in str(refused.value) for field in WAIVER)
    assert recorded == []


@pytest.mark.parametrize("name", list(SAID))
def test_what_is_filled_in_is_recorded(jobs, recorded, name):
    with dg.DagsterInstance.ephemeral() as instance:
        assert launch(jobs[f"flights_{name}"], {**SAID[name], "by": "dana"}, instance).success
    ((done, actor, said),) = recorded
    assert (done, actor) == (name, "dana") and said.items() >= SAID[name].items()


def test_a_withdrawal_needs_no_expiry_and_no_approver(jobs, recorded):
    said = {"code": "DQ102", "reason": "it delivers again", "withdraw": True}
    with dg.DagsterInstance.ephemeral() as instance:
        assert launch(jobs["flights_waive"], said, instance).success
        with pytest.raises(dg.DagsterInvalidConfigError, match="reason is empty"):
            launch(jobs["flights_waive"], {**said, "reason": " "}, instance)
    assert [one[0] for one in recorded] == ["withdraw"]


def test_the_launchpad_says_what_approver_and_by_are(jobs):
    for name, who in (("waive", "approver"), ("approve", "approver"), ("attest", "attester")):
        (op,) = jobs[f"flights_{name}"].all_node_defs
        fields = op.config_schema.config_type.fields
        assert "answers for" in fields[who].description and "required" in fields[who].description
        assert "who records the decision" in fields["by"].description and "Empty:" in fields["by"].description
