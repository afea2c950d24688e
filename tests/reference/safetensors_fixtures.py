"""Writes tests/fixtures/checkpoint/: files of the Python package `safetensors` (0.8.0), and files that it refuses.

    pip install numpy safetensors
    python tests/reference/safetensors_fixtures.py

Each refused file is shown to the package first, so that it is the judge of what is not a safetensors file.
"""

import json
import pathlib
import struct

import numpy as np
import safetensors
from safetensors.numpy import save

FIXTURES = pathlib.Path(__file__).parent.parent / "fixtures" / "checkpoint"


def encode(header, data=b""):
    """The file of a header (JSON value, text or bytes) and its data."""
    if not isinstance(header, (bytes, str)):
        header = json.dumps(header)
    if isinstance(header, str):
        header = header.encode()
    return struct.pack("<Q", len(header)) + header + data


def tensor(begin, end, shape, dtype="U8"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


# Every element type that a Tensor can hold, and one that it cannot. NumPy has no bfloat16: the bytes count upward.
TYPES = ["float64", "float32", "bfloat16", "float16", "int64", "int32", "uint16", "uint8", "bool"]
COUNTING = np.arange(6 * 8, dtype=np.uint8)


def size_of(dtype):
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize


ACCEPTED = {
    "types": safetensors.serialize(
        {
            dtype: safetensors.TensorSpec(
                dtype=dtype, shape=[2, 3], data_ptr=COUNTING.ctypes.data, data_len=6 * size_of(dtype)
            )
            for dtype in TYPES
        },
        {"note": "日本語"},
    ),
    "values": save({"matrix": np.arange(12, dtype=np.float32).reshape(3, 4), "scalar": np.array(2.5)}),
    "edges": save({"scalar": np.array(7, dtype=np.int64), "none": np.zeros((0, 4), dtype=np.float32)}),
    "empty": save({}),
}

REFUSED = {
    "too_small": b"\x01\x02\x03",
    "header_too_large": struct.pack("<Q", 100_000_001) + b"{}",
    "header_beyond_file": struct.pack("<Q", 60) + b"{}",
    "not_utf8": encode(b'{"\xff":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x"),
    "not_json": encode("{", b""),
    "not_object": encode([]),
    "duplicate_name": encode(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x"
    ),
    "metadata_not_string": encode({"__metadata__": {"step": 3}}),
    "no_dtype": encode({"a": {"shape": [1], "data_offsets": [0, 1]}}, b"x"),
    "unknown_dtype": encode({"a": tensor(0, 1, [1], "Q7")}, b"x"),
    "negative_shape": encode({"a": tensor(0, 1, [-1])}, b"x"),
    "fractional_offset": encode('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1.0]}}', b"x"),
    "hole": encode({"a": tensor(0, 1, [1]), "b": tensor(2, 3, [1])}, b"xyz"),
    "hole_at_start": encode({"a": tensor(1, 2, [1])}, b"xy"),
    "overlap": encode({"a": tensor(0, 2, [2]), "b": tensor(1, 3, [2])}, b"xyz"),
    "ten_share_one_range": encode({f"t{i}": tensor(0, 16, [4], "F32") for i in range(10)}, bytes(16)),
    "backwards": encode({"a": tensor(2, 0, [2])}, b"xy"),
    "shape_overflow": encode({"a": tensor(0, 16, [2, 18446744073709551614])}, bytes(16)),
    "size_overflow": encode({"a": tensor(0, 0, [4294967296, 4294967296])}),
    "size_mismatch": encode({"a": tensor(0, 3, [1], "F32")}, b"xyz"),
    "tail_extra": encode({"a": tensor(0, 1, [1])}, b"xy"),
    "tail_missing": encode({"a": tensor(0, 2, [2])}, b"x"),
}

if __name__ == "__main__":
    for name, content in ACCEPTED.items():
        safetensors.deserialize(content)
        (FIXTURES / f"{name}.safetensors").write_bytes(content)
    for name, content in REFUSED.items():
        try:
            safetensors.deserialize(content)
        except safetensors.SafetensorError as error:
            print(f"{name}: {error}")
        else:
            # The package keeps the last of two equal names; formats that a reader may not guess about are refused here.
            print(f"{name}: accepted by safetensors {safetensors.__version__}")
        (FIXTURES / f"refused_{name}.safetensors").write_bytes(content)
