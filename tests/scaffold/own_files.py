"""Files as teams have them: invented tickets, whose columns are of every kind."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd

N = 60


def rows(**change) -> pd.DataFrame:
    asked = pd.date_range("2026-03-25T08:00", periods=N, freq="6h", tz="Europe/Berlin")
    frame = {
        "Ticket": [f"{n:06d}" for n in range(N)],
        "opened": asked,
        "closed": asked + pd.Timedelta(minutes=90),
        "order": np.arange(N) + 2**60,
        "group": ["a", "b", "c"] * (N // 3),
        "price": [Decimal(f"{n}.50") for n in range(N)],
        "vip": [True, False] * (N // 2),
        "note": [f'said "no",\nbye {n}' if n else None for n in range(N)],
        "hours": [n % 9 for n in range(N)],
    }
    return pd.DataFrame({**frame, **change})
