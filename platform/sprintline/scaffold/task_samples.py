"""The invented sample of each task: one file of deliveries, each with its answer, as a team's own file would have it.

The orders are those of `sample.py`, a column with the answer is added. `sprintline new PRODUCT --task TASK` makes a
product of it as `--from FILE` does of a file.
"""

from __future__ import annotations

import csv
import math
import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sprintline.scaffold.create import Made, ScaffoldError, create_product
from sprintline.scaffold.sample import Order, as_text, invent, seed_of

SOURCE = "deliveries"
ABOUT = {
    "order_id": "The order.",
    "placed_at": "Moment the order was placed, UTC.",
    "courier": "Courier firm that carries it.",
    "district": "District it goes to.",
    "parcels": "Parcels in the order.",
    "distance_km": "Distance from the store.",
    "promised_minutes": "Time promised from placing to arrival.",
    "delivered_at": "Moment it arrived, UTC.",
}
UNITS = {"distance_km": "km", "promised_minutes": "minutes"}

Answer = Callable[[Order, float, random.Random], object]
"""The answer of an order, from the minutes by which it was late; the dice are for what else varies."""


@dataclass(frozen=True)
class Sample:
    """What a task asks of the invented deliveries.

    label: the column with the answer. answer: its value. question: asked of each order. means: what the answer is.
    unit: of the answer, where it has one.
    """

    label: str
    answer: Answer
    question: str
    means: str
    unit: str = ""


def _minutes(_order: Order, late: float, _dice: random.Random) -> int:
    return round(late)


def _taken_by(order: Order, _late: float, dice: random.Random) -> str:
    """Who takes it: neighbours in the working hours, the shop where there is much to carry, else the customer.

    It does not depend on the couriers' good and bad days, of which a first model has seen too few to be sure.
    """
    at_work = 2.5 if order.placed_at.hour < 14 else 0.5
    near = 2.0 if order.district in ("centre", "harbour") else 0.6
    heavy = math.exp(0.6 * (order.parcels - 3)) * (3.0 if order.courier == "budget" else 0.6)
    return dice.choices(("customer", "neighbour", "shop"), (2.0, at_work * near, heavy))[0]


def _returned(order: Order, late: float, dice: random.Random) -> int:
    """Items that go back: more of more parcels, and more the later they come. Knuth's way to draw from Poisson."""
    expected = 0.35 * order.parcels * math.exp(late / 40)
    limit, product, count = math.exp(-min(expected, 20.0)), dice.random(), 0
    while product > limit:
        product, count = product * dice.random(), count + 1
    return count


SAMPLES = {
    "regression": Sample(
        "minutes_late", _minutes,
        "By how many minutes will an order arrive after it was promised? Asked when it is placed.",
        "minutes from the promised to the actual arrival, negative when early", "minutes",
    ),
    "quantile": Sample(
        "minutes_late", _minutes,
        "Which range of minutes after the promise will an order arrive in? Asked when it is placed.",
        "minutes from the promised to the actual arrival, negative when early", "minutes",
    ),
    "count": Sample(
        "items_returned", _returned,
        "How many items of an order will go back with the courier? Asked when it is placed.",
        "items of the order that the customer gave back at the door", "items",
    ),
    "multiclass": Sample(
        "taken_by", _taken_by,
        "Who will take an order: the customer, a neighbour or a shop? Asked when it is placed.",
        "who took the order: the customer, a neighbour, or a shop where the customer fetches it",
    ),
}  # fmt: skip
"""By task. `binary` has the sample of two sources that `sprintline new PRODUCT` makes."""


def create_sample(product: str, root: Path, task: str | None = None) -> Made:
    """Make a product on the invented sample of a task, by default binary.

    Raises:
        ScaffoldError: there is no such task, or as `create_product` does.
    """
    from sprintline.scaffold.asked import Asked, Meaning
    from sprintline.scaffold.from_file import create_from_file

    if task in (None, "binary"):
        return create_product(product, root)
    if task not in SAMPLES:
        raise ScaffoldError(
            f"--task: there is no task {task}; known are binary, {', '.join(SAMPLES)}", code=2
        )
    sample = SAMPLES[task]
    meaning = Meaning(
        question=f"{sample.question} Deliveries are invented.",
        means=sample.means,
        about=ABOUT | {sample.label: sample.means[0].upper() + sample.means[1:] + "."},
        units=UNITS | ({sample.label: sample.unit} if sample.unit else {}),
        limits="Deliveries are invented by the scaffolder: replace them by your own.",
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{SOURCE}.csv"
        with file.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out, lineterminator="\n").writerows(rows_of(sample, seed_of(product)))
        asked = Asked(
            file, key="order_id", event_at="placed_at", known_at="delivered_at", label=sample.label, by="courier",
            timezone="Europe/Berlin", task=task, meaning=meaning,
        )  # fmt: skip
        return replace(create_from_file(product, asked, root), notes=())  # they are for the owner of a file


def rows_of(sample: Sample, seed: int) -> Iterator[list[object]]:
    """The header, then a row per order that arrived."""
    dice = random.Random(seed + 1)
    yield [*ABOUT, sample.label]
    for order in invent(seed):
        if order.delivered_at is not None:
            late = (order.delivered_at - order.placed_at).total_seconds() / 60 - order.promised_minutes
            yield [*(as_text(getattr(order, name)) for name in ABOUT), sample.answer(order, late, dice)]
