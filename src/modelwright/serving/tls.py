"""HTTPS: the certificate and key of `serve.tls`, looked at before the first caller finds out that they do not work."""

from __future__ import annotations

import ssl
from pathlib import Path

from modelwright.core.errors import SpecError
from modelwright.serving.settings import TlsSettings

EXPIRED, NOT_YET = 10, 9  # X509_V_ERR_CERT_HAS_EXPIRED and _NOT_YET_VALID of OpenSSL
PASSPHRASE = "none"  # given, so that OpenSSL does not ask for one at the terminal


def tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """TLS 1.2 or newer with this certificate. SpecError when a file is missing, damaged, expired or of another pair."""
    for name, path in (("cert", settings.cert), ("key", settings.key)):
        try:
            Path(path).read_bytes()
        except OSError as error:
            hint = f"serve.tls.{name} names a PEM file that the server may read"
            raise SpecError(f"serve.tls.{name}: can't be read: {error.strerror}", where=path, hint=hint) from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.cert, settings.key, password=PASSPHRASE)
    except (ssl.SSLError, ValueError) as error:
        raise _unusable(settings, error) from error
    _check_dates(context, settings)
    return context


def _unusable(settings: TlsSettings, error: Exception) -> SpecError:
    reason = getattr(error, "reason", "") or ""
    if reason == "KEY_VALUES_MISMATCH":
        return SpecError(
            "serve.tls: the certificate does not belong to the key",
            where=settings.cert,
            hint=f"{settings.key} is the key of another certificate; put the server's own certificate first in cert",
        )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(settings.cert)
    except (ssl.SSLError, ValueError):
        return SpecError("serve.tls.cert: is not a certificate", where=settings.cert, hint="it must be a PEM file")
    hint = "it must be a PEM file without a passphrase"
    return SpecError("serve.tls.key: is not a private key that can be read", where=settings.key, hint=hint)


def _check_dates(server: ssl.SSLContext, settings: TlsSettings) -> None:
    """Shake hands with ourselves, trusting this certificate alone: what then still fails are its dates."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(settings.cert)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_side=False),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):  # flights of a handshake
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                if error.verify_code not in (EXPIRED, NOT_YET):
                    return  # clients judge the rest by the roots that they trust
                what = "has expired" if error.verify_code == EXPIRED else "is not valid yet"
                raise SpecError(
                    f"serve.tls.cert: the certificate {what}", where=settings.cert, hint="renew it; check the clock"
                ) from error
