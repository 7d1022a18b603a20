"""The files that set the project up agree with each other."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

TOP = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
ENVIRONMENT = yaml.safe_load((TOP / "environment.yml").read_text())


def _pins() -> dict[str, str]:
    lines = [line.split("#")[0].strip() for line in (TOP / "constraints.txt").open()]
    pins = [Requirement(line) for line in lines if line]
    return {pin.name.lower().replace("_", "-"): str(pin.specifier) for pin in pins}


def _requirements() -> list[Requirement]:
    extra = PROJECT["optional-dependencies"]["dev"]
    return [Requirement(text) for text in PROJECT["dependencies"] + extra]


def test_environment_installs_this_project_with_its_pins():
    (pip,) = [part["pip"] for part in ENVIRONMENT["dependencies"] if isinstance(part, dict)]
    assert pip == ["--constraint constraints.txt", "--editable .[dev]"]


def test_environment_python_is_one_the_project_supports():
    conda = [part for part in ENVIRONMENT["dependencies"] if isinstance(part, str)]
    (python,) = [part for part in conda if part.startswith("python=")]
    assert python.split("=")[1] in SpecifierSet(PROJECT["requires-python"])


def test_environment_names_no_package_the_project_does_not():
    conda = {part.split("=")[0] for part in ENVIRONMENT["dependencies"] if isinstance(part, str)}
    assert conda - {"python", "pip"} <= {requirement.name for requirement in _requirements()}


@pytest.mark.parametrize("requirement", _requirements(), ids=lambda r: r.name)
def test_every_dependency_is_pinned_to_a_version_it_allows(requirement):
    pin = _pins()[requirement.name.lower().replace("_", "-")]
    assert pin.startswith("==")
    assert pin.removeprefix("==") in requirement.specifier


def test_constraints_hold_names_and_versions_only():
    for name, pin in _pins().items():
        assert pin.startswith("=="), name
    assert "://" not in (TOP / "constraints.txt").read_text()


def test_the_command_is_installed():
    command = Path(sys.executable).with_name("img2imu")
    done = subprocess.run([command, "--help"], capture_output=True, text=True, check=True)
    assert "few-label" in done.stdout
