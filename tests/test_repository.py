"""The repository as a whole: its layout, its lock, its commands and its layers hold what they promise."""

import os
import re
import subprocess
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
LOCKS = ["requirements.lock", "requirements-bootstrap.lock"]


def run(*command: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command without the variables that could lend it another environment's packages."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MAKE"))}
    return subprocess.run(command, cwd=cwd, env=env | environment, capture_output=True, text=True, timeout=60)


def requirements(lock: str) -> dict[str, str]:
    """Each locked requirement with all its lines, hashes included."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    blocks = re.split(
        r"^(?=[A-Za-z0-9])", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE), flags=re.MULTILINE
    )
    return {block.split(" \\", 1)[0]: block for block in blocks if block.strip()}


def test_platform_folder_is_no_package():
    assert not (ROOT / "platform" / "__init__.py").exists(), (
        "it would shadow the standard library's `platform`"
    )


@pytest.mark.parametrize("command", [["-c", "import platform; print(platform.system())"], ["-m", "platform"]])
def test_standard_library_platform_is_reached_from_the_root(command):
    told = run(sys.executable, *command)
    assert told.returncode == 0, told.stderr
    assert told.stdout.strip()


def test_sources_are_on_the_path_without_reinstall():
    told = run(sys.executable, "-c", "import sprintline; print(sprintline.__file__)", cwd=Path("/"))
    assert told.returncode == 0, told.stderr
    assert Path(told.stdout.strip()).is_relative_to(ROOT / "platform")
    paths = run(
        sys.executable, "-c", "import sys; print(*sys.path, sep='\\n')", cwd=Path("/")
    ).stdout.splitlines()
    assert str(ROOT / "platform") in paths, "a new product would need a reinstall"


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_host_and_hashes_everything(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.search(r"https?://|git\+|file:|^\s*-", text.replace("    --hash=", ""), flags=re.MULTILINE)
    locked = requirements(lock)
    assert locked
    for requirement, block in locked.items():
        assert "==" in requirement, requirement
        assert "--hash=sha256:" in block, requirement


def test_lock_covers_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    # PEP 503: runs of - _ . are one hyphen in a locked name.
    names = {
        re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~ ;]", entry, maxsplit=1)[0]).lower() for entry in wanted
    }
    locked = {requirement.split("==")[0].split("[")[0] for requirement in requirements("requirements.lock")}
    assert names <= locked, f"`make lock` has not been run since these were added: {sorted(names - locked)}"


def test_the_pythons_that_are_allowed_are_the_same_everywhere():
    """In pyproject.toml, in the set-up, in what is looked up for the lock, and on the page."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    first, last = map(int, re.fullmatch(r">=3\.(\d+),<3\.(\d+)", project["requires-python"]).groups())
    allowed = [f"3.{minor}" for minor in range(first, last)]
    setup = (ROOT / "tools" / "setup.sh").read_text()
    assert f"(3, {first}) <= sys.version_info[:2] < (3, {last})" in setup
    assert f"is not Python {', '.join(allowed[:-1])} or {allowed[-1]}." in setup
    lock = (ROOT / "tools" / "lock.sh").read_text()
    assert f"for python in {' '.join(allowed)};" in lock and f"--python-version {allowed[0]} " in lock
    page = (ROOT / "docs" / "how-to" / "install.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| Python (3\.\d+) \|", page, flags=re.MULTILINE) == allowed
    assert f"**Python 3.{last} is out:**" in page
    # What differs by Python is told there: a model may not be reproduced with another.
    marked = re.findall(r"^([\w-]+)==\S+ ; python_full_version", (ROOT / LOCKS[0]).read_text(), re.MULTILINE)
    for name in ("numpy", "scipy", "networkx"):
        assert (name in marked) == (name in page), name


def test_help_documents_every_target():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)
    assert phony
    told = run("make", "--no-print-directory")
    assert told.returncode == 0, told.stderr
    documented = re.findall(r"^  make (\S+) +\S", told.stdout, flags=re.MULTILINE)
    assert sorted(documented) == sorted(phony[1].split())
    assert {"setup", "demo", "test", "ui", "lint", "clean", "help"} <= set(documented)


def test_second_setup_has_nothing_to_do(tmp_path):
    """The stamp follows contents: once made, nothing is out of date; any change of an input is."""
    for name in ["Makefile", "pyproject.toml", *LOCKS]:
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "setup.sh").write_text('#!/bin/sh\nmkdir -p "$1" && echo installed\n')
    (tools / "setup.sh").chmod(0o755)

    assert "installed" in run("make", "setup", cwd=tmp_path).stdout
    (tmp_path / "pyproject.toml").touch()
    assert "installed" not in run("make", "setup", cwd=tmp_path).stdout
    with (tmp_path / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    assert "installed" in run("make", "setup", cwd=tmp_path).stdout


@pytest.mark.slow
def test_make_switches_telemetry_off(tmp_path):
    """What `make` hands to its commands, as the libraries themselves read it."""
    probe = (
        "from dagster._core.telemetry_upload import is_running_in_test as no_upload;"
        "from dagster_dg_core.utils.telemetry import get_telemetry_enabled_for_cli as dg;"
        "from mlflow.telemetry.utils import is_telemetry_disabled as no_mlflow;"
        "from dbt.cli.main import cli; from dbt.cli.flags import Flags;"
        "dbt = Flags(cli.make_context('dbt', ['parse'], resilient_parsing=True)).SEND_ANONYMOUS_USAGE_STATS;"
        "print(no_upload(), dg(), no_mlflow(), dbt)"
    )
    lines = f'\ninclude {ROOT}/Makefile\nprobe:\n\t@{sys.executable} -c "$$PROBE"\n'
    (tmp_path / "probe.mk").write_text(lines)
    clean = {name: "" for name in ("DO_NOT_TRACK", "CI") if name in os.environ}
    told = run("make", "-s", "-f", str(tmp_path / "probe.mk"), "probe", PROBE=probe, **clean)
    assert told.stdout.split() == ["True", "False", "True", "False"], told.stderr


def test_layers_run_one_way():
    told = run(str(BIN / "lint-imports"), "--no-cache")
    assert told.returncode == 0, told.stdout[-3000:]
    assert "0 broken" in told.stdout


def test_no_file_is_in_a_circle():
    """Also where an import stands inside a function or is for types only."""
    graph = grimp.build_graph("sprintline", cache_dir=None)
    below = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(below).prepare()
    except CycleError as circle:
        pytest.fail(f"these import each other: {' -> '.join(circle.args[1])}")


SHELL = ("assets", "sensors", "jobs", "checks")
"""File names of the Dagster shell; beside them only the processes and the components know Dagster."""


def test_only_the_shell_imports_dagster():
    graph = grimp.build_graph("sprintline", include_external_packages=True, cache_dir=None)
    known = {
        module
        for library in ("dagster", "dagster_dbt")
        for module in graph.find_modules_that_directly_import(library)
    }
    assert known
    outside = {
        module
        for module in known
        if module.split(".")[-1] not in SHELL
        and module.split(".")[1] not in ("hosting", "components", "definitions")
    }
    assert not outside


def test_what_a_gateway_needs_is_importable_without_dagster():
    """Who serves, predictions, procedures and the ledger, in a process where `import dagster` raises."""
    code = (
        "import sys\n"
        "for name in ('dagster', 'dagster_dbt', 'dagster_webserver'): sys.modules[name] = None\n"
        "import sprintline.release.live, sprintline.serving.predict, sprintline.mechanisms.procedures.procedure\n"
        "import sprintline.mechanisms.ledger.records, sprintline.release.promotion, sprintline.delivery.closing\n"
        "import sprintline.mechanisms.rules.run_rules as run_rules, sprintline.mechanisms.rules.kinds as kinds\n"
        "import sprintline.mechanisms.rules.registry as registry\n"
        "print(len(kinds.kinds()) > 5, len(registry.all_rules()) > 30)\n"
    )
    told = run(sys.executable, "-c", code)
    assert told.returncode == 0, told.stderr[-2000:]
    assert told.stdout.split() == ["True", "True"]


def test_every_product_is_a_code_location():
    workspace = yaml.safe_load((ROOT / "workspace.yaml").read_text(encoding="utf-8"))
    located = {
        entry["python_module"]["location_name"]: entry["python_module"] for entry in workspace["load_from"]
    }
    products = {path.parent.name for path in (ROOT / "platform" / "products").glob("*/defs.yaml")}
    assert set(located) == products
    for product, module in located.items():
        assert module["module_name"] == f"products.{product}.definitions"
        assert module["working_directory"] == "platform"
