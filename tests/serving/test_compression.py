"""Compressed requests are unpacked within the limit for a body; answers are compressed for those who ask."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest

from modelwright.serving.protocols.compression import packed


def body(row, count=1):
    return json.dumps({"rows": [row] * count}).encode()


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("GZIP", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_compressed_body_is_answered_like_a_plain_one(app, asking, row, encoding, pack):
    plain = asking(app, "POST", "/predict", body(row)).json["predictions"]
    reply = asking(app, "POST", "/predict", pack(body(row)), {"content-encoding": encoding})
    assert reply.json["predictions"] == plain


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-9],
        lambda packed: packed[:5],
        lambda packed: b"",
        lambda packed: packed + b"x",
        lambda packed: packed + packed,
        lambda packed: packed[:-6] + b"\0" + packed[-5:],
        lambda packed: b"not gzip",
    ],
    ids=["no end", "head only", "empty", "more behind", "twice", "checksum", "text"],
)
def test_a_damaged_body_is_400(app, asking, row, damage):
    reply = asking(app, "POST", "/predict", damage(gzip.compress(body(row))), {"content-encoding": "gzip"})
    assert reply.status == 400, reply.body
    assert "gzip" in reply.json["error"]


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_bomb_is_413_and_never_unpacked(app, asking, encoding, pack):
    reply = asking(app, "POST", "/predict", pack(b" " * 100_000_000), {"content-encoding": encoding})
    assert reply.status == 413
    assert str(app.limits.body_bytes) in reply.json["error"]


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress", "x"])
def test_other_encodings_are_415(app, asking, row, encoding):
    assert asking(app, "POST", "/predict", body(row), {"content-encoding": encoding}).status == 415


def test_an_answer_is_compressed_for_those_who_ask(app, asking, row):
    plain = asking(app, "POST", "/predict", body(row, 100), {"x-request-id": "a"})
    for accepted, unpack, name in (
        ("gzip, deflate", gzip.decompress, "gzip"),
        ("br;q=1.0, deflate;q=0.5", zlib.decompress, "deflate"),
    ):
        asked = {"x-request-id": "a", "accept-encoding": accepted}
        reply = asking(app, "POST", "/predict", body(row, 100), asked)
        assert reply.headers["content-encoding"] == name
        assert reply.headers["content-length"] == str(len(reply.body))
        assert len(reply.body) < len(plain.body) / 5
        assert unpack(reply.body) == plain.body
    small = asking(app, "POST", "/predict", body(row), {"accept-encoding": "gzip"})
    assert "content-encoding" not in small.headers


@pytest.mark.parametrize("accepted", [b"", b"identity", b"br", b"gzip;q=0", b"gzip; q=0.0", b"gzipped"])
def test_an_answer_stays_plain_otherwise(accepted):
    assert packed(b"x" * 5000, accepted) == (b"x" * 5000, None)
