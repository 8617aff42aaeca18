"""An experiment's file name: injective, harmless, never an event file's."""

from __future__ import annotations

import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tbbridge.write.names import CUT, experiment_name, file_name, file_names

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)
HOSTILE = st.text(st.sampled_from("./%~1\\\n\0aA\x7f\u202etfevnscCSV\u2028 "), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("experiment", "expected"),
    [
        ("exp", "exp.csv"),
        ("lightning_logs/version_0", "lightning_logs/version_0.csv"),
        ("Aug01_12-30 host=a, lr 0.1", "Aug01_12-30 host=a, lr 0.1.csv"),
        ("100%", "100%25.csv"),
        ("../../etc/passwd", "%2E%2E/%2E%2E/etc/passwd.csv"),
        ("a\nb\t\x00", "a%0Ab%09%00.csv"),
        ("run.tfevents", "run.tf%65vents.csv"),
        ("a.csv/b", "a%2Ecsv/b.csv"),
        (".tbbridge-1-1.tmp", "%2Etbbridge-1-1.tmp.csv"),
        ("a/.guild", "a/%2Eguild.csv"),
        (".guild/runs/7f", "%2Eguild/runs/7f.csv"),
        ("/absolute//x", "%00/absolute/%00/x.csv"),
        ("=cmd()", "=cmd().csv"),
        ("<script>", "%3Cscript%3E.csv"),
        ('a:b?c*d|e"f', "a%3Ab%3Fc%2Ad%7Ce%22f.csv"),
        ("CON", "%43ON.csv"),
        ("nul.x/con1", "%6Eul.x/con1.csv"),
        ("com0/LPT\N{SUPERSCRIPT TWO}.x", "%63om0/%4CPT\N{SUPERSCRIPT TWO}.x.csv"),
        ("nul .x", "%6Eul .x.csv"),
        ("LONGNA~1", "LONGNA%7E1.csv"),
        ("longna~1.log/lr~0.1", "longna%7E1.log/lr~0.1.csv"),
        ("a.CSV/b", "a%2ECSV/b.csv"),
        ("a./b /c.", "a%2E/b%20/c..csv"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}", "%E2%80%AE.csv"),
    ],
)
def test_names_stay_readable(experiment: str, expected: str) -> None:
    """Only what is dangerous in a path is written as ``%NN``."""
    assert file_name(experiment) == expected


@given(st.one_of(TEXT, HOSTILE))
@example("tfevents" * 40)
@example("\U0001f4a9" * 100)
@example("/".join("abc" for _ in range(2000)))
def test_every_name_is_a_safe_path(experiment: str) -> None:
    """Relative, without ``..``, short enough, no control character, and no event file's name."""
    name = file_name(experiment)
    parts = name.split("/")
    assert not name.startswith("/")
    assert not {"", ".", ".."} & set(parts)
    assert all(len(part.encode()) <= 255 for part in parts)
    assert len(name.encode()) < 2000
    assert "tfevents" not in name
    assert not any(ord(character) < 32 for character in name)
    assert not any(part.lower().endswith(".csv") for part in parts[:-1])
    assert not set('"*:<>?|\\') & set(name), "VFAT and NTFS refuse them"
    assert not any(part.endswith((".", " ")) for part in parts), "they drop these"
    assert not any(part.startswith(".") for part in parts), "a hidden file"
    assert not any(part.split(".")[0].upper() in ("CON", "PRN", "AUX", "NUL", "COM1", "LPT9") for part in parts)


@given(st.one_of(TEXT, HOSTILE), st.one_of(TEXT, HOSTILE))
@example("%41", "A")
@example("a" * 300, "a" * 301)
@example("tf%65vents", "tfevents")
@example("a/b", "a%2Fb")
def test_no_two_experiments_share_a_file(one: str, other: str) -> None:
    """Different names, different files."""
    assert (file_name(one) == file_name(other)) == (one == other)


@given(HOSTILE)
def test_the_name_can_be_read_back(experiment: str) -> None:
    """A viewer shows the experiment's own name, unless it had to be cut."""
    name = file_name(experiment)
    empty_parts = "\0" in experiment or "" in experiment.split("/")
    assert CUT in name or empty_parts or experiment_name(name) == experiment


def test_names_that_differ_in_case_only_are_told_apart_where_case_does_not_matter() -> None:
    """The first keeps its name, the others get a suffix; where case matters nothing changes."""
    names = ["Run", "run", "RUN", "other"]
    assert file_names(names) == {name: f"{name}.csv" for name in sorted(names)}
    told_apart = file_names(names, case_matters=False)
    assert told_apart["RUN"] == "RUN.csv"
    assert told_apart["other"] == "other.csv"
    assert len({name.casefold() for name in told_apart.values()}) == 4


def test_the_longest_names_fit_the_file_system(tmp_path: os.PathLike[str]) -> None:
    """255 bytes a part is what Linux takes."""
    for experiment in ("\N{SNOWMAN}" * 255, "x" * 255):
        with open(os.path.join(tmp_path, file_name(experiment)), "w"):
            pass


def test_names_that_differ_in_normal_form_only_are_told_apart_where_case_does_not_matter() -> None:
    """A file system that folds case may fold composed and decomposed letters, too."""
    one, other = file_names(["caf\u00e9", "cafe\u0301"], case_matters=False).values()
    assert CUT in one or CUT in other
