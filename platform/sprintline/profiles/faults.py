"""Faults of data that are wrong and keep every bound of their contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sprintline.mechanisms.rules.faults import LANDED, Fault, Sandbox
from sprintline.profiles import relation_faults
from sprintline.warehouse.faults import MODELS

if TYPE_CHECKING:
    import pandas as pd

INTO_PROFILES = ("orders", "deliveries", *MODELS, "profiles")


def a_day_is_missing(orders: pd.DataFrame) -> pd.DataFrame:
    """No row of the fourth day."""
    day = orders["placed_at"].str[:10]
    return orders[day != sorted(day.unique())[3]]


def one_courier_in_other_units(orders: pd.DataFrame) -> pd.DataFrame:
    """One courier's kilometres in metres, cut off at the contract's bound."""
    swift = orders["courier"] == "swift"
    orders.loc[swift, "distance_km"] = (orders.loc[swift, "distance_km"] * 1000).clip(upper=50)
    return orders


def one_courier_is_another(orders: pd.DataFrame) -> pd.DataFrame:
    """One courier's orders under the name of another."""
    orders["courier"] = orders["courier"].replace("swift", "budget")
    return orders


def stuck_at_the_end(orders: pd.DataFrame) -> pd.DataFrame:
    """The last third of the distances repeat one value."""
    orders = orders.sort_values("placed_at")
    start = int(len(orders) * 0.7)
    return orders.assign(distance_km=[*orders["distance_km"].iloc[:start], *[7.7] * (len(orders) - start)])


def doubled(orders: pd.DataFrame) -> pd.DataFrame:
    """Three rows of a hundred once more, under new keys."""
    import pandas as pd

    again = orders.iloc[::33].copy()
    again["order_id"] = "O8" + again["order_id"].str[2:]
    return pd.concat([orders, again], ignore_index=True)


def _deliveries_of_most_orders(deliveries: pd.DataFrame) -> pd.DataFrame:
    """Two deliveries of five never came."""
    return deliveries[deliveries["order_id"].str[-1].astype(int) >= 4]


def _one_courier_without_deliveries(sandbox: Sandbox) -> None:
    sources = sandbox.runtime.sources
    orders = sources.provide(sandbox.runtime.window(sandbox.sprint))["orders"]  # type: ignore[union-attr]
    without = set(orders.loc[orders["courier"] == "tandem", "order_id"])
    sandbox.land("deliveries", lambda found: found[~found["order_id"].isin(without)])


FAULTS = (
    Fault(
        "DQ106", "a day is missing", "landing file of orders", "profiles",
        lambda sandbox: sandbox.land("orders", a_day_is_missing), run=INTO_PROFILES, state=LANDED,
    ),
    Fault(
        "DQ106", "one courier's distances in another unit", "landing file of orders", "profiles",
        lambda sandbox: sandbox.land("orders", one_courier_in_other_units), run=INTO_PROFILES, state=LANDED,
    ),
    Fault(
        "DQ106", "one courier under the name of another", "landing file of orders", "profiles",
        lambda sandbox: sandbox.land("orders", one_courier_is_another), run=INTO_PROFILES, state=LANDED,
    ),
    Fault(
        "DQ106", "a value that is stuck at the end", "landing file of orders", "profiles",
        lambda sandbox: sandbox.land("orders", stuck_at_the_end), run=INTO_PROFILES, state=LANDED,
    ),
    Fault(
        "DQ106", "rows doubled under new keys", "landing file of orders", "profiles",
        lambda sandbox: sandbox.land("orders", doubled), run=INTO_PROFILES, state=LANDED,
    ),
    Fault(
        "DQ106", "two outcomes in five missing", "landing file of deliveries", "profiles",
        lambda sandbox: sandbox.land("deliveries", _deliveries_of_most_orders), run=INTO_PROFILES, state=LANDED,
    ),
    Fault(
        "DQ106", "no outcome of one courier", "landing file of deliveries", "profiles",
        _one_courier_without_deliveries, run=INTO_PROFILES, state=LANDED,
    ),
    *relation_faults.FAULTS,
)  # fmt: skip
