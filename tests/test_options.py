"""The mapping's options: from the command line, and from configuration files."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from tbbridge.commands.mapping_options import ALIGN, PREFER, add_mapping_arguments, mapping_options
from tbbridge.core.errors import MappingError, PathError, UsageError
from tbbridge.shape.align import MODES
from tbbridge.shape.mapping import mapping
from tbbridge.shape.mapping.mapping import MappingOptions


def options(logdir: Path, *arguments: str) -> MappingOptions:
    parser = argparse.ArgumentParser()
    add_mapping_arguments(parser)
    return mapping_options(parser.parse_args(arguments), logdir)


def maps(found: MappingOptions) -> list[tuple[str, str]]:
    return [(one.column, one.pattern.text) for one in found.overrides]


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log directory; the working directory is another one."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    path = tmp_path / "project" / "logs"
    path.mkdir(parents=True)
    return path


def test_choices_are_those_of_the_mapping() -> None:
    """They are written twice so that the help need not load the mapping."""
    assert (ALIGN, PREFER) == (MODES, mapping.PREFER)


def test_nothing_said_is_the_defaults(logs: Path) -> None:
    """No files, no arguments."""
    assert options(logs) == MappingOptions()


def test_command_line(logs: Path) -> None:
    """--map and --metric may be repeated."""
    found = options(logs, "--map", "val loss=x", "--map", "train ppl=y", "--metric", "ppl=*ppl", "--align", "wall")
    assert maps(found) == [("val cross entropy", "x"), ("train ppl", "y")]
    assert found.columns == ("train ppl", "val ppl", "train cross entropy", "val cross entropy")
    assert (found.align, found.prefer) == ("wall", "epoch")


def test_toml_beside_the_log_directory(logs: Path) -> None:
    """tbbridge.toml lies in the directory that holds the log directory, relative or not."""
    (logs.parent / "tbbridge.toml").write_text(
        'align = "epoch"\nprefer = "step"\nmetric = ["ppl=*/ppl"]\n[map]\n"val accuracy" = "eval/top1"\n'.replace(
            '"val accuracy"', '"val loss"'
        )
    )
    found = options(logs)
    assert (found.align, found.prefer, maps(found)) == ("epoch", "step", [("val cross entropy", "eval/top1")])
    assert found.metrics[0].name == "ppl"


def test_toml_inside_the_log_directory_is_not_read(logs: Path) -> None:
    """What lies there is the trainings' own."""
    (logs / "tbbridge.toml").write_text('align = "wall"\n')
    assert options(logs).align == "auto"


@pytest.mark.parametrize("where", [".", "../project"])
def test_pyproject_beside_it_or_in_the_working_directory(logs: Path, where: str) -> None:
    """The table [tool.tbbridge]; other tools' tables are their own."""
    text = '[tool.other]\nx = 1\n[tool.tbbridge]\nalign = "step"\nmetric = {ppl = "*/ppl"}\n'
    (Path.cwd() / where / "pyproject.toml").write_text(text)
    assert (options(logs).align, options(logs).metrics[0].name) == ("step", "ppl")


def test_the_nearer_source_wins_entry_by_entry(logs: Path) -> None:
    """Command line before tbbridge.toml before pyproject.toml; overrides of other columns stay."""
    (logs.parent / "pyproject.toml").write_text(
        '[tool.tbbridge]\nalign = "step"\nprefer = "step"\n[tool.tbbridge.map]\n"train loss" = "a"\n"val loss" = "b"\n'
    )
    (logs.parent / "tbbridge.toml").write_text('align = "epoch"\n[map]\n"val loss" = "c"\n')
    found = options(logs, "--align", "wall", "--map", "val accuracy=d")
    assert (found.align, found.prefer) == ("wall", "step")
    assert maps(found) == [
        ("train cross entropy", "a"),
        ("val cross entropy", "b"),
        ("val cross entropy", "c"),
        ("val accuracy", "d"),
    ]


def test_config_names_the_file_and_no_config_none(logs: Path, tmp_path: Path) -> None:
    """Instead of the files that are looked for."""
    (logs.parent / "tbbridge.toml").write_text('align = "epoch"\n')
    (tmp_path / "mine.toml").write_text('prefer = "step"\n')
    found = options(logs, "--config", str(tmp_path / "mine.toml"))
    assert (found.align, found.prefer) == ("auto", "step")
    assert options(logs, "--no-config") == MappingOptions()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("align = \n", "not a valid TOML file"),
        ('algin = "wall"\n', "'algin' is not known; did you mean 'align'?"),
        ('align = "sideways"\n', "'align' must be one of auto, step, epoch, wall"),
        ("map = 3\n", "'map' must be a table of column = tag"),
        ('[map]\n"val loss" = 3\n', "'val loss' must be a tag"),
        ("metric = 3\n", "'metric' must be a list"),
        ("metric = [3]\n", "'metric' must be a list of texts"),
        ('[map]\n"val los" = "x"\n', "there is no such column; did you mean"),
        ('metric = ["a=x", "b=x", "c=x"]\n', "there are two charts"),
    ],
)
def test_wrong_configuration_is_refused_in_one_line(logs: Path, text: str, message: str) -> None:
    """The file is named where it is the file's fault, with the remedy."""
    (logs.parent / "tbbridge.toml").write_text(text)
    with pytest.raises(UsageError) as error:
        options(logs)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert isinstance(error.value, MappingError) or "tbbridge.toml" in str(error.value)


def test_config_that_is_not_there(logs: Path) -> None:
    """One line, and what to do."""
    with pytest.raises(PathError, match=r"gone\.toml: cannot be read"):
        options(logs, "--config", "gone.toml")


def test_config_that_is_no_text(logs: Path) -> None:
    """Bytes that are not UTF-8."""
    (logs.parent / "tbbridge.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not a valid TOML file"):
        options(logs)
