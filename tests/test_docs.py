"""The docs are true: their commands parse, their Python runs, their links lead somewhere, generated pages are fresh."""

from __future__ import annotations

import configparser
import contextlib
import importlib.util
import io
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from support import ROOT, run_cli, run_together

from tbbridge.cli import build_parser
from tbbridge.write.events import EventWriter

PAGES = sorted(
    str(path.relative_to(ROOT))
    for folder in (".", "docs", "viewer", "benchmarks", "examples", "findings", "fixtures", "tests/campaigns")
    for path in ROOT.joinpath(folder).glob("*.md")
)

GENERATED = ["docs/make_cli.py", "docs/make_api.py", "contrib/completion/make.py"]

ENDS = ("export", "inspect", "check", "repair", "import", "wait", "status")
"""Commands that end by themselves; the others are tried by tests of their own."""


class Block(NamedTuple):
    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str) -> Iterator[Block]:
    """The fenced code blocks of a page, with the line of their opening fence."""
    text = (ROOT / page).read_text()
    for found in re.finditer(r"^ *```(\w*)[^\n]*\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL):
        yield Block(page, text.count("\n", 0, found.start()) + 1, found[1], found[2])


def all_blocks(*languages: str) -> list[Block]:
    return [block for page in PAGES for block in blocks(page) if block.language in languages]


def command_lines(block: Block) -> Iterator[list[str]]:
    """The arguments of each ``tbbridge`` command of a shell block, up to a pipe, a redirection or a comment."""
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True)
        if words[:1] == ["tbbridge"]:
            ends = (n for n, word in enumerate(words) if word in {"|", ">", "&&", "&", ";"})
            yield words[1 : next(ends, len(words))]


def complaint(words: list[str]) -> str:
    """What the parser says against the arguments; empty when it takes them (or answers, as to ``--version``)."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            build_parser().parse_args(words)
        except SystemExit as stop:
            return said.getvalue() if stop.code else ""
    return ""


def write_training(folder: Path, shift: float) -> None:
    for split, worse in {"train": 0.0, "validation": 0.05}.items():
        (folder / split).mkdir(parents=True)
        with EventWriter(folder / split / "events.out.tfevents.1767225600.host", wall_time=1767225600.0) as writer:
            for step in range(5, 55, 5):
                wall_time = 1767225600.0 + step
                writer.scalar("epoch_accuracy", step, wall_time, 1 - 1 / (step + shift) - worse)
                writer.scalar("epoch_loss", step, wall_time, 2 / (step + shift) + worse)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory with `logs/`, two trainings, as the docs have it."""
    monkeypatch.chdir(tmp_path)
    write_training(tmp_path / "logs" / "digits-cnn", 1.0)
    write_training(tmp_path / "logs" / "digits-softmax", 3.0)
    return tmp_path


def deployed() -> dict[str, list[str]]:
    """The ``tbbridge`` command lines of the deployment examples, by the file that they are in."""
    image = re.search(r"^CMD (.*)$", (ROOT / "contrib/docker/Dockerfile").read_text(), re.MULTILINE)
    service = re.search(r"^ExecStart=(.*)$", (ROOT / "contrib/systemd/tbbridge.service").read_text(), re.MULTILINE)
    assert image is not None
    assert service is not None
    return {"Dockerfile": json.loads(image[1]), "tbbridge.service": shlex.split(service[1].replace("${PORT}", "8050"))}


@pytest.mark.parametrize(("where", "words"), deployed().items())
def test_the_deployment_examples_run_a_command_that_is_one(where: str, words: list[str]) -> None:
    """The container and the service start ``tbbridge watch`` with options that it takes."""
    assert Path(words[0]).name == "tbbridge"
    assert words[1] == "watch"
    assert complaint(words[1:]) == "", where


@pytest.mark.parametrize("block", all_blocks("sh", "console", "bash"), ids=str)
def test_every_command_in_the_docs_is_one(block: Block) -> None:
    """Each ``tbbridge`` line of the docs is a command line that the parser takes."""
    for words in command_lines(block):
        assert complaint(words) == "", f"{block}: tbbridge {shlex.join(words)}"


def test_all_say_the_same_version() -> None:
    """The command, the citation and the changelog's newest section, "unreleased" or with its day, name one version."""
    said = run_cli("--version")
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    sections = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    newest = re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - (unreleased|\d{4}-\d\d-\d\d)", sections[0])
    assert newest, sections[0]
    assert cited
    assert said.stdout.split()[:2] == ["tbbridge", newest[1]] == ["tbbridge", cited[1]]
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert config["metadata"]["version"] == "attr: tbbridge.core.version.VERSION"


def commands_that_end(page: str) -> list[list[str]]:
    """Those that read the reader's `logs/`, and what comes of them; a store, a cluster or another file is not there."""
    lines = [
        words for block in all_blocks("sh", "console", "bash") if block.page == page for words in command_lines(block)
    ]
    return [words for words in lines if words[0] in ENDS and words[1].split("/")[0].removesuffix("-csv") == "logs"]


@pytest.mark.parametrize("page", [page for page in PAGES if commands_that_end(page)])
def test_the_commands_of_the_docs_run(page: str, workplace: Path) -> None:
    """Every command of a page that ends by itself succeeds, one after the other, where it says so."""
    lines = commands_that_end(page)
    for words, done in zip(lines, run_together(["export", "logs/"], *lines, cwd=workplace)[1:], strict=True):
        assert done.returncode == 0, f"tbbridge {shlex.join(words)}: {done.stderr}"


@pytest.mark.parametrize("document", PAGES)
def test_every_target_and_script_of_the_docs_is_there(document: str) -> None:
    """What a page tells to make is a target of the Makefile; the Python script that it tells to run is a file."""
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    text = (ROOT / document).read_text()
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)) <= set(targets)
    for script in re.findall(r"(?:^|`)(?:\w+=\S+ )*python3? ([\w/]+\.py)", text, re.MULTILINE):
        pattern = script.replace("NAME", "[a-z]*")
        assert [*ROOT.glob(pattern), *(ROOT / document).parent.glob(pattern)], script


def test_make_demo_is_the_demo_beside_tensorboard() -> None:
    """The README's first command ends with ``tbbridge demo --tensorboard``, which tests of its own run."""
    plan = ["make", "--no-print-directory", "-n", "demo"]
    planned = subprocess.run(plan, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    command = shlex.split(planned.splitlines()[-1])
    assert (Path(command[0]).name, command[1:]) == ("tbbridge", ["demo", "--tensorboard"])


@pytest.mark.parametrize("document", [page for page in PAGES if any(b.language == "python" for b in blocks(page))])
def test_the_python_of_the_docs_runs(document: str, workplace: Path) -> None:
    """The Python blocks of a page run in their order, in one program."""
    program: dict[str, object] = {"__name__": "docs"}
    for block in blocks(document):
        if block.language == "python":
            exec(compile("\n" * block.line + block.text, document, "exec"), program)


def test_early_stopping_waits_for_the_first_validation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guide's snippet goes on while no validation point is there, and ends when no more comes."""
    monkeypatch.chdir(tmp_path)
    write_training(tmp_path / "logs" / "young", 1.0)
    shutil.rmtree(tmp_path / "logs/young/validation")
    (text,) = [b.text for b in blocks("docs/guide.md") if b.language == "python" and "tbbridge.Condition" in b.text]
    program: dict[str, object] = {}
    exec(text, program)
    assert program["update"].columns["val accuracy"].value.size == 0  # type: ignore[attr-defined]


def slug(heading: str) -> str:
    """GitHub's anchor of a heading."""
    plain = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower())
    return plain.strip().replace(" ", "-")


@pytest.mark.parametrize("document", PAGES)
def test_every_link_of_the_docs_leads_somewhere(document: str) -> None:
    """A relative link names a file that is there, and its anchor a heading of it."""
    text = re.sub(r"^ *```.*?^ *```$", "", (ROOT / document).read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / document).parent / path if path else ROOT / document
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            assert anchor in map(slug, headings), target


def test_the_readmes_answers_are_tbbridges(tmp_path: Path) -> None:
    """On the files of the README's comparison tbbridge returns the points that are right, each with its value."""
    answers = load("benchmarks/answers.py")
    for case, (name, right) in answers.cases(tmp_path).items():
        assert answers.verdict(case, answers.by_tbbridge(tmp_path, case)) == f"{right:,}", name


def load(script: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(script).stem, ROOT / script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("script", GENERATED)
def test_a_generated_page_is_fresh(script: str) -> None:
    """What is written from the code itself (``make docs``) is what the code would write now."""
    for path, text in load(script).pages().items():
        assert path.read_text() == text, f"{path}: run `make docs`"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("tbbridge wat", "watch"), ("tbbridge export --form", "--format"), ("tbbridge export --align w", "wall")],
)
def test_the_shell_completes(typed: str, offered: str) -> None:
    """Bash completes commands, options and their choices."""
    program = (
        "source contrib/completion/tbbridge; read -ra COMP_WORDS <<<$1; COMP_CWORD=$((${#COMP_WORDS[@]} - 1));"
        '$(complete -p tbbridge | sed "s/.*-F \\([^ ]*\\).*/\\1/") tbbridge; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", program, "bash", typed], cwd=ROOT, capture_output=True, text=True, check=True)
    assert offered in done.stdout.split()


def test_the_writers_page_says_what_is_known_and_how() -> None:
    """Forty-five rows of libraries at least, thirty of them seen in recordings or findings, which are all there."""
    text = (ROOT / "docs/writers.md").read_text()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    known = [cells[-1] for cells in rows if len(cells) == 5 and cells[0] != "library"]
    assert len(known) >= 45
    assert sum("recording" in how or "finding:" in how for how in known) >= 30
    for name in re.findall(r"\(\.\./(findings/\w+\.py)\)", text):
        assert (ROOT / name).exists(), name
