"""A page to try the model in a browser: one HTML document that loads nothing but this server's own answers.

It makes its form from /openapi.json, which a token guards, so the page itself tells nothing and is open.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from modelwright.serving.http import Answer

HTML = b"text/html; charset=utf-8"


@cache
def trial_page() -> Answer:
    """The Content-Security-Policy lets exactly this style and this script run, and reach only this server."""
    folder = files("modelwright.serving.protocols") / "trial"
    page, style, script = ((folder / f"page.{kind}").read_text("utf-8") for kind in ("html", "css", "js"))
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = (
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cache-control", b"no-cache"),
    )
    content = page.replace("/*style*/", style).replace("/*script*/", script)
    return Answer(content.encode(), 200, HTML, headers)


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
