"""The house: data goes one way, rooms are named, every name is public in one place."""

import ast
from pathlib import Path

import pytest

import img2imu_kit

PACKAGE = Path(img2imu_kit.__file__).parent

#: From the ground up: a room imports from those before it, and from itself.
ROOMS = (
    *("errors", "_files", "_memory"),
    *("signals", "readers", "datasets", "pictures", "augment", "models", "pretrain", "baselines"),
    *("evaluate", "explain", "plots", "reproduce", "explore", "cli"),
)


def module(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def arrows() -> set[tuple[str, str]]:
    """Each import of one module by another, also inside functions and for type checkers only."""
    found = set()
    for name, path in MODULES.items():
        package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = package[: len(package) - node.level + 1] + (node.module or "").split(".")
                base = ".".join(filter(None, base))
                for alias in node.names:
                    inner = f"{base}.{alias.name}".strip(".")
                    found.add((name, inner if inner in MODULES else base))
    return found


ARROWS = arrows()


def test_there_are_arrows_to_check():
    assert len(ARROWS) > 100
    assert {inner for _, inner in ARROWS} <= {*MODULES, ""}


def test_every_room_has_a_place_in_the_order():
    assert {name.split(".")[0] for name in MODULES} == {"__init__", "__main__", *ROOMS}


def test_data_goes_one_way():
    floor = {room: i for i, room in enumerate(ROOMS)}
    climbing = [
        f"{name} imports {inner}"
        for name, inner in sorted(ARROWS)
        if name not in ("__init__", "__main__")
        and (inner == "" or floor[inner.split(".")[0]] > floor[name.split(".")[0]])
    ]
    assert climbing == []


def test_no_module_imports_itself_by_a_detour():
    reached = {name: {b for a, b in ARROWS if a == name} for name in MODULES}
    for middle in MODULES:  # Warshall's closure
        for targets in reached.values():
            if middle in targets:
                targets |= reached[middle]
    assert [name for name, targets in reached.items() if name in targets] == []


def stub(path: Path) -> list[str]:
    """Names that a face hands on."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return [
        alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    ]


def test_every_name_is_public_in_one_place():
    names = [name for path in PACKAGE.rglob("*.pyi") for name in stub(path)]
    assert sorted({name for name in names if names.count(name) > 1}) == []


@pytest.mark.parametrize("path", PACKAGE.rglob("*.pyi"), ids=lambda path: path.parent.name)
def test_a_face_hands_on_what_is_there(path):
    room = img2imu_kit if path.parent == PACKAGE else getattr(img2imu_kit, path.parent.name, None)
    if room is None:  # the command line is no attribute of the package
        assert path.parent.name == "cli"
        return
    assert [name for name in stub(path) if getattr(room, name, None) is None] == []


def test_no_function_bears_the_name_of_its_module():
    same = [
        name
        for name, path in MODULES.items()
        if not name.startswith("cli.")  # a command and its module are one word for the user too
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == name.rpartition(".")[2]
    ]
    assert same == []


def test_contributing_maps_every_module():
    text = (PACKAGE.parent / "CONTRIBUTING.md").read_text()
    leaves = {name.rpartition(".")[2]: name for name in MODULES if name.rpartition(".")[2]}
    named = set(ROOMS) | {"__init__", "__main__"}
    assert [
        name for leaf, name in leaves.items() if leaf not in named and f"`{leaf}`" not in text
    ] == []
