"""Where files that are not on this machine lie: `filesystem:` of the readers of files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, model_validator

from modelwright.parts.secret import Secret
from modelwright.tables.sources.files import find_files
from modelwright.tables.sources.remote import Access, find, is_url

if TYPE_CHECKING:
    from typing import Self

STDIN = "-"
PATH = "Files, globs (** too) or folders of {}, relative to the spec; URLs such as s3://bucket/rides/*{}; - for stdin."


class Filesystem(BaseModel):
    """How a file system named by URL is reached.

    What is left out is taken from where its own tools look: AWS_ACCESS_KEY_ID, AWS_PROFILE, AWS_REGION and so on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: str | None = Field(
        None, description="Address of an S3 service other than AWS's, with http:// or https://."
    )
    region: str | None = Field(None, description="For example eu-central-1.")
    anonymous: bool = Field(False, description="Ask without credentials, for public buckets.")
    access_key: Secret | None = Field(None, description="${env:NAME}, where it is not in AWS_ACCESS_KEY_ID.")
    secret_key: Secret | None = Field(None, description="${env:NAME}, where it is not in AWS_SECRET_ACCESS_KEY.")

    @model_validator(mode="after")
    def _both_keys(self) -> Self:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("access_key and secret_key go together")
        return self

    def access(self) -> Access:
        access, secret = (key.reveal() if key else None for key in (self.access_key, self.secret_key))
        return Access(self.endpoint, self.region, self.anonymous, access, secret)


def local_files(base: Path, paths: str | Sequence[str], suffixes: Sequence[str]) -> list[Path]:
    """What a path means on this machine; empty where it is all elsewhere."""
    local = [path for path in _listed(paths) if path != STDIN and not is_url(path)]
    return find_files(base, local, suffixes) if local else []


def fingerprint(
    paths: str | Sequence[str], suffixes: Sequence[str], filesystem: Filesystem
) -> Mapping[str, str] | None:
    """Entity tags by URL; None where there is standard input, which nobody has seen before."""
    listed = _listed(paths)
    if STDIN in listed:
        return None
    urls, access = [path for path in listed if is_url(path)], filesystem.access()
    return {remote.url: remote.tag for url in urls for remote in find(url, suffixes, access)}


def is_elsewhere(paths: str | Sequence[str]) -> bool:
    return any(path == STDIN or is_url(path) for path in _listed(paths))


def _listed(paths: str | Sequence[str]) -> list[str]:
    return [paths] if isinstance(paths, str) else list(paths)
