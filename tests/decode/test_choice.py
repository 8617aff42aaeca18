"""The environment forces a decoder; without a compiled one the plain one works and says so, once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from decode.story import VERSION, scalar
from support import run_cli

from tbbridge.decode import _native, backend

FORCED = {
    "compiled": {"TBBRIDGE_DECODER": "compiled"},
    "portable": {"TBBRIDGE_DECODER": "compiled", "TBBRIDGE_CRC": "portable"},
    "plain": {"TBBRIDGE_DECODER": "plain"},
}


@pytest.mark.parametrize("name", FORCED)
def test_a_forced_decoder_gives_the_same(name: str, tmp_path: Path) -> None:
    """`tbbridge check` says the same of a damaged file, and `--version` which decoder is at work."""
    broken = bytearray(scalar(2))
    broken[20] ^= 1
    (tmp_path / "x.tfevents").write_bytes(b"".join([VERSION, scalar(1), broken, scalar(3)]))
    found = json.loads(run_cli("check", tmp_path, "--json", env=FORCED[name]).stdout)["files"][0]
    assert (found["records"], found["scalars"]) == (3, 2)
    assert [one["reason"] for one in found["damage"]] == ["wrong data checksum"]
    decoder = "plain" if name == "plain" else "compiled"
    assert f"({decoder} decoder)" in run_cli("--version", env=FORCED[name]).stdout


def test_the_checksum_is_chosen_by_the_environment() -> None:
    """TBBRIDGE_CRC=portable takes the table."""
    code = "from tbbridge.decode import backend, _native; print(_native.crc_kind())"
    for env, kind in (({"TBBRIDGE_CRC": "portable"}, "portable"), ({}, _native.crc_kind())):
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == kind


def test_without_a_compiled_decoder_one_warning_tells_the_remedy() -> None:
    """The plain decoder takes over; a forced compiled one fails instead."""
    code = (
        "import sys; sys.modules['tbbridge.decode._native'] = None\n"
        "from tbbridge import decode; print(decode.IMPLEMENTATION)"
    )
    done = subprocess.run([sys.executable, "-c", code], env={}, capture_output=True, text=True, check=True)
    assert done.stdout == "plain\n"
    assert done.stderr.count("install a C compiler") == 1
    forced = subprocess.run(
        [sys.executable, "-c", code], env={"TBBRIDGE_DECODER": "compiled"}, capture_output=True, text=True, check=False
    )
    assert forced.returncode == 1


def test_the_twins_have_the_same_face() -> None:
    """Each function of the contract is in both twins, and picked from one of them."""
    from tbbridge.decode import _plain

    assert set(_native.__all__) == set(_plain.__all__)
    assert set(backend.__all__) - {"IMPLEMENTATION"} <= set(_plain.__all__)
