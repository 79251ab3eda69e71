"""A data set no one tidied up: it becomes a product, and each of its sprints closes or says what it lacks."""

from __future__ import annotations

import datetime
import json
import random
import re

import pandas as pd
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end]

FIRST = datetime.date(2026, 1, 5)


def orders() -> pd.DataFrame:
    """A shop that writes down days: a week without a return, one of a single order, one without any, then others."""
    dice, rows = random.Random(5), []
    for week, orders_a_day in ((0, 40), (1, 0), (3, 40), (4, 40), (5, 40)):
        for place in range(7 * orders_a_day or 1):
            amount = round(dice.gammavariate(2, 20), 2)
            day = FIRST + datetime.timedelta(days=7 * week + place % 7)
            rows.append(
                {
                    "Order No.": 2**53 + len(rows),
                    "date": day,
                    "Filiale": dice.randint(1, 3),
                    "Umsatz in €": amount,
                    "% off": None if week < 4 else dice.random(),
                    "select": dice.choice(["ja", "nein", "🎉"]),
                    "returned?": "yes" if week and amount + dice.gauss(0, 9) > 40 else "no",
                    "settled": day + datetime.timedelta(days=9),
                }
            )
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def sprints(clone):
    clone.run("remove", clone.product, "--yes")
    orders().to_parquet(clone.root / "orders.parquet")
    made = clone.run(
        "new", "shop", "--from", "orders.parquet", "--key", "Order No.", "--event-at", "date", "--known-at", "settled",
        "--label", "\"returned?\" = 'yes'", "--timezone", "Europe/Berlin",
    )  # fmt: skip
    assert "last longer" in made.stdout, "a week without an order is no sprint"
    defs = clone.root / "platform/products/shop/defs.yaml"
    text = defs.read_text()
    assert "bootstrap_after: 3" not in text, "of so few rows a first model waits for enough to be judged by"
    defs.write_text(re.sub(r"bootstrap_after: \d+", "bootstrap_after: 3", text))
    assert "shop: sound" in clone.run("check", "shop").stdout
    clone.run("replay", "shop", "--sprints", "5")
    told = json.loads(clone.run("status", "shop", "--json").stdout)["products"][0]["sprints"]
    return {row["sprint"]: row for row in told}


def test_every_sprint_closes(sprints):
    closed = [row for row in sprints.values() if row["state"] == "closed"]
    assert [row["rows"]["questions"] for row in closed] == [280, 1, 280, 280, 280]


def test_what_teaches_nothing_trains_nothing_and_says_so(sprints):
    third = sprints["2026-S03"]
    assert (third["decision"], third["trained"]) == ("none", None)
    assert "all 280 outcomes before 2026-S02 are equal: nothing can be learned" in third["why"]


def test_what_can_be_judged_is_judged_and_nothing_else_serves(sprints):
    last = sprints["2026-S05"]
    assert last["decision"] in ("bootstrap", "hold") and last["why"]
    assert all(row["champion"] is None for row in sprints.values() if row["sprint"] < "2026-S05")
