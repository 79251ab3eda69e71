"""The Dagster daemon, and beside it the process that runs fork from: both begin with their imports at once."""

from dagster._daemon.cli import main as run_daemon

from sprintline.stages.launcher import WARM


def main() -> None:
    """Run the daemon with the arguments of `dagster-daemon`."""
    WARM.start()
    try:
        run_daemon()
    finally:
        WARM.stop()


if __name__ == "__main__":
    main()
