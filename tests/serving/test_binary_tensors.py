"""Binary tensors of the Open Inference Protocol: read exactly, and refused by name when their sizes lie."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.serving.protocols import binary_tensors
from modelwright.serving.refusals import RequestError

INFER = "/v2/models/clinic/infer"


def text_bytes(*texts: str) -> bytes:
    return b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in texts)


RAW: dict[str, tuple[str, bytes]] = {
    "age": ("FP64", struct.pack("<d", 41.5)),
    "income.$ [k]": ("FP32", struct.pack("<f", 12.25)),
    "visits": ("INT64", struct.pack("<q", 3)),
    "smoker": ("BOOL", b"\1"),
    "city": ("BYTES", text_bytes("Kyiv")),
    "joined": ("BYTES", text_bytes("2026-01-01T08:00:00Z")),
    "note": ("BYTES", text_bytes("knee")),
}


def message(raw: dict[str, tuple[str, bytes]], **changes: Any) -> tuple[bytes, dict[str, str]]:
    """A request body and its headers; `changes` replace parts of the first tensor."""
    tensors = [
        {"name": name, "shape": [1], "datatype": kind, "parameters": {"binary_data_size": len(content)}}
        for name, (kind, content) in raw.items()
    ]
    tensors[0] |= changes
    head = json.dumps({"inputs": tensors, "parameters": {"binary_data_output": True}}).encode()
    body = head + b"".join(content for _, content in raw.values())
    return body, {"inference-header-content-length": str(len(head))}


def test_raw_tensors_are_answered_like_rows(app, asking, predict, row):
    reply = asking(app, "POST", INFER, *message(RAW))
    assert reply.status == 200, reply.body
    length = int(reply.headers["inference-header-content-length"])
    outputs = json.loads(reply.body[:length])["outputs"]
    assert [output["parameters"]["binary_data_size"] for output in outputs] == [7, 16]
    assert reply.body[length:-16] == text_bytes("yes")
    shares = list(predict([row]).json["predictions"][0]["probability"].values())
    assert np.frombuffer(reply.body[-16:]).tolist() == shares


WRONG: dict[str, tuple[dict[str, tuple[str, bytes]], dict[str, Any], str | None]] = {
    "too few bytes": ({"age": ("FP64", b"\0" * 7)}, {}, "age"),
    "too many bytes": ({"age": ("FP64", b"\0" * 16)}, {}, "age"),
    "size past the body": ({}, {"parameters": {"binary_data_size": 10_000}}, "age"),
    "size past the body by far": ({}, {"parameters": {"binary_data_size": 2**62}}, "age"),
    "negative size": ({}, {"parameters": {"binary_data_size": -8}}, "age"),
    "size is text": ({}, {"parameters": {"binary_data_size": "8"}}, "age"),
    "size is no whole number": ({}, {"parameters": {"binary_data_size": 8.5}}, "age"),
    "no data": ({}, {"parameters": {}}, "age"),
    "data twice": ({}, {"data": [1.0]}, "age"),
    "shared memory": ({}, {"parameters": {"shared_memory_region": "x", "shared_memory_byte_size": 8}}, "age"),
    "shape says more rows": ({}, {"shape": [2]}, None),
    "shape says rows beyond measure": ({}, {"shape": [10**17]}, None),
    "three dimensions": ({}, {"shape": [1, 1, 1]}, "age"),
    "infinity": ({"age": ("FP64", struct.pack("<d", float("-inf")))}, {}, "age"),
    "missing where there was none": ({"visits": ("FP32", struct.pack("<f", float("nan")))}, {}, "visits"),
    "fraction in a whole number": ({"visits": ("FP64", struct.pack("<d", 2.5))}, {}, "visits"),
    "whole number beyond 2^53": ({"visits": ("INT64", struct.pack("<q", 2**53 + 2))}, {}, "visits"),
    "a third truth": ({"smoker": ("BOOL", b"\2")}, {}, "smoker"),
    "text torn in its length": ({"city": ("BYTES", b"\4\0\0")}, {}, "city"),
    "text longer than its bytes": ({"city": ("BYTES", b"\xff\xff\xff\xffKyiv")}, {}, "city"),
    "text with more behind it": ({"city": ("BYTES", text_bytes("Kyiv") + b"x")}, {}, "city"),
    "text that is not UTF-8": ({"city": ("BYTES", b"\1\0\0\0\xff")}, {}, "city"),
    "text too long": ({"city": ("BYTES", text_bytes("x" * 101))}, {}, "city"),
    "an empty text where one is needed": ({"note": ("BYTES", text_bytes(""))}, {}, "note"),
    "a time that is none": ({"joined": ("BYTES", text_bytes("yesterday"))}, {}, "joined"),
    "an unknown type": ({"age": ("FP128", b"\0" * 16)}, {}, "age"),
    "a number where text belongs": ({"city": ("FP64", b"\0" * 8)}, {}, "city"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_refused_by_name(app, asking, case):
    raw, changes, field = WRONG[case]
    reply = asking(app, "POST", INFER, *message(RAW | raw, **changes))
    assert reply.status == 422, reply.body
    assert reply.json.get("field") == field
    assert field is None or field in reply.json["error"]


@pytest.mark.parametrize("length", ["-1", "x", "99999999", "9" * 30, "1.0", ""])
def test_a_header_length_that_can_not_be_is_refused(app, asking, length):
    reply = asking(app, "POST", INFER, message(RAW)[0], {"inference-header-content-length": length})
    assert reply.status == 400
    assert "Inference-Header-Content-Length" in reply.json["error"]


def test_bytes_that_no_tensor_claims_are_refused(app, asking):
    body, headers = message(RAW)
    assert asking(app, "POST", INFER, body + b"\0", headers).status == 422


def test_bfloat16_is_the_upper_half_of_a_float(app, asking, row, predict):
    upper = struct.pack("<f", 12.25)[2:]
    reply = asking(app, "POST", INFER, *message(RAW | {"income.$ [k]": ("BF16", upper)}))
    assert np.frombuffer(reply.body[-16:]).tolist() == list(
        predict([row]).json["predictions"][0]["probability"].values()
    )


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=20))
def test_texts_survive_the_way_there_and_back(texts):
    raw = binary_tensors.raw_of("BYTES", np.array(texts, object))
    assert binary_tensors.texts("x", raw, len(texts)).tolist() == texts


@given(st.binary(max_size=60), st.integers(0, 8), st.sampled_from(["BYTES", "BOOL", "BF16", "FP16", "INT32", "UINT64"]))
def test_any_bytes_are_read_or_refused(raw, count, kind):
    try:
        found = (
            binary_tensors.texts("x", raw, count) if kind == "BYTES" else binary_tensors.numbers("x", kind, raw, count)
        )
    except RequestError as refusal:
        assert refusal.field == "x"
    else:
        assert len(found) == count
