"""A search for pieces of many values in much data.

Half a value is a leak as well, so any piece of twelve characters counts, in any form. Looking for
each of some thousand forms in a hundred megabytes would take minutes. Instead every window of the
forms is known, and the data is sampled so densely that each piece holds one sample whole.
"""

import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tests.support.canary.forms import PIECE_BYTES, Form, forms

WINDOW: Final = 8
STRIDE: Final = PIECE_BYTES - WINDOW + 1
MOST_UNPACKED: Final = 4_000_000
_PACKED: Final = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_GZIP_OR_ZLIB: Final = 47


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """A piece of an input's value, found in a place."""

    place: str
    input: str
    form: str


class Search:
    """Knows the values by the names of the inputs that carry them."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._windows: dict[bytes, list[tuple[str, Form, int]]] = defaultdict(list)
        for name, value in values.items():
            for form in forms(value):
                for at in range(len(form.raw) - WINDOW + 1):
                    self._windows[form.raw[at : at + WINDOW]].append((name, form, at))

    def leaks(self, place: str, data: bytes) -> list[Leak]:
        """Return which values show in the data, as it is or unpacked, in which forms."""
        found = {leak for part in _parts(data) for leak in self._in(part)}
        return sorted(Leak(place, *leak) for leak in found)

    def _in(self, data: bytes) -> Iterator[tuple[str, str]]:
        windows = self._windows
        for at in range(0, len(data) - WINDOW + 1, STRIDE):
            if (window := data[at : at + WINDOW]) in windows:
                for name, form, offset in windows[window]:
                    if _run(data, at, form.raw, offset) >= form.least:
                        yield name, form.name


def _run(data: bytes, at: int, raw: bytes, offset: int) -> int:
    """Return how long data and form agree around a window that they share."""
    before = after = 0
    while before < min(at, offset) and data[at - before - 1] == raw[offset - before - 1]:
        before += 1
    at, offset = at + WINDOW, offset + WINDOW
    while (
        after < min(len(data) - at, len(raw) - offset) and data[at + after] == raw[offset + after]
    ):
        after += 1
    return before + WINDOW + after


def _parts(data: bytes) -> Iterator[bytes]:
    """Yield the data, and whatever in it is packed by gzip or zlib."""
    yield data
    view = memoryview(data)
    for packed in _PACKED.finditer(data):
        try:
            found = zlib.decompressobj(_GZIP_OR_ZLIB).decompress(
                view[packed.start() : packed.start() + MOST_UNPACKED], MOST_UNPACKED
            )
        except zlib.error:
            continue
        if len(found) >= PIECE_BYTES:
            yield found
