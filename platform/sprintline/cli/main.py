"""`sprintline`: the commands that `dg` does not already have.

Commands import what they need when they run, so that `sprintline --help` answers at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping

import click

from sprintline.base import settings
from sprintline.base.errors import EXIT_CODES, debugging, error_text
from sprintline.base.failpoints import armed
from sprintline.base.version import VERSION
from sprintline.mechanisms.registry import RegistryError, collected


class Collected(click.Group):
    """The commands of every subject's `commands.py`, collected when one is first asked for.

    Not when this module is imported: a mistake in one of them is then reported like any other error.
    """

    _complete = False

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, or None."""
        return self.collected().get(cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return sorted(self.collected())

    def collected(self) -> MutableMapping[str, click.Command]:
        """Commands by name. Raises RegistryError for two of one name, and for a module that does not load."""
        if not self._complete:
            for command in collected("commands", "COMMANDS", click.Command):
                if command.name in self.commands:
                    raise RegistryError(f"two commands are named {command.name}: rename that of your package")
                self.add_command(command)
            self._complete = True
        return self.commands


@click.group(
    cls=Collected,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(VERSION)
def cli() -> None:
    """Sprint status and blockers of data products, and the commands that close sprints.

    State lives in SPRINTLINE_HOME (default: .sprintline/ in the clone).
    """
    settings.refuse_misspelt(os.environ)
    settings.keys_folder()  # as early: without keys nothing would be signed, and no command would fail
    armed()  # a mistake in SPRINTLINE_FAILPOINT is reported before anything is started with it


def main() -> None:
    """Run a command; errors are one sentence on stderr and an exit code."""
    try:
        result = cli(standalone_mode=False)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        if debugging() and not isinstance(error, click.UsageError):
            raise
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader has seen enough (`| head`); Python would complain once more while it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if debugging():
            raise
        click.echo(f"sprintline: {error_text(error, settings.ROOT)}", err=True)
        sys.exit(1)
    sys.exit(result if isinstance(result, int) else 0)


if __name__ == "__main__":
    main()
