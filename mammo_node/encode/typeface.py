"""The letters of pictures: which can be written, how wide they are, and their pixels.

The only importer of Pillow. Fonts travel with the package, so that a picture is the same, byte
by byte, on every machine; what they have no letters for is never drawn as a box.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

#: What the fonts can write, as ranges of code points: Latin, Greek, Cyrillic, a few signs.
#: Scripts that are written from the right or with joined letters are not among them.
REPERTOIRE: Final = (
    (0x20, 0x7E),
    (0xA0, 0x24F),
    (0x370, 0x377),
    (0x37A, 0x37F),
    (0x384, 0x38A),
    (0x38C, 0x38C),
    (0x38E, 0x3A1),
    (0x3A3, 0x3FF),
    (0x400, 0x525),
    (0x1E00, 0x1EFB),
    (0x2010, 0x2015),
    (0x2018, 0x201E),
    (0x2020, 0x2022),
    (0x2026, 0x2026),
    (0x2264, 0x2265),
)
#: All white space but the non-breaking one.
_SPACES: Final = re.compile(r"[^\S\u00a0]+")
#: After a hyphen a line may end.
_HYPHENS: Final = re.compile(r"(?<=-)")
_SOFT_HYPHEN: Final = "\u00ad"
_FILES: Final = MappingProxyType({False: "DejaVuSans.ttf", True: "DejaVuSans-Bold.ttf"})

Mask = npt.NDArray[np.uint8]


def font_bytes(*, bold: bool) -> bytes:
    """Return the TrueType file."""
    return resources.files(__package__).joinpath("fonts", _FILES[bold]).read_bytes()


def can_write(text: str) -> bool:
    """Whether every letter of the text is in the fonts."""
    return all(map(_is_known, text))


def written(text: str) -> str:
    """Return the text on one line, with '?' for each letter that the fonts do not have.

    Non-breaking spaces stay what they are.
    """
    one_line = _SPACES.sub(" ", text).strip()
    return "".join(letter if _is_known(letter) else "?" for letter in one_line)


def _is_known(letter: str) -> bool:
    known = any(first <= ord(letter) <= last for first, last in REPERTOIRE)
    return known and letter != _SOFT_HYPHEN


@dataclass(frozen=True, slots=True)
class Typeface:
    """The two fonts, in any size in pixels.

    What was drawn or measured once is kept: the sheets of one answer say nearly the same. So
    make one for each answer, and let it go with it.
    """

    _files: dict[bool, bytes] = field(
        default_factory=lambda: {bold: font_bytes(bold=bold) for bold in _FILES}
    )
    _fonts: dict[tuple[int, bool], ImageFont.FreeTypeFont] = field(default_factory=dict)
    _widths: dict[tuple[str, int, bool], int] = field(default_factory=dict)
    _lines: dict[tuple[str, int, bool], Mask] = field(default_factory=dict)

    def width(self, text: str, size: int, *, bold: bool = False) -> int:
        """Return the width of a line of text in pixels."""
        key = text, size, bold
        if key not in self._widths:
            self._widths[key] = int(np.ceil(self._font(size, bold=bold).getlength(text)))
        return self._widths[key]

    def line(self, text: str, size: int, *, bold: bool = False) -> Mask:
        """Return a line of text as (1.4 * size, width) uint8, 255 where it is; size is in pixels.

        The base line is ``size`` below the top. Not to be changed.
        """
        key = text, size, bold
        if key not in self._lines:
            self._lines[key] = self._drawn(text, size, bold=bold)
        return self._lines[key]

    def _drawn(self, text: str, size: int, *, bold: bool) -> Mask:
        font = self._font(size, bold=bold)
        shape = (max(1, self.width(text, size, bold=bold)), round(1.4 * size))
        image = Image.new("L", shape, 0)
        ImageDraw.Draw(image).text((0, size), text, fill=255, font=font, anchor="ls")
        return np.asarray(image, dtype=np.uint8)

    def wrapped(self, text: str, size: int, columns: int, *, bold: bool = False) -> list[str]:
        """Break a text into lines of at most so many pixels, within a word where it must be.

        Non-breaking spaces hold together what stands around them.
        """
        lines: list[str] = []
        line = ""
        for word in filter(None, text.split(" ")):
            for piece in self._pieces(word, size, columns, bold=bold):
                longer = f"{line} {piece}" if line else piece
                if line and self.width(longer, size, bold=bold) > columns:
                    lines.append(line)
                    longer = piece
                line = longer
        return [*lines, line] if line else lines

    def whole_words_size(self, text: str, sizes: Sequence[int], columns: int) -> int:
        """Return the first of some sizes in which no word is broken but at its hyphens.

        The last one where words are too wide in all.
        """
        parts = [part for word in text.split(" ") for part in _HYPHENS.split(word)]
        fitting = (s for s in sizes if all(self.width(part, s) <= columns for part in parts))
        return next(fitting, sizes[-1])

    def _pieces(self, word: str, size: int, columns: int, *, bold: bool) -> list[str]:
        """Cut a word that is wider than a line: after its hyphens if it has any."""
        if self.width(word, size, bold=bold) <= columns:
            return [word]
        head, hyphen, tail = word.partition("-")
        if hyphen and tail and self.width(head + hyphen, size, bold=bold) <= columns:
            return [head + hyphen, *self._pieces(tail, size, columns, bold=bold)]
        fits = 1
        while fits < len(word) and self.width(word[: fits + 1], size, bold=bold) <= columns:
            fits += 1
        if fits == len(word):
            return [word]
        return [word[:fits], *self._pieces(word[fits:], size, columns, bold=bold)]

    def _font(self, size: int, *, bold: bool) -> ImageFont.FreeTypeFont:
        key = (size, bold)
        if key not in self._fonts:
            # Layout without HarfBuzz: a wheel of Pillow may come without it.
            self._fonts[key] = ImageFont.truetype(
                io.BytesIO(self._files[bold]), size, layout_engine=ImageFont.Layout.BASIC
            )
        return self._fonts[key]
