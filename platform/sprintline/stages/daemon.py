"""The Dagster daemon, and beside it the process that runs fork from: both begin with their imports at once."""

from dagster._daemon import sensor
from dagster._daemon.cli import main as run_daemon

from sprintline.stages.launcher import WARM

TICK_SECONDS = 2
"""Pause between two rounds over the sensors. Of the time between landing and closing, Dagster's five are the part in
which nobody works; it offers no setting for them."""


def main() -> None:
    """Run the daemon with the arguments of `dagster-daemon`."""
    sensor.MIN_INTERVAL_LOOP_TIME = TICK_SECONDS
    WARM.start()
    try:
        run_daemon()
    finally:
        WARM.stop()


if __name__ == "__main__":
    main()
