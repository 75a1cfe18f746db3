"""Tokens and passwords: read when they are needed, kept out of messages and logs."""

from __future__ import annotations

import base64
import string
from collections.abc import Mapping
from pathlib import Path

from mammo_node.destination import WebDestination
from mammo_node.errors import CredentialsUnavailable

#: RFC 6750 2.1, b64token.
_TOKEN_CHARACTERS = frozenset(string.ascii_letters + string.digits + "-._~+/=")


def authorization(destination: WebDestination, environment: Mapping[str, str]) -> str | None:
    """Return the value of the Authorization header, or None where none is configured.

    Parameters
    ----------
    destination : WebDestination
        Says where token or password are.
    environment : mapping
        Environment variables.

    Raises
    ------
    CredentialsUnavailable
        If the file or variable is not there, empty, or cannot be a token; the message names
        the place, never the content.
    """
    if destination.token_file or destination.token_env:
        token = _secret(destination.token_file, destination.token_env, environment)
        if not set(token) <= _TOKEN_CHARACTERS:
            place = destination.token_file or destination.token_env
            raise CredentialsUnavailable(f"what {place} holds is no bearer token (RFC 6750 2.1)")
        return f"Bearer {token}"
    if destination.username is not None:
        password = _secret(destination.password_file, destination.password_env, environment)
        pair = f"{destination.username}:{password}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"
    return None


def _secret(file: Path | None, variable: str | None, environment: Mapping[str, str]) -> str:
    if file is not None:
        try:
            found = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise CredentialsUnavailable(f"{file} cannot be read: {why}") from None
        if not found:
            raise CredentialsUnavailable(f"{file} is empty")
        return found
    found = environment.get(variable or "", "").strip()
    if not found:
        raise CredentialsUnavailable(f"the environment variable {variable} is not set")
    return found
