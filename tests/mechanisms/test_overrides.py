"""What a product changes in a rule takes effect in the materialized check: its severity and its threshold."""

from __future__ import annotations

import dagster as dg
import pytest
from tests.measured_facts import facts

from sprintline.delivery.assets import definitions as delivery_definitions
from sprintline.product.runtime import Runtime
from sprintline.product.spec import RuleOverride

SPRINT = "2013-S01"


def with_rules(runtime: Runtime, **rules: RuleOverride) -> Runtime:
    return Runtime(runtime.spec.model_copy(update={"rules": rules}), runtime.folder, runtime.home)


def evaluated(runtime: Runtime, code: str) -> dg.AssetCheckEvaluation:
    """The evaluation of one check of the increment, run alone on what was measured of it."""
    partitions = dg.StaticPartitionsDefinition(list(runtime.calendar.keys))
    built = list(delivery_definitions(runtime, partitions))
    checks = [one for one in built if isinstance(one, dg.AssetChecksDefinition)]
    assets = [one for one in built if not isinstance(one, dg.AssetChecksDefinition)]
    (name,) = [spec.name for one in checks for spec in one.check_specs if spec.name.startswith(code)]
    key = dg.AssetCheckKey(dg.AssetKey([runtime.product, "increment"]), name)
    job = dg.define_asset_job("alone", selection=dg.AssetSelection.checks(key))
    definitions = dg.Definitions(assets=assets, asset_checks=checks, jobs=[job])
    with dg.DagsterInstance.ephemeral() as instance:
        run = definitions.resolve_job_def("alone").execute_in_process(
            tags={"dagster/partition": SPRINT},
            instance=instance,
            raise_on_error=False,
        )
    (found,) = run.get_asset_check_evaluations()
    return found


@pytest.fixture
def measured(flights: Runtime) -> Runtime:
    flights.clock.move(flights.window(SPRINT).end)
    flights.measure("increment", SPRINT, "v1", facts("increment"))
    return flights


def test_the_rule_as_it_is(measured):
    found = evaluated(measured, "CAL001")
    assert found.passed and found.severity is dg.AssetCheckSeverity.WARN
    (kept,) = measured.records.verdicts(measured.product, SPRINT)
    assert (str(kept.outcome), str(kept.severity), kept.threshold) == ("pass", "warn", 6)


def test_a_threshold_of_the_products_own_takes_effect(measured):
    found = evaluated(with_rules(measured, CAL001=RuleOverride(threshold=99)), "CAL001")
    assert not found.passed and "at least 99" in found.description
    (kept,) = measured.records.verdicts(measured.product, SPRINT)
    assert (str(kept.outcome), kept.threshold) == ("fail", 99)


def test_a_severity_of_the_products_own_takes_effect(measured):
    changed = RuleOverride(severity="error", threshold=99)
    found = evaluated(with_rules(measured, CAL001=changed), "CAL001")
    assert not found.passed and found.severity is dg.AssetCheckSeverity.ERROR
    (kept,) = measured.records.verdicts(measured.product, SPRINT)
    assert str(kept.severity) == "error"


def test_a_check_alone_judges_what_is_there_now_and_not_what_was(measured):
    """The calendar is asked again: a plan that was long enough when the sprint closed may have run out since."""
    assert evaluated(measured, "CAL001").passed
    short = measured.spec.calendar.model_copy(update={"planned_until": "2013-02-26"})
    ran_out = Runtime(measured.spec.model_copy(update={"calendar": short}), measured.folder, measured.home)
    assert not evaluated(ran_out, "CAL001").passed


def test_an_increment_that_was_never_made_is_insufficient(flights):
    found = evaluated(flights, "CAL001")
    assert not found.passed and "nothing was recorded to judge" in found.description
