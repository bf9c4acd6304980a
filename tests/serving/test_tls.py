"""HTTPS works with a good pair of files, and each bad pair is an error that says what is wrong with it."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from modelwright.core.errors import SpecError
from modelwright.serving.settings import TlsSettings
from modelwright.serving.tls import tls_context


def pair(folder: Path, name: str = "server", *, days: tuple[int, int] = (-1, 30), passphrase: bytes | None = None):
    """A self-signed certificate for localhost, valid between these days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days[0]))
        .not_valid_after(now + timedelta(days[1]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    files = TlsSettings(str(folder / f"{name}.crt"), str(folder / f"{name}.key"))
    Path(files.cert).write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    written = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    Path(files.key).write_bytes(written)
    return files


def test_a_server_with_a_certificate_answers_over_https_and_not_over_http(start, row, tmp_path):
    files = pair(tmp_path)
    server = start(tls=files)
    assert server.url.startswith("https://127.0.0.1:")
    trusting = ssl.create_default_context(cafile=files.cert)
    talking = http.client.HTTPSConnection("localhost", server.port, timeout=20, context=trusting)
    talking.request("POST", "/predict", json.dumps({"rows": [row]}))
    answer = talking.getresponse()
    assert (answer.status, json.loads(answer.read())["version"]) == (200, 1)
    talking.close()
    plain = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    with pytest.raises((http.client.HTTPException, OSError)):
        plain.request("GET", "/health/live")
        plain.getresponse()
    plain.close()
    server.process.terminate()
    assert server.wait() == 0


def test_old_versions_of_tls_are_not_spoken(tmp_path):
    assert tls_context(pair(tmp_path)).minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("no certificate", r"serve.tls.cert: can't be read: No such file"),
        ("no key", r"serve.tls.key: can't be read: No such file"),
        ("a folder", r"serve.tls.cert: can't be read: Is a directory"),
        ("expired", r"serve.tls.cert: the certificate has expired"),
        ("not valid yet", r"serve.tls.cert: the certificate is not valid yet"),
        ("another key", r"serve.tls: the certificate does not belong to the key"),
        ("no PEM", r"serve.tls.cert: is not a certificate"),
        ("key is no PEM", r"serve.tls.key: is not a private key"),
        ("swapped", r"serve.tls.cert: is not a certificate"),
        ("passphrase", r"serve.tls.key: is not a private key that can be read"),
    ],
)
def test_each_fault_of_the_files_is_told(tmp_path, fault, words):
    files = pair(tmp_path)
    match fault:
        case "no certificate":
            Path(files.cert).unlink()
        case "no key":
            Path(files.key).unlink()
        case "a folder":
            files = TlsSettings(str(tmp_path), files.key)
        case "expired":
            files = pair(tmp_path, days=(-30, -1))
        case "not valid yet":
            files = pair(tmp_path, days=(1, 30))
        case "another key":
            files = TlsSettings(files.cert, pair(tmp_path, "other").key)
        case "no PEM":
            Path(files.cert).write_text("hello")
        case "key is no PEM":
            Path(files.key).write_text("hello")
        case "swapped":
            files = TlsSettings(files.key, files.cert)
        case "passphrase":
            files = pair(tmp_path, passphrase=b"sesame")
    with pytest.raises(SpecError, match=words) as caught:
        tls_context(files)
    assert caught.value.problems[0].hint


def test_a_bad_certificate_is_exit_2_before_anything_listens(start, tmp_path):
    failure = start(tls=pair(tmp_path, days=(-30, -1))).failure
    assert failure["exit_code"] == 2
    assert "has expired" in failure["problems"][0][0]


def test_a_bundle_alone_serves_https_with_the_tokens_of_its_environment(bundle, tmp_path):
    files = pair(tmp_path)
    command = [sys.executable, "-m", "modelwright.serving", "--bundle", str(bundle.folder), "--port", "0"]
    tokens = {"MODELWRIGHT_TOKEN": "to-predict", "MODELWRIGHT_METRICS_TOKEN": "to-scrape"}
    process = subprocess.Popen(
        [*command, "--tls", files.cert, files.key], stderr=subprocess.PIPE, text=True, env={**os.environ, **tokens}
    )
    assert process.stderr
    port = int(process.stderr.readline().rpartition(":")[2])
    trusting = ssl.create_default_context(cafile=files.cert)
    talking = http.client.HTTPSConnection("localhost", port, timeout=20, context=trusting)
    statuses = []
    for token in tokens.values():
        talking.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
        answer = talking.getresponse()
        answer.read()
        statuses.append(answer.status)
    talking.close()
    assert statuses == [403, 200]
    process.terminate()
    assert process.wait(timeout=20) == 0
    process.stderr.close()
