"""What must come out of an encoded Event, by protobuf's own runtime and numpy.

The messages are TensorFlow's with two liberties that our decoder takes too: strings need not be UTF-8, and messages
that hold no scalar (images, histograms, audio ...) are not looked into.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2

from tbbridge.decode.scan_result import REASONS

_F = descriptor_pb2.FieldDescriptorProto
_LOOKED_INTO = {
    "Event": event_pb2.Event,
    "SessionLog": event_pb2.SessionLog,
    "Summary": summary_pb2.Summary,
    "SummaryMetadata": summary_pb2.SummaryMetadata,
    "TensorProto": tensor_pb2.TensorProto,
    "TensorShapeProto": tensor_shape_pb2.TensorShapeProto,
}


def _looked_into(name: str) -> bool:
    return name.split(".")[0] in _LOOKED_INTO and name not in ("Summary.Image", "Summary.Audio")


def _loosen(message: descriptor_pb2.DescriptorProto) -> None:
    for one in message.field:
        name = one.type_name.removeprefix(".tensorboard.")
        if one.type == _F.TYPE_ENUM:
            one.type = _F.TYPE_INT32
            one.ClearField("type_name")
        elif one.type == _F.TYPE_STRING or (one.type == _F.TYPE_MESSAGE and not _looked_into(name)):
            one.type = _F.TYPE_BYTES
            one.ClearField("type_name")
        elif one.type == _F.TYPE_MESSAGE:
            one.type_name = ".loose." + name
    for inner in message.nested_type:
        _loosen(inner)


def _loose_event() -> type:
    file = descriptor_pb2.FileDescriptorProto(name="loose.proto", package="loose", syntax="proto3")
    for message in _LOOKED_INTO.values():
        copy = file.message_type.add()
        message.DESCRIPTOR.CopyToProto(copy)
        copy.ClearField("enum_type")
        _loosen(copy)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("loose.Event"))


LooseEvent = _loose_event()


@dataclass
class Expected:
    """The rows (tag, step, wall time, value, wide), passed values by reason, START steps; None when it is no Event."""

    rows: list[tuple[bytes, int, float, float, bool]] = field(default_factory=list)
    passed: dict[str, int] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)
    sessions: list[tuple[float, bytes]] = field(default_factory=list)
    foreign: set[bytes] = field(default_factory=set)


_NUMPY = {
    1: ("float_val", np.float32),
    2: ("double_val", np.float64),
    3: ("int_val", np.int32),
    4: ("int_val", np.uint8),
    5: ("int_val", np.int16),
    6: ("int_val", np.int8),
    9: ("int64_val", np.int64),
    10: ("bool_val", np.bool_),
    14: ("half_val", np.uint16),
    17: ("int_val", np.uint16),
    19: ("half_val", np.float16),
    22: ("uint32_val", np.uint32),
    23: ("uint64_val", np.uint64),
}
_TYPED = [name for name in tensor_pb2.TensorProto.DESCRIPTOR.fields_by_name if name.endswith("_val")]


def _bfloat16(bits: np.uint16) -> np.float32:
    """The upper half of a float32."""
    return np.array([int(bits) << 16], np.uint32).view(np.float32)[0]


def tensor_number(tensor: object) -> tuple[float, bool] | str:
    """The one number of a TensorProto and whether float32 is too narrow for its dtype; or why there is none."""
    if tensor.dtype == 7:
        return REASONS[1]
    if tensor.dtype not in _NUMPY:
        return REASONS[2]
    if tensor.tensor_shape.unknown_rank or any(dim.size != 1 for dim in tensor.tensor_shape.dim):
        return REASONS[3]
    name, dtype = _NUMPY[tensor.dtype]
    if tensor.tensor_content:
        if len(tensor.tensor_content) != np.dtype(dtype).itemsize:
            return REASONS[4]
        value = np.frombuffer(tensor.tensor_content, dtype)[0]
        value = _bfloat16(value) if tensor.dtype == 14 else value
    else:
        typed = getattr(tensor, name)
        if not typed and any(len(getattr(tensor, other)) for other in _TYPED):
            return REASONS[6]
        if len(typed) > 1:
            return REASONS[5]
        number = typed[0] if typed else 0
        if name == "half_val":
            if not 0 <= number <= 0xFFFF:
                return REASONS[6]
            value = np.array([number], np.uint16).view(dtype)[0]
            value = _bfloat16(value) if tensor.dtype == 14 else value
        elif name == "int_val" and not np.iinfo(dtype).min <= number <= np.iinfo(dtype).max:
            return REASONS[6]
        else:
            value = dtype(number)
    if isinstance(value, np.integer) and int(float(int(value))) != int(value):
        return REASONS[7]
    return float(value), tensor.dtype not in (1, 14, 19)


def expected(payload: bytes, foreign: set[bytes] = frozenset()) -> Expected | None:
    """What the Event `payload` holds, where `foreign` are the tags of other plugins before it."""
    try:
        event = LooseEvent.FromString(payload)
    except DecodeError:
        return None
    found = Expected(foreign=set(foreign))
    if event.WhichOneof("what") == "session_log" and event.session_log.status == 1:
        found.starts.append(event.step)
    for value in event.summary.value if event.WhichOneof("what") == "summary" else ():
        _take(found, event, value)
    return found


def _take(found: Expected, event: object, value: object) -> None:
    plugin = value.metadata.plugin_data.plugin_name
    if plugin == b"scalars":
        found.foreign.discard(value.tag)
    elif plugin:
        found.foreign.add(value.tag)
    if plugin == b"hparams" and value.tag.startswith(b"_hparams_/"):
        found.sessions.append((event.wall_time, value.metadata.plugin_data.content))
    kind = value.WhichOneof("value")
    if kind == "simple_value":
        number: tuple[float, bool] | str | None = (value.simple_value, False)
    elif kind == "tensor":
        number = tensor_number(value.tensor)
    else:
        number = REASONS[0] if kind is None else None
    if kind != "simple_value" and value.tag in found.foreign:
        number = REASONS[8] if isinstance(number, tuple) else None
    if isinstance(number, tuple):
        found.rows.append((value.tag, event.step, event.wall_time, *number))
    elif number is not None:
        found.passed[number] = found.passed.get(number, 0) + 1


def same(a: float, b: float) -> bool:
    """Equal, sign of zero included, or both NaN."""
    return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
