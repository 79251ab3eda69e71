"""Accepted relations hold over all rows and in every group and day; what cannot be compared never passes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from sprintline.landing.odcs import parse_contract
from sprintline.mechanisms.rules.faults import Fault
from sprintline.profiles.relation_facts import relation_facts
from sprintline.profiles.relation_faults import FAULTS
from sprintline.profiles.relation_rules import RULE, broke, chance
from sprintline.profiles.relations import Relation, Violations
from sprintline.scaffold import sample
from sprintline.scaffold.create import TEMPLATES


def one(n: int = 1000, violating: int = 0, allowed: float = 0.005, **worst: Any) -> dict[str, Any]:
    return {
        "relation": "s: order(a, b)", "sentence": "in s, a is at most b", "source": "s", "n": n,
        "violating": violating, "allowed": allowed, "worst": worst,
    }  # fmt: skip


def part(by: str, value: str, n: int, violating: int) -> dict[str, Any]:
    return {"by": by, "value": value, "n": n, "violating": violating}


def judged(*accepted_ones: dict[str, Any]):
    return RULE({"accepted": list(accepted_ones)})


def test_relations_that_hold_pass_with_the_most_violated_one():
    found = judged(one(), one(violating=5))
    assert found.outcome == "pass"
    assert "all 2 accepted relations hold" in found.sentence
    assert "0.50% of 1,000 rows with 0.50% allowed" in found.sentence


def test_one_row_more_than_allowed_fails_with_group_and_day():
    worst = {"group": part("shop", "hill", 100, 6), "day": part("day", "2026-01-08", 70, 3), "on": "s"}
    found = judged(one(), one(violating=6, **worst))
    assert found.outcome == "fail"
    assert found.observed == 1
    assert (
        "1 of 2 accepted relations violated: in s, a is at most b: 6 of 1,000 rows violate it"
        in found.sentence
    )
    assert "(0.60%, allowed: 0.50%)" in found.sentence
    assert "rows of s with shop hill (6 of 100) and on 2026-01-08 (3 of 70)" in found.sentence


def test_a_small_group_that_is_wrong_as_a_whole_fails_though_all_rows_allow_it():
    found = judged(one(13_000, 14, group=part("carrier", "HA", 14, 14)))
    assert found.outcome == "fail"
    assert "more than 50% of the rows of one group is too many" in found.sentence
    assert judged(one(13_000, 14, day=part("day", "2026-01-08", 15, 14))).outcome == "fail"


@pytest.mark.parametrize("bad", [part("carrier", "HA", 2, 2), part("carrier", "HA", 60, 14)])
def test_a_group_of_two_or_of_a_few_wrong_rows_does_not(bad):
    assert judged(one(13_000, 14, group=bad)).outcome == "pass"


def test_too_few_rows_are_insufficient_and_never_a_pass():
    found = judged(one(), one(19))
    assert found.outcome == "insufficient"
    assert "19 rows can be compared" in found.sentence
    assert judged(one(0) | {"lack": "deliveries has no rows"}).outcome == "insufficient"
    assert "deliveries has no rows" in judged(one(0) | {"lack": "deliveries has no rows"}).sentence
    assert RULE({}).outcome == "insufficient"
    assert RULE(None).outcome == "insufficient"


def test_a_broken_relation_fails_beside_one_that_cannot_be_judged():
    assert judged(one(3), one(violating=900)).outcome == "fail"


def test_no_accepted_relation_passes_and_says_so():
    found = judged()
    assert (found.outcome, found.observed) == ("pass", 0)
    assert "0 relations are accepted" in found.sentence


def test_many_broken_relations_are_counted_and_the_worst_are_described():
    found = judged(*(one(violating=100 + number) for number in range(9)))
    assert "9 of 9 accepted relations violated" in found.sentence
    assert "108 of 1,000" in found.sentence
    assert found.sentence.endswith("; and 6 more")


def test_the_bound_of_chance_is_above_the_exact_tail():
    from scipy.stats import binom

    for count, n, share in [(5, 5, 0.01), (14, 20, 0.05), (60, 100, 0.2), (3, 1000, 0.0)]:
        assert chance(count, n, share) * 1.000001 >= binom.sf(count - 1, n, max(share, 1e-6))
    assert chance(1, 100, 0.02) == 1.0


def held(violating: int, n: int = 1000) -> Violations:
    return Violations(Relation("order", "s", ("a", "b")), n, violating)


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (held(30), [held(0)] * 4, True),
        (held(30), [held(0)] * 3, False),  # three sprints are no history
        (held(30), [*[held(0)] * 4, held(11)], False),  # it did not hold before
        (held(30), [*[held(0)] * 3, held(0, 0)], False),  # nothing was compared in one of them
        (held(4), [held(0)] * 9, False),  # 0.4 % of the rows
        (held(25), [held(9)] * 9, False),  # less than three times the usual
        (held(3, 19), [held(0)] * 9, False),  # too few rows to judge
        (held(2, 100), [held(0, 100)] * 4, False),  # chance gives that
        (held(20, 20), [held(0, 100)] * 4, True),
    ],
)
def test_a_relation_that_no_one_accepted_breaks(now, before, expected):
    assert broke(now, before) is expected


# --- the sample's contracts and the planted faults -------------------------------------------------------------------


def sample_of_sprint(number: int, fault: Fault | None = None) -> dict[str, pd.DataFrame]:
    """One sprint of the sandbox's product as the lake has it, with a fault in its landed files."""
    import io

    changes: dict[str, Any] = {}
    if fault is not None:
        fault.plant(SimpleNamespace(land=changes.__setitem__))  # type: ignore[arg-type]
    found = {}
    for source, text in (("orders", sample.orders_csv), ("deliveries", sample.deliveries_csv)):
        rows = pd.read_csv(io.StringIO(text(sample.seed_of("trial"))), dtype=str)
        begin = sample.START + sample.timedelta(days=sample.DAYS * number)
        placed = pd.to_datetime(rows["placed_at"], utc=True)
        rows = rows[(placed >= begin) & (placed < begin + sample.timedelta(days=sample.DAYS))]
        rows = changes.get(source, lambda frame: frame)(rows.reset_index(drop=True))
        for name in ("placed_at", "delivered_at"):
            if name in rows:
                rows[name] = pd.to_datetime(rows[name], utc=True).astype("datetime64[us, UTC]")
        found[source] = rows.assign(event_at=rows["placed_at"])
    return found


def verdict_on(frames: dict[str, pd.DataFrame]):
    folder = TEMPLATES / "product" / "contracts"
    contracts = {
        source: parse_contract(
            (folder / f"{source}.yaml").read_text().replace("__product__", "trial"), source
        )
        for source in frames
    }
    return RULE({"accepted": relation_facts(frames, contracts)})


@pytest.mark.parametrize("number", range(sample.SPRINTS))
def test_every_sprint_of_the_sample_keeps_its_accepted_relations(number):
    found = verdict_on(sample_of_sprint(number))
    assert found.outcome == "pass"
    assert "all 3 accepted relations hold" in found.sentence


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_planted_fault_is_told_with_its_source_and_day(fault):
    found = verdict_on(sample_of_sprint(6, fault))
    assert found.outcome == "fail"
    assert "in deliveries" in found.sentence
    assert "on 2026-02-" in found.sentence
