"""An invented bakery in Feast: views, rows and questions that the tests of the feature store share."""

import os
from datetime import date, timedelta

import pandas as pd

from sprintline.base.settings import ROOT
from sprintline.product.calendar import Calendar

CALENDAR = Calendar(date(2024, 1, 1), 14, "UTC", date(2025, 1, 1))
FIRST, SECOND, THIRD = (CALENDAR.window(key) for key in CALENDAR.keys[:3])
HOUR = timedelta(hours=1)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "platform")}
TICK = timedelta(microseconds=1)
SHOP_TTL, TOWN_TTL = timedelta(hours=6), timedelta(hours=3)

VIEWS = """
from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, ValueType
from feast.types import Float64, Int64, String

from sprintline.features.views import lake_source

shop = Entity(name="shop", join_keys=["shop"], value_type=ValueType.STRING)
town = Entity(name="town", join_keys=["town"], value_type=ValueType.STRING)
shop_sales = FeatureView(
    name="shop_sales",
    entities=[shop],
    ttl=timedelta(hours=6),
    source=lake_source("bakery", "shop_sales"),
    schema=[Field(name="shop", dtype=String), Field(name="sold", dtype=Int64), Field(name="rate", dtype=Float64)],
)
town_weather = FeatureView(
    name="town_weather",
    entities=[town],
    ttl=timedelta(hours=3),
    source=lake_source("bakery", "town_weather"),
    schema=[Field(name="town", dtype=String), Field(name="rain", dtype=Float64)],
)
bakery_v1 = FeatureService(name="bakery_v1", features=[shop_sales, town_weather])
"""


SHOPS_ONLY = (
    VIEWS.split("town_weather = ")[0] + 'bakery_v2 = FeatureService(name="bakery_v2", features=[shop_sales])'
)


def write_repo(repo, product="bakery", views=VIEWS):
    folder = repo / product
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "views.py").write_text(views.replace("bakery", product))
    return folder


def sales(*rows):
    """(shop, event, created, sold, rate) as a frame of shop_sales."""
    frame = pd.DataFrame(rows, columns=["shop", "event_timestamp", "created_timestamp", "sold", "rate"])
    return _moments(frame)


def weather(*rows):
    return _moments(pd.DataFrame(rows, columns=["town", "event_timestamp", "created_timestamp", "rain"]))


def _moments(frame):
    for name in ("event_timestamp", "created_timestamp"):
        frame[name] = pd.to_datetime(frame[name], utc=True).dt.as_unit("us")
    return frame


def put(store, view, sprint, frame):
    """Past the checks of `write`: the join must stand rows that a sound query would not give."""
    key = "shop" if view == "shop_sales" else "town"
    store.lake.write(
        f"bakery/{view}", sprint.key, frame, sort_by=[key, "event_timestamp", "created_timestamp"]
    )


def ask(*rows):
    """(question_id, question_at, shop, town)"""
    frame = pd.DataFrame(rows, columns=["question_id", "question_at", "shop", "town"])
    frame["question_at"] = pd.to_datetime(frame["question_at"], utc=True)
    return frame
