"""The Dagster daemon, and beside it the process that runs fork from: both begin with their imports at once.

What an earlier one left behind is ended first.
"""

from dagster import DagsterInstance
from dagster._daemon import sensor
from dagster._daemon.cli import main as run_daemon

from sprintline.hosting.launcher import WARM
from sprintline.hosting.reaper import reap

TICK_SECONDS = 2
"""Pause between two rounds over the sensors. Of the time between landing and closing, Dagster's five are the part in
which nothing happens; it offers no setting for them."""


def main() -> None:
    """Run the daemon with the arguments of `dagster-daemon`."""
    sensor.MIN_INTERVAL_LOOP_TIME = TICK_SECONDS
    WARM.start()
    try:
        with DagsterInstance.get() as instance:
            reap(instance)
        run_daemon()
    finally:
        WARM.stop()


if __name__ == "__main__":
    main()
