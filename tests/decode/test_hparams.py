"""The records of the hparams plugin, by both twins; TensorBoard's own messages are the oracle."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

import pytest
from decode.story import VERSION, decode, scalar
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2

from tbbridge.core.crc32c import frame
from tbbridge.core.model import EventFile, SessionEnd
from tbbridge.decode.hparams import UNREADABLE, HParamsSession
from tbbridge.shape.hparams import hparams_of, within_domains
from tbbridge.write.events import event, field, summary

pytestmark = pytest.mark.usefixtures("any_twin")


def record(content: bytes, tag: str = "_hparams_/session_start_info", plugin: str = "hparams") -> bytes:
    """A record of the plugin, without a value, as torch and Lightning write it."""
    return frame(event(0, 7.0, summary(field(1, tag) + field(9, field(1, field(1, plugin) + field(2, content))))))


def start(**values: float | str | bool) -> bytes:
    """A session's start."""
    data = plugin_data_pb2.HParamsPluginData()
    for name, value in values.items():
        kind = {bool: "bool_value", str: "string_value"}.get(type(value), "number_value")
        setattr(data.session_start_info.hparams[name], kind, value)
    return data.SerializeToString()


def end(status: str) -> bytes:
    data = plugin_data_pb2.HParamsPluginData()
    data.session_end_info.status = api_pb2.Status.Value(status)
    return data.SerializeToString()


def experiment(**domains: dict[str, object]) -> bytes:
    """An experiment's record; of each hyperparameter the fields of its HParamInfo."""
    data = plugin_data_pb2.HParamsPluginData()
    for name, given_fields in domains.items():
        info = data.experiment.hparam_infos.add(name=name, type=given_fields.get("type", 0))
        for value in given_fields.get("discrete", ()):  # type: ignore[attr-defined]
            info.domain_discrete.values.add(string_value=value)
        if "interval" in given_fields:
            info.domain_interval.min_value, info.domain_interval.max_value = given_fields["interval"]  # type: ignore[misc]
    return data.SerializeToString()


def read(contents: Iterable[bytes]) -> EventFile:
    return decode(VERSION + b"".join(map(record, contents)) + scalar(1))


def test_values_keep_their_type() -> None:
    """Numbers, texts and truths; of two sessions in a file the last counts."""
    log = read([start(lr=9.0), start(lr=0.125, optimizer="Adam\u00e9", nesterov=True, text="0.5", nothing=math.inf)])
    assert log.hparam_values == {
        "lr": 0.125,
        "optimizer": "Adam\u00e9",
        "nesterov": True,
        "text": "0.5",
        "nothing": math.inf,
    }
    assert [type(log.hparam_values[name]) for name in ("lr", "nesterov", "text")] == [float, bool, str]
    assert log.scalars.step.tolist() == [1]
    assert log.passed_over == {}


@pytest.mark.parametrize(
    ("status", "known"), [("STATUS_SUCCESS", "finished"), ("STATUS_FAILURE", "failed"), ("STATUS_RUNNING", None)]
)
def test_how_a_session_ended(status: str, known: str | None) -> None:
    """Only success and failure are an end."""
    assert read([start(lr=1.0), end(status)]).session_end == (known and SessionEnd(known, 7.0))


def test_a_value_outside_its_domain_is_kept_as_text() -> None:
    """Of a type that the domain does not have, or none of its values; what it allows keeps its type."""
    wanted = {"lr": 0.5, "decay": "2.0", "depth": "3.0", "flag": "1.0", "act": "relu"}
    text, truth, number = 1, 2, 3
    domains = experiment(
        lr={"type": number, "interval": (0.0, 1.0)},
        decay={"type": number, "interval": (0.0, 1.0)},
        depth={"type": text},
        flag={"type": truth},
        act={"type": text, "discrete": ["relu", "gelu"]},
    )
    session = start(lr=0.5, decay=2.0, depth=3.0, flag=1.0, act="relu")
    for contents in ([domains, session], [session, domains]):
        assert hparams_of(within_domains("a", {"a": [read(contents)]}.__getitem__)) == wanted


def test_a_malformed_record_costs_only_itself() -> None:
    """It is counted; so is a list, or a null, among the values."""
    lists = plugin_data_pb2.HParamsPluginData()
    lists.session_start_info.hparams["list"].list_value.values.add(number_value=1)
    lists.session_start_info.hparams["none"].null_value = 0
    lists.session_start_info.hparams["lr"].number_value = 0.5
    log = read([b"\x1a\x7f", b"\xff", lists.SerializeToString(), b"", b"\x1a\x03\x0a\x05x"])
    assert log.hparam_values == {"lr": 0.5}
    assert log.passed_over == {UNREADABLE: 6}
    assert (log.damage, log.scalars.step.tolist()) == ([], [1])


def test_only_the_plugin_s_own_records_count() -> None:
    """Neither another plugin's, nor another tag's; a scalar of such a tag stays one."""
    content = start(lr=1.0)
    log = decode(VERSION + record(content, plugin="text") + record(content, tag="lr") + scalar(1, 0.5, "_hparams_/x"))
    assert log.hparam_values == {}
    assert log.scalars.step.tolist() == [1]


def test_names_that_look_alike_are_told_apart() -> None:
    """A name of a byte that is no UTF-8, and one of the four characters that show it; of one name the last counts."""
    pairs = [(b"\xff", b"a"), (b"\\xff", b"b"), (b"lr", b"c"), (b"lr", b"d")]
    entries = b"".join(field(1, field(1, name) + field(2, field(3, text))) for name, text in pairs)
    assert read([field(3, entries)]).hparam_values == {"\\xff": "a", "\\xff'": "b", "lr": "d"}


def test_ten_thousand_hyperparameters_in_one_record() -> None:
    """Larger than what is read without a look: all of them are read, in a second of the processor."""
    values = {f"name{number}": float(number) for number in range(10_000)}
    began = time.thread_time()
    assert read([start(**values)]).hparam_values == values
    assert time.thread_time() - began < 3


def test_a_nan_is_a_number_where_no_interval_is_given() -> None:
    """An interval has no place for it: there it is kept as text."""
    bounds = {"lr": {"type": 3}, "drop": {"type": 3, "interval": (0.0, 1.0)}}
    files = [read([experiment(**bounds), start(lr=math.nan, drop=math.nan)])]
    values = hparams_of(within_domains("a", {"a": files}.__getitem__))
    assert isinstance(values["lr"], float)
    assert math.isnan(values["lr"])
    assert values["drop"] == "nan"


def test_a_text_that_no_table_could_show_is_passed_over() -> None:
    """A text or a name over 64 KiB costs itself alone, and is counted."""
    long = "x" * (1 << 16)
    file = read([start(**{"lr": 0.5, "config": long + "x", "note": long, long + "y": 1.0})])
    assert file.hparam_values == {"lr": 0.5, "note": long}
    assert file.passed_over == {UNREADABLE: 2}


@given(st.binary(max_size=80))
def test_any_content_is_read_or_counted(content: bytes) -> None:
    """Nothing raises; what TensorBoard's message reads, this reads."""
    session = HParamsSession()
    session.add(1.0, content)
    try:
        data = plugin_data_pb2.HParamsPluginData.FromString(content)
    except Exception:  # no such message
        return
    wanted = {
        name: getattr(value, value.WhichOneof("kind"))
        for name, value in data.session_start_info.hparams.items()
        if value.WhichOneof("kind") in ("number_value", "string_value", "bool_value")
    }
    if data.WhichOneof("data") == "session_start_info":
        assert repr(session.given) == repr(wanted)
