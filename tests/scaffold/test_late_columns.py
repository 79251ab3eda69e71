"""Columns of a file that are filled in with the answer are found, and honest ones are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sprintline.landing.inferred import infer
from sprintline.scaffold.late_columns import late_columns

N = 2000


@pytest.fixture(scope="module")
def tickets() -> pd.DataFrame:
    """Invented support tickets: a fifth takes long, which priority and team foretell in part."""
    random = np.random.default_rng(7)
    opened = pd.date_range("2026-01-05", periods=N, freq="37min", tz="UTC")
    priority, team = random.integers(1, 5, N), random.choice(["north", "south", "west"], N)
    late = random.random(N) < np.where(priority >= 4, 0.45, 0.12)
    return pd.DataFrame(
        {
            "id": np.arange(N), "opened": opened, "priority": priority, "team": team, "late": late,
            "size": np.where(random.random(N) < 0.2, np.nan, random.normal(size=N)),
            "due": opened + pd.Timedelta(days=-1),
        }
    )  # fmt: skip


def reasons(tmp_path, frame: pd.DataFrame) -> dict[str, str]:
    frame.to_csv(tmp_path / "tickets.csv", index=False)
    columns, typed = infer(tmp_path / "tickets.csv", "UTC")
    free = [column for column in columns if column.sql not in ("id", "opened", "late")]
    return late_columns(typed, free, typed["opened"], typed["late"])


def test_honest_columns_are_taken(tmp_path, tickets):
    assert reasons(tmp_path, tickets) == {}


@pytest.mark.fault
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["number", "far from zero", "category", "null", "newest", "moment", "day"])
def test_a_column_filled_in_with_the_answer_is_named_with_its_reason(tmp_path, tickets, kind, seed):
    random, late = np.random.default_rng(seed), tickets["late"].to_numpy()
    noise = random.normal(size=N)
    planted, told = {
        "number": (np.where(late, 50, 0) + noise, "it alone separates the answers (ROC-AUC"),
        "far from zero": (np.where(late, 50 * np.sign(noise), noise), "it alone separates the answers (ROC-AUC"),
        "category": (np.where(late, "escalated", random.choice(["a", "b"], N)), "it alone separates"),
        "null": (np.where(late, np.nan, noise), "it is empty only where the answer is yes"),
        "newest": (np.where(np.arange(N) >= N * 0.95, np.nan, noise), "it is empty in 100% of the newest rows"),
        "moment": (tickets["opened"] + pd.to_timedelta(random.integers(-5, 90, N), unit="h"), "are after the question"),
        "day": ((tickets["opened"] + pd.Timedelta(days=2)).dt.strftime("%Y-%m-%d"), "are after the question"),
    }[kind]  # fmt: skip
    found = reasons(tmp_path, tickets.assign(planted=planted))
    assert list(found) == ["planted"] and told in found["planted"]


def test_few_answers_say_nothing(tmp_path, tickets):
    few = tickets.head(90).assign(planted=tickets["late"].head(90).astype(int))
    assert reasons(tmp_path, few) == {}


def test_false_alarms_are_rare_over_many_honest_columns(tmp_path, tickets):
    random = np.random.default_rng(3)
    honest = {
        f"c{place}": np.where(
            random.random(N) < random.uniform(0, 0.01), np.nan, random.normal(size=N) + tickets["late"] * 0.8
        )
        for place in range(60)
    }
    assert reasons(tmp_path, tickets.assign(**honest)) == {}
