"""Small sources of other fields than flights, each with what holds in it, and contracts for them."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from sprintline.landing.contracts import Column, Contract
from sprintline.landing.declared_relations import Relation

START = pd.Timestamp("2026-01-05T00:00:00Z")


def contract(frame: pd.DataFrame, *key: str, hidden: tuple[str, ...] = ()) -> Contract:
    """A contract of the frame's columns; the platform's own moments are none of them."""
    columns = tuple(
        Column(name, _logical(frame[name]), classification="personal" if name in hidden else "public")
        for name in frame.columns
        if name not in ("event_at", "known_at", "sprint")
    )
    return Contract("id", "name", "1.0.0", "active", "for tests", "table", columns, key)


def _logical(series: pd.Series) -> str:
    kinds = {"i": "integer", "f": "number", "b": "boolean", "M": "timestamp"}
    return kinds.get(series.dtype.kind, "string")


def draw(seed: int = 7) -> np.random.Generator:
    return np.random.default_rng(seed)


def orders(n: int = 600) -> pd.DataFrame:
    """Orders with lines, amounts in two currencies, who ordered them, and when they were paid and delivered."""
    dice = draw()
    price, quantity = np.round(dice.uniform(1, 90, n), 2), dice.integers(1, 9, n)
    rate = dice.choice([1.0, 0.92, 1.17], n)
    total = np.round(price * quantity, 2)
    tax = np.round(total * dice.choice([0.07, 0.19], n), 2)
    placed = START + pd.to_timedelta(np.sort(dice.integers(0, 14 * 1440, n)), unit="min")
    minutes = dice.integers(20, 2000, n)
    shop = dice.choice(["north", "south", "harbour", "hill"], n)
    return pd.DataFrame({
        "order_id": [f"O{number:05d}" for number in range(n)],
        "customer": [f"person-{number % 90}@example.org" for number in dice.permutation(n)],
        "shop": shop,
        "city": pd.Series(shop).map({"north": "Bergen", "south": "Como", "harbour": "Bergen", "hill": "Ulm"}),
        "price": price, "quantity": quantity, "total": total, "tax": tax, "gross": np.round(total + tax, 2),
        "rate": rate, "local_total": np.round(total * rate, 2),
        "placed_at": placed.astype("datetime64[us, UTC]"),
        "delivered_at": (placed + pd.to_timedelta(minutes, unit="min")).astype("datetime64[us, UTC]"),
        "took_minutes": minutes,
        "express": dice.random(n) < 0.4,
        "event_at": placed.astype("datetime64[us, UTC]"),
    })  # fmt: skip


def clocks(n: int = 600) -> pd.DataFrame:
    """Trains: clocks written HHMM, some past midnight, and minutes late; cancelled ones have neither."""
    dice = draw(3)
    planned = dice.integers(0, 1440, n)
    late = dice.integers(-8, 180, n)
    left = (planned + late) % 1440
    frame = pd.DataFrame({
        "train": [f"T{number}" for number in range(n)],
        "line": dice.choice(["red", "blue", "green", "tiny"], n, p=[0.5, 0.3, 0.18, 0.02]),
        "planned": planned // 60 * 100 + planned % 60,
        "left": pd.array(left // 60 * 100 + left % 60, dtype="Int64"),
        "late": pd.array(late, dtype="Int64"),
        "event_at": START + pd.to_timedelta(np.arange(n) * 30, unit="min"),
    })  # fmt: skip
    frame.loc[frame.index[::15], ["left", "late"]] = pd.NA
    return frame


def sensors(days: int = 14) -> pd.DataFrame:
    """Hourly readings of stations: dew point below temperature, a station's height, a flag with its reason."""
    dice = draw(5)
    stations = {"alpha": 12, "beta": 340, "gamma": 880, "delta": 90}
    rows = [
        (name, height, START + timedelta(hours=hour))
        for hour in range(24 * days)
        for name, height in stations.items()
    ]
    frame = pd.DataFrame(rows, columns=["station", "height", "read_at"])
    frame["temp"] = np.round(15 + 9 * np.sin(np.arange(len(frame)) / 40) + dice.normal(0, 4, len(frame)), 1)
    frame["dewp"] = np.round(frame["temp"] - dice.uniform(0, 9, len(frame)), 1)
    faulty = dice.random(len(frame)) < 0.05
    frame["fault"] = np.where(faulty, "frozen", None)
    frame["fault_code"] = pd.array(np.where(faulty, 7, 0), dtype="Int64")
    frame.loc[~faulty, "fault_code"] = pd.NA
    frame["read_at"] = frame["read_at"].astype("datetime64[us, UTC]")
    return frame.assign(event_at=frame["read_at"])


def stays(n: int = 400) -> pd.DataFrame:
    """Hotel stays of dates: arrival, departure, nights."""
    dice = draw(9)
    nights = dice.integers(1, 21, n)
    arrival = [date(2026, 1, 5) + timedelta(days=int(day)) for day in dice.integers(0, 60, n)]
    return pd.DataFrame({
        "stay": [f"S{number}" for number in range(n)],
        "arrival": arrival,
        "departure": [day + timedelta(days=int(one)) for day, one in zip(arrival, nights, strict=True)],
        "nights": nights,
    })  # fmt: skip


def keys(found: list[Relation]) -> set[str]:
    return {one.key for one in found}
