"""What a team's product imported from the platform is found where it is now."""

import subprocess
import sys

import pytest

from sprintline.base.moved import MOVED


@pytest.mark.parametrize(("old", "new"), MOVED.items())
def test_an_old_name_gives_the_new_module_and_says_so(old, new):
    code = (
        f"import warnings; warnings.simplefilter('error', DeprecationWarning)\n"
        f"import sprintline, {new} as new\n"
        f"try:\n    import {old}\nexcept DeprecationWarning as said:\n    print(said)\n"
        f"warnings.simplefilter('ignore'); import {old} as old; import sys\n"
        f"print(vars(old) is vars(new) or old.__file__ == new.__file__)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines() == [f"{old} is now {new}: import it from there", "True"]


def test_other_modules_of_the_old_packages_are_missing():
    with pytest.raises(ModuleNotFoundError):
        __import__("sprintline.core.nothing")
