"""Sprintline: a data-and-ML platform template on Dagster assets, with sprints as partitions."""

import os
from collections.abc import Mapping

from sprintline.base import failpoints, moved, time_zones

# Nothing here calls home. Set before any library reads them; a user's own setting wins.
for _name, _value in {
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}.items():
    os.environ.setdefault(_name, _value)

# How long a thread of scikit-learn's trees waits awake for the others. libgomp's default is 300 times as much, and
# a training then takes a fifth longer beside another program; on a quiet machine there is no telling (decision 23).
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

moved.install()
time_zones.install()


def _failpoints() -> Mapping[str, str]:
    from sprintline.mechanisms.procedures import declared

    return declared.failpoints()


# Here, because every process that passes a failpoint has imported this package.
failpoints.declared_by(_failpoints)
