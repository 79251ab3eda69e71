"""The invented orders of a scaffolded product: eight weeks, small, the same for the same name.

Couriers differ, and each has good and bad periods, so a courier's recent delays help to predict the next order; so do
distance, parcels and the hour. Everything is drawn from a seed with the standard library, whose generator gives the
same numbers on every machine.
"""

from __future__ import annotations

import csv
import io
import random
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

START = datetime(2026, 1, 4, 23, tzinfo=UTC)
"""Midnight of Monday, 5 January 2026 in Berlin, where the scaffolded calendar starts."""

# Enough orders for the gates: a slice by courier is judged from 300 rows a sprint on.
SPRINTS, DAYS, ORDERS_A_DAY = 8, 7, 155
COURIERS = {"swift": -9.0, "tandem": -3.0, "budget": 6.0}
DISTRICTS = {"centre": 6.0, "north": -2.0, "south": -4.0, "harbour": 3.0}
LOST = 0.01


@dataclass(frozen=True)
class Order:
    """One invented order; `delivered_at` is None for one that was lost."""

    order_id: str
    placed_at: datetime
    courier: str
    district: str
    parcels: int
    distance_km: float
    promised_minutes: int
    delivered_at: datetime | None


def seed_of(product: str) -> int:
    """The seed of a product's sample: another name gives other orders."""
    return zlib.crc32(product.encode())


def orders_csv(seed: int) -> str:
    """The file of orders, all sprints."""
    names = ("order_id", "placed_at", "courier", "district", "parcels", "distance_km", "promised_minutes")
    return _csv(names, ([as_text(getattr(order, name)) for name in names] for order in invent(seed)))


def deliveries_csv(seed: int) -> str:
    """The file of deliveries, all sprints: a lost order has no row."""
    names = ("order_id", "placed_at", "delivered_at")
    arrived = (order for order in invent(seed) if order.delivered_at)
    return _csv(names, ([as_text(getattr(order, name)) for name in names] for order in arrived))


@lru_cache(maxsize=2)
def invent(seed: int) -> tuple[Order, ...]:
    """All orders, sorted by the moment they were placed. Every order is delivered on the day it was placed."""
    dice = random.Random(seed)
    mood = dict.fromkeys(COURIERS, 0.0)
    found: list[Order] = []
    for day in range(SPRINTS * DAYS):
        # A courier's delays change slowly, so yesterday's help to predict today's.
        mood = {courier: 0.7 * value + dice.gauss(0, 5) for courier, value in mood.items()}
        minutes = sorted(dice.randrange(8 * 60, 17 * 60) for _ in range(ORDERS_A_DAY))
        for minute in minutes:
            placed_at = START + timedelta(days=day, minutes=minute)
            found.append(_order(dice, f"O{len(found) + 1:05d}", placed_at, mood, minute // 60))
    return tuple(found)


def _order(
    dice: random.Random, order_id: str, placed_at: datetime, mood: dict[str, float], hour: int
) -> Order:
    courier, district = dice.choice(list(COURIERS)), dice.choice(list(DISTRICTS))
    parcels = 1 + min(int(dice.expovariate(0.8)), 7)
    distance = round(dice.uniform(0.5, 12), 1)
    promised = 45 + 15 * int(distance / 4)
    rush = 14 if hour in (12, 13, 16) else 0
    delay = (
        COURIERS[courier] + mood[courier] + DISTRICTS[district]
        + 4 * (parcels - 2) + 3 * (distance % 4 - 2) + rush + dice.gauss(0, 9)
    )  # fmt: skip
    took = min(max(promised + delay, 10), 300)
    lost = dice.random() < LOST
    return Order(
        order_id, placed_at, courier, district, parcels, distance, promised,
        None if lost else placed_at + timedelta(minutes=round(took)),
    )  # fmt: skip


def _csv(names: tuple[str, ...], rows: object) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)  # type: ignore[arg-type]
    return out.getvalue()


def as_text(value: object) -> str:
    """A value as the files have it: moments in UTC."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else str(value)
