"""The house's rules: who may import whom, how long a file may be, what the front door shows, how light the help is."""

from __future__ import annotations

import ast
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support import ROOT, command

import tbbridge

ROOMS = ("tail", "decode", "shape", "write")

FLOORS = (
    ("core",),
    ROOMS,
    ("reading", "cli"),
    ("following", "exporting"),
    ("__init__",),
    ("viewer",),
    ("watching",),
    ("commands", "__main__"),
)
"""The boxes of the house, from the foundation up: a box imports only from floors below its own."""

PURE = ("decode", "shape")
IMPURE = ("os", "pathlib", "time", "logging", "io", "shutil", "socket", "subprocess", "tempfile", "threading")
"""Modules of files, clocks, logs and processes."""

HEAVY = (
    "dash",
    "numpy",
    "pandas",
    "plotly",
    "pyarrow",
    "tensorboard",
    "tensorflow",
    "torch",
    "fastapi",
    "uvicorn",
    "rich",
)

LIGHT = (
    "__future__",
    "argparse",
    "collections",
    "typing",
    "enum",
    "dataclasses",
    "tbbridge.commands",
)
"""What a command's file may import at its top, so that ``--help`` stays quick; `options` adds shared arguments."""

CONTRACT = ("add_arguments", "run")
"""What the file of each command has."""

LONGEST_FILE = 399
LONGEST_HELP = 0.5  # seconds of the processor


class Import(NamedTuple):
    file: str  # below the project's root, with /
    module: str  # absolute, such as tbbridge.core.model
    names: tuple[str, ...]  # of `from module import names`
    top: bool  # False inside a function
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module} {', '.join(self.names)}"


def package_of(file: str) -> str:
    """The dotted name of the package that holds a file: viewer/app.py is in tbbridge.viewer."""
    folder = Path(file).parent
    installed = Path("tbbridge") / folder if folder.parts[:1] in (("viewer",), ("fixtures",)) else folder
    return ".".join(installed.parts)


def absolute(node: ast.ImportFrom, file: str) -> str:
    if not node.level:
        return node.module or ""
    above = package_of(file).split(".")
    base = above[: len(above) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def imports(file: str) -> Iterator[Import]:
    tree = ast.parse((ROOT / file).read_text())
    inside = {
        id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef) for n in ast.walk(f)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, alias.name, (), id(node) not in inside, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            yield Import(file, absolute(node, file), names, id(node) not in inside, node.lineno)


def files(*patterns: str) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for pattern in patterns for path in ROOT.glob(pattern))


def targets(found: Import) -> Iterator[str]:
    """What an import may bring in: the module, and each name as if it were a module."""
    yield found.module
    for name in found.names:
        yield f"{found.module}.{name}"


def reaches(found: Import, *modules: str) -> bool:
    """Whether the import brings in one of `modules` or something inside one."""
    return any(t == m or t.startswith(f"{m}.") for t in targets(found) for m in modules)


def stays_in(found: Import, *modules: str) -> bool:
    """Whether everything that the import brings in lies inside `modules`."""
    wanted = [f"{found.module}.{name}" for name in found.names] or [found.module]
    return all(any(f"{w}.".startswith(f"{m}.") for m in modules) for w in wanted)


def all_imports(*patterns: str) -> list[Import]:
    return [found for file in files(*patterns) for found in imports(file)]


def offenders(found: list[Import]) -> str:
    return "\n".join(map(str, found))


def box_of(file: str) -> str:
    """The box that a file is in: its folder below ``tbbridge/``, or its own name there."""
    parts = Path(file).with_suffix("").parts
    return parts[0] if parts[0] == "viewer" else parts[1]


def box_behind(module: str) -> str | None:
    """The box that a dotted name lies in; None outside tbbridge and for modules that are named at run time only."""
    top, *rest = module.split(".")
    if top != "tbbridge":
        return None
    boxes = {box for floor in FLOORS for box in floor}
    return rest[0] if rest and rest[0] in boxes else "__init__"


def test_every_folder_is_a_box() -> None:
    """The folders and modules of ``tbbridge/`` are the boxes of the floors, all of them and no others."""
    found = {box_of(file) for file in files("tbbridge/**/*.py", "viewer/*.py")}
    assert found == {box for floor in FLOORS for box in floor}


def test_no_arrow_runs_back_up() -> None:
    """A box imports itself and what lies on a lower floor: rooms never import one another."""
    level = {box: number for number, floor in enumerate(FLOORS) for box in floor}
    wrong = []
    for found in all_imports("tbbridge/**/*.py", "viewer/*.py"):
        own = box_of(found.file)
        named = [f"tbbridge.{name}" for name in found.names] if found.module == "tbbridge" else [found.module]
        reached = {box_behind(module) for module in named} - {None, own}
        wrong += [found for box in reached if box and level[box] >= level[own]]
    assert not wrong, offenders(wrong)


@pytest.mark.parametrize("room", PURE)
def test_the_middle_does_no_io(room: str) -> None:
    """`decode` and `shape` import no module of files, clocks, logs or processes: bytes in, values out."""
    wrong = [found for found in all_imports(f"tbbridge/{room}/**/*.py") if reaches(found, *IMPURE)]
    assert not wrong, offenders(wrong)


@pytest.mark.parametrize(
    ("modules", "home"),
    [
        (("pyarrow.csv", "pyarrow.parquet"), "tbbridge/write/"),
        (("dash", "plotly", "fastapi"), "viewer/"),
    ],
)
def test_a_dependency_has_one_home(modules: tuple[str, ...], home: str) -> None:
    """Only `write/` knows pyarrow's writers, only `viewer/` Dash."""
    everything = all_imports("tbbridge/**/*.py", "viewer/**/*.py")
    wrong = [found for found in everything if reaches(found, *modules) and not found.file.startswith(home)]
    assert not wrong, offenders(wrong)


def test_the_viewer_and_the_examples_use_the_front_door_only() -> None:
    """They import `tbbridge` and names of its ``__all__``; `viewer/` also the exporter of pages and its table."""
    doors = ("tbbridge", "tbbridge.viewer")
    exporter = tuple(f"tbbridge.exporting.{name}" for name in ("html_report", "plotly_bundle", "summary_table"))
    wrong = []
    for found in all_imports("viewer/**/*.py", "examples/**/*.py"):
        if not reaches(found, "tbbridge") or reaches(found, "tbbridge.viewer"):
            continue
        if found.file.startswith("viewer/") and found.module in exporter:
            continue
        if found.module not in doors or not set(found.names) <= set(tbbridge.__all__):
            wrong.append(found)
    assert not wrong, offenders(wrong)


def test_a_commands_file_is_light_to_import() -> None:
    """A command's file imports the rest of tbbridge, and anything heavy, inside its functions."""
    wrong = [
        found
        for found in all_imports("tbbridge/commands/*_.py")
        if found.top and not stays_in(found, *LIGHT) and not typing_only(found)
    ]
    assert files("tbbridge/commands/*_.py")
    assert not wrong, offenders(wrong)


def test_a_command_knows_no_room() -> None:
    """Commands ask the boxes above the rooms: none of them imports from a room."""
    rooms = tuple(f"tbbridge.{room}" for room in ROOMS)
    wrong = [found for found in all_imports("tbbridge/commands/*.py") if reaches(found, *rooms)]
    assert not wrong, offenders(wrong)


def test_no_public_name_stands_twice() -> None:
    """A class or a public function has one name in the whole product; a command's two functions are its contract."""
    found: dict[str, list[str]] = {}
    for file in files("tbbridge/**/*.py", "viewer/*.py"):
        for node in ast.parse((ROOT / file).read_text()).body:
            public = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_"
            if public and (node.name not in CONTRACT or "/commands/" not in file):
                found.setdefault(node.name, []).append(file)
    assert {name: places for name, places in found.items() if len(places) > 1} == {}


def typing_only(found: Import) -> bool:
    """Whether the import stands under ``if TYPE_CHECKING:``."""
    tree = ast.parse((ROOT / found.file).read_text())
    guards = [n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test).endswith("TYPE_CHECKING")]
    return any(guard.lineno <= found.line <= (guard.end_lineno or 0) for guard in guards)


def kind_then_name(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, as ruff sorts an ``__all__``."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def test_the_front_door_is_sorted_and_exact() -> None:
    """``tbbridge.__all__`` is sorted, each name is there, and no other public name shows."""
    names = list(tbbridge.__all__)
    assert names == sorted(set(names), key=kind_then_name)
    assert all(getattr(tbbridge, name) is not None for name in names)
    assert sorted(dir(tbbridge)) == sorted(names)


def test_an_unknown_name_at_the_front_door_is_an_attribute_error() -> None:
    """A misspelt name fails as it does for any module."""
    with pytest.raises(AttributeError, match="reed"):
        tbbridge.reed  # noqa: B018


def test_the_page_stays_short() -> None:
    """`viewer/app.py` has less than 400 lines, as it promises those who change it."""
    assert len((ROOT / "viewer/app.py").read_text().splitlines()) <= LONGEST_FILE


def test_the_help_is_quick() -> None:
    """``tbbridge --help`` takes under half a second of the processor (the best of five, as caches may be cold)."""
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command("--help"), check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < LONGEST_HELP


def loaded_by(*arguments: str) -> set[str]:
    """The heavy modules that one command line has imported when it ends."""
    program = (
        "import sys; from tbbridge.cli import main; code = main(sys.argv[1:]);"
        f"print(*(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], check=True, capture_output=True, text=True)
    return set(done.stderr.split())


def test_the_help_loads_nothing_heavy() -> None:
    """``tbbridge --help`` imports neither dash, pandas nor tensorboard, nor any other heavy library."""
    assert loaded_by("--help") == set()


def test_a_check_of_sound_files_loads_nothing_heavy() -> None:
    """It counts what is intact, and NumPy's import would take longer than the rest; damage may load it."""
    assert loaded_by("check", str(ROOT / "fixtures/demo/mnist")) == set()


def test_the_import_of_the_package_loads_nothing_heavy() -> None:
    """``import tbbridge`` alone is light: names of the front door load what they need when they are used."""
    program = f"import sys, tbbridge; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
