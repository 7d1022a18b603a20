"""What `pip install` of a wheel brings: everything the command needs, in an empty folder."""

import ast
import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOP = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]


def imported(path: Path) -> set[str]:
    """Top-level modules that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"img2imu_kit"}


def test_every_import_is_a_declared_dependency():
    extras = PROJECT["optional-dependencies"]
    optional = [text for name in extras if name != "dev" for text in extras[name]]
    needed = [*PROJECT["dependencies"], *optional]
    declared = {canonicalize_name(Requirement(text).name) for text in needed}
    # where an optional one is not installed, nothing says which distribution brings it
    distributions = {"umap": ["umap-learn"]} | packages_distributions()
    undeclared = {
        f"{path.name}: {name}"
        for path in (TOP / "img2imu_kit").rglob("*.py")
        for name in imported(path)
        if not declared & {canonicalize_name(found) for found in distributions.get(name, (name,))}
    }
    assert undeclared == set()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel, built from the tree."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=TOP, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_every_file_of_the_package(wheel):
    tree = {
        str(path.relative_to(TOP))
        for path in (TOP / "img2imu_kit").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    tree |= {
        f"img2imu_kit/{path.relative_to(TOP)}"
        for path in (TOP / "data" / "checkpoints").rglob("*")
        if path.is_file()
    }
    assert tree <= set(zipfile.ZipFile(wheel).namelist())


@pytest.mark.slow
def test_an_installed_wheel_runs_the_quickstart_in_an_empty_folder(wheel, tmp_path):
    """In an environment of its own that holds the wheel; the dependencies are lent to it."""
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    site = next((tmp_path / "env").glob("lib/python*/site-packages"))
    zipfile.ZipFile(wheel).extractall(site)
    # A line with a folder adds that folder alone: its own .pth files, and with them the tree that
    # this test runs in, are not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    where = [python, "-c", "import img2imu_kit; print(img2imu_kit.__file__)"]
    origin = subprocess.run(where, cwd=empty, env=environment, check=True, capture_output=True)
    assert origin.stdout.decode().startswith(str(site))
    run = [python, "-m", "img2imu_kit", "quickstart"]
    done = subprocess.run(run, cwd=empty, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (empty / "results" / "quickstart.png").stat().st_size > 20_000
    assert "macro_f1" in done.stdout
    assert "make lab" in done.stdout.splitlines()[-1], "the next step"
