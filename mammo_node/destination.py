"""Where results go: a Storage SCP, or a DICOMweb server, and what each of them can take."""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from mammo_node.outputs import OutputKind, Outputs
from mammo_node.section import AETitle, Seconds, Section

#: Defined terms of Specific Character Set (PS3.3 C.12.1.1.2); the first may be empty.
_CHARACTER_SETS = frozenset(
    {"", "ISO_IR 6", "ISO_IR 192", "GB18030", "GBK", "ISO 2022 IR 6"}
    | {f"ISO_IR {n}" for n in (100, 101, 109, 110, 144, 127, 126, 138, 148, 203, 13, 166)}
    | {f"ISO 2022 IR {n}" for n in (100, 101, 109, 110, 144, 127, 126, 138, 148, 203, 13, 166)}
    | {f"ISO 2022 IR {n}" for n in (87, 159, 149, 58)}
)


class TransferSyntax(StrEnum):
    """Transfer syntaxes that results can be sent in (PS3.5 chapter 10 and annex A)."""

    EXPLICIT = "explicit"
    IMPLICIT = "implicit"
    DEFLATED = "deflated"
    JPEG_LOSSLESS = "jpeg-lossless"
    RLE = "rle"

    @property
    def uid(self) -> str:
        """The UID."""
        return _UIDS[self]

    @property
    def encapsulated(self) -> bool:
        """Whether it is one of compressed pixels, and so for images only."""
        return self in (TransferSyntax.JPEG_LOSSLESS, TransferSyntax.RLE)


_UIDS = {
    TransferSyntax.EXPLICIT: "1.2.840.10008.1.2.1",
    TransferSyntax.IMPLICIT: "1.2.840.10008.1.2",
    TransferSyntax.DEFLATED: "1.2.840.10008.1.2.1.99",
    TransferSyntax.JPEG_LOSSLESS: "1.2.840.10008.1.2.4.70",
    TransferSyntax.RLE: "1.2.840.10008.1.2.5",
}


def _character_set(value: str) -> str:
    unknown = [term for term in value.split("\\") if term not in _CHARACTER_SETS]
    if unknown or not value.strip("\\"):
        raise ValueError(
            "a Specific Character Set of PS3.3 C.12.1.1.2 is needed, such as 'ISO_IR 192',"
            " 'ISO_IR 100' or '\\ISO 2022 IR 87' (in single quotes: TOML leaves them alone)"
        )
    return value


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an http:// or https:// URL is needed")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            "the plain URL of the DICOMweb service is needed: user and token have keys of their own"
        )
    return value.rstrip("/")


def _username(value: str) -> str:
    if not value or ":" in value:
        raise ValueError("a name without a colon is needed (RFC 7617)")
    return value


CharacterSet = Annotated[str, AfterValidator(_character_set)]
Url = Annotated[str, AfterValidator(_url)]


class _Receiver(Section):
    """What all destinations have."""

    name: str = Field(min_length=1, description="Name used in routes, commands and logs.")
    outputs: Outputs = Field(
        (OutputKind.SR, OutputKind.GSPS, OutputKind.OVERVIEW),
        description="Result objects it gets: kinds (`sr`, `gsps`, `cad-sr`, `key-objects`,"
        " `overview`, `pdf`, `seg`) and profiles (`ihe-air`, `mammo-workstation`, `any-viewer`,"
        " `research`).",
    )
    default: bool = Field(True, description="Gets results of sources without a route.")
    transfer_syntaxes: tuple[TransferSyntax, ...] = Field(
        (TransferSyntax.EXPLICIT, TransferSyntax.IMPLICIT),
        min_length=1,
        description="Transfer syntaxes, preferred first: `explicit`, `implicit`, `deflated`, and"
        " for images `jpeg-lossless` and `rle`. A Storage SCP is offered `implicit` in any case.",
    )
    character_set: CharacterSet | None = Field(
        None,
        description="Specific Character Set to write texts in, e.g. `ISO_IR 192` or `ISO_IR 100`;"
        " by default that of the source image.",
    )


class Destination(_Receiver):
    """A Storage SCP that results are sent to."""

    kind: Literal["dimse"] = Field("dimse", description="A DICOM network peer.")
    ae_title: AETitle = Field(description="Called AE title.")
    host: str = Field(min_length=1, description="Host name or address.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(description="TCP port.")
    calling_ae_title: AETitle | None = Field(
        None, description="Calling AE title to use; by default the local one."
    )
    commitment: bool = Field(
        False,
        description="Ask it to commit to what it stored (Storage Commitment); files are kept"
        " until it has.",
    )
    commitment_timeout_s: Seconds = Field(
        3600.0, description="Without a report in this time it is asked again."
    )
    connect_timeout_s: Seconds = Field(10.0, description="TCP connect and association deadline.")
    response_timeout_s: Seconds = Field(60.0, description="Deadline for each DIMSE response.")

    @property
    def address(self) -> str:
        """How it is named in messages."""
        return f"{self.ae_title}@{self.host}:{self.port}"


class WebDestination(_Receiver):
    """A DICOMweb server that results are sent to by STOW-RS."""

    kind: Literal["dicomweb"] = Field(description="A DICOMweb server: this word.")
    url: Url = Field(description="Base URL of the service, to which `/studies` is appended.")
    token_file: Path | None = Field(
        None, description="File with a bearer token; read anew for each batch."
    )
    token_env: str | None = Field(
        None, description="Environment variable with a bearer token, instead of a file."
    )
    username: Annotated[str, AfterValidator(_username)] | None = Field(
        None, description="User name of basic authentication."
    )
    password_file: Path | None = Field(None, description="File with the password of `username`.")
    password_env: str | None = Field(
        None, description="Environment variable with that password, instead of a file."
    )
    ca_file: Path | None = Field(
        None, description="CA certificates (PEM) to trust; by default those of the system."
    )
    tls_verify: bool = Field(
        True, description="Check the server's certificate; false is for tests."
    )
    connect_timeout_s: Seconds = Field(10.0, description="Deadline for connection and TLS.")
    response_timeout_s: Seconds = Field(
        60.0, description="Deadline for an answer; sending gets time by size on top."
    )

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        tokens = [v for v in (self.token_file, self.token_env) if v is not None]
        passwords = [v for v in (self.password_file, self.password_env) if v is not None]
        if len(tokens) > 1 or len(passwords) > 1 or (tokens and (passwords or self.username)):
            raise ValueError(
                f"destination {self.name!r}: one of token_file, token_env, and username with one of"
                " password_file and password_env"
            )
        if (self.username is None) != (not passwords):
            raise ValueError(
                f"destination {self.name!r}: username needs password_file or password_env,"
                " and they need it"
            )
        return self

    @property
    def address(self) -> str:
        """How it is named in messages."""
        return self.url

    @property
    def exposes_secret(self) -> bool:
        """Whether a token or password would cross a network in the clear."""
        parts = urlsplit(self.url)
        has_secret = any((self.token_file, self.token_env, self.username))
        return has_secret and parts.scheme == "http" and not _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _kind(value: Any) -> Any:
    if isinstance(value, dict):
        return value.get("kind", "dimse")
    return getattr(value, "kind", None)


AnyDestination = Destination | WebDestination
#: How a table says which it is; without ``kind`` it is a Storage SCP.
DestinationTable = Annotated[
    Annotated[Destination, Tag("dimse")] | Annotated[WebDestination, Tag("dicomweb")],
    Discriminator(
        _kind,
        custom_error_type="destination_kind",
        custom_error_message="kind is 'dimse' (the default) or 'dicomweb'",
    ),
]
