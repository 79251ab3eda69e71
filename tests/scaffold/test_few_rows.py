"""What `sprintline new` says of a file with few rows: what is lacking, and another input that has it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from sprintline.learning.enough import POWER, power
from sprintline.scaffold.few_rows import MOST_POOLED, Amount, advice

DAILY = Amount(days=7, rows=7, rarer=0.38, file_days=1094)
"""Three years of a row a day."""


def proposed(amount: Amount) -> int | None:
    told = " ".join(advice(amount))
    found = re.search(r"--length-days (\d+)", told)
    return int(found[1]) if found else None


def test_a_row_a_day_is_proposed_a_sprint_that_can_be_judged_and_leaves_days_to_learn_from():
    days = proposed(DAILY)
    assert days is not None and days > 92
    longer = replace(DAILY, days=days, rows=days)
    assert days * longer.rarer >= 10 and power(days, days, longer.rarer) > 0.75
    assert (longer.sprints_to_learn_from + 2) * days <= 1094 + days, "one is judged, the next is served"


@pytest.mark.parametrize("days", [7, 14, 28, 92, 120, 152, 200, 366])
@pytest.mark.parametrize("rarer", [0.5, 0.38, 0.1, None])
@pytest.mark.parametrize("file_days", [92, 730, 1094, 4000])
def test_the_same_input_is_never_proposed_again_and_following_it_ends(days, rarer, file_days):
    amount, seen = Amount(days, days, rarer, file_days), []
    while (found := proposed(amount)) is not None:
        assert found > amount.days and found <= 366
        seen.append(found)
        amount = replace(amount, days=found, rows=found)
    assert len(seen) <= 2
    told = " ".join(advice(amount))
    assert not told or "more history" in told or "expect closes without" in told


def test_enough_rows_are_not_spoken_of():
    many = Amount(days=7, rows=1120, rarer=0.4, file_days=56)
    assert list(advice(many)) == [] and power(1120, 7, 0.4) >= POWER
    assert list(advice(replace(many, rarer=None))) == []


def test_too_few_of_the_rarer_answer_are_said_to_be_too_few():
    (told,) = advice(DAILY)
    assert "7 rows, 2 of the rarer answer; a candidate is judged with 10 of either or more" in told
    (told,) = advice(replace(DAILY, rarer=0.01))
    assert "a first model learns from 30,000 of them" in told and "bring more history" in told


@pytest.mark.parametrize("days", [7, 28, 92])
@pytest.mark.parametrize("rarer", [0.5, 0.1, None])
def test_as_many_sources_are_proposed_to_be_pooled_as_are_enough(days, rarer):
    amount = Amount(days, days, rarer, 4000)
    (told,) = advice(amount)
    found = re.search(r"or pool the rows of (\d+) such sources", told)
    if not found:
        assert list(advice(replace(amount, rows=MOST_POOLED * amount.rows))), told
        return
    sources = int(found[1])
    assert list(advice(replace(amount, rows=sources * amount.rows))) == [], "these have enough"
    assert sources == 2 or list(advice(replace(amount, rows=(sources - 1) * amount.rows))), "and no fewer"


def test_where_very_many_sources_would_be_needed_none_are_proposed():
    (told,) = advice(Amount(7, 7, 0.001, 4000))
    assert "pool" not in told
