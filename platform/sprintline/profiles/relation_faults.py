"""Faults of relations that the sample's contracts state: every value is within its bounds, and columns disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sprintline.mechanisms.rules.faults import LANDED, Fault, NotPlanted, Sandbox
from sprintline.warehouse.faults import MODELS

if TYPE_CHECKING:
    import pandas as pd

_INTO_PROFILES = ("orders", "deliveries", *MODELS, "profiles")


def _cut_to_hours(sandbox: Sandbox) -> None:
    """Of every tenth delivery the minute of the order is lost: all moments stay possible ones."""

    def change(deliveries: pd.DataFrame) -> pd.DataFrame:
        rows = deliveries.index[::10]
        whole = deliveries.loc[rows, "placed_at"].astype(str)
        if not whole.str.fullmatch(r".{13}:\d\d:.*").all():
            raise NotPlanted(f"placed_at of deliveries is not ISO 8601 text: {whole.iloc[0]}")
        deliveries.loc[rows, "placed_at"] = whole.str.slice_replace(14, 16, "00")
        return deliveries

    sandbox.land("deliveries", change)


def _renumbered(sandbox: Sandbox) -> None:
    """Orders have other numbers in deliveries only, all of the form that the contract requires."""

    def change(deliveries: pd.DataFrame) -> pd.DataFrame:
        rows = deliveries.index[::20]
        deliveries.loc[rows, "order_id"] = "O9" + deliveries.loc[rows, "order_id"].str[2:]
        return deliveries

    sandbox.land("deliveries", change)


def _one_day_swapped(sandbox: Sandbox) -> None:
    """The numbers of one day's deliveries go to the next row: keys and moments are those of always."""

    def change(deliveries: pd.DataFrame) -> pd.DataFrame:
        day = deliveries["placed_at"].astype(str).str[:10]
        rows = deliveries.index[day == day.iloc[len(day) // 2]]
        numbers = deliveries.loc[rows, "order_id"].tolist()
        deliveries.loc[rows, "order_id"] = [*numbers[1:], numbers[0]]
        return deliveries

    sandbox.land("deliveries", change)


FAULTS = (
    Fault(
        "DQ107", "moments cut to hours in one source", "landing file of deliveries", "profiles", _cut_to_hours,
        run=_INTO_PROFILES, state=LANDED,
    ),
    Fault(
        "DQ107", "keys renumbered in one source", "landing file of deliveries", "profiles", _renumbered,
        run=_INTO_PROFILES, state=LANDED,
    ),
    Fault(
        "DQ107", "one day's keys on other rows", "landing file of deliveries", "profiles", _one_day_swapped,
        run=_INTO_PROFILES, state=LANDED,
    ),
)  # fmt: skip
