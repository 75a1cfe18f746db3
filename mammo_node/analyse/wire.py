"""The protobuf wire format, as far as reading a file needs it.

A message is a view of bytes; its fields are varint keys (field number << 3 | wire type) with their
values. Whatever is broken is a ValueError.
"""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_VARINT_MAX_SHIFT = 63

Value = int | memoryview


def message_of(message: memoryview, number: int) -> memoryview:
    """Return the first message in a field."""
    for value in values_of(message, number):
        return bytes_of(value)
    raise ValueError(f"field {number} is missing")


def number_of(message: memoryview, number: int) -> int:
    """Return the first number in a field, 0 where there is none."""
    for value in values_of(message, number):
        if isinstance(value, int):
            return value
    return 0


def text_of(message: Value, number: int) -> str:
    """Return the first text in a field, empty where there is none."""
    for value in values_of(bytes_of(message), number):
        return bytes(bytes_of(value)).decode("utf-8", "replace")
    return ""


def bytes_of(value: Value) -> memoryview:
    """Return a value that must not be a number."""
    if isinstance(value, int):
        raise ValueError("a message was expected where a number stands")  # noqa: TRY004
    return value


def values_of(message: memoryview, number: int) -> Iterator[Value]:
    """Return all values of a field, as they come."""
    return (value for found, value in fields_of(message) if found == number)


def numbers_of(message: memoryview, number: int) -> Iterator[int]:
    """Yield the signed 64-bit numbers of a repeated field, packed or not."""
    for value in values_of(message, number):
        if isinstance(value, int):
            yield _signed(value)
            continue
        position = 0
        while position < len(value):
            packed, position = _varint(value, position)
            yield _signed(packed)


def fields_of(message: memoryview) -> Iterator[tuple[int, Value]]:
    """Yield (field number, value) of one message; lengths are checked against its end."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        wire_type = key & 7
        if wire_type == _VARINT:
            value, position = _varint(message, position)
            yield key >> 3, value
            continue
        length, position = _length(message, position, wire_type)
        if position + length > len(message):
            raise ValueError("truncated")
        yield key >> 3, message[position : position + length]
        position += length


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _length(message: memoryview, position: int, wire_type: int) -> tuple[int, int]:
    if wire_type == _BYTES:
        return _varint(message, position)
    if wire_type == _FIXED64:
        return 8, position
    if wire_type == _FIXED32:
        return 4, position
    raise ValueError(f"wire type {wire_type} is not part of protobuf 3")


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    result = 0
    for shift in range(0, _VARINT_MAX_SHIFT + 1, 7):
        if position >= len(message):
            raise ValueError("truncated")
        byte = message[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
    raise ValueError("a number is longer than 64 bits")
