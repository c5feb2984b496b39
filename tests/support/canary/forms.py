"""Canary values, and every form in which one could show itself."""

import base64
import hashlib
import html
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple
from urllib.parse import quote, quote_plus

PIECE_CHARACTERS: Final = 12
PIECE_BYTES: Final = 16
ALPHABETS: Final = {"": base64.b64encode, "URL-safe ": base64.urlsafe_b64encode}


class Form(NamedTuple):
    """How a value looks in one form, and how many bytes of that are a leak."""

    name: str
    raw: bytes
    least: int


def canary(name: str) -> str:
    """Return a value that nobody writes by chance, with signs that each encoding writes its way."""
    letters = _letters(name)
    return "".join(letters[4 * at : 4 * at + 4] + sign for at, sign in enumerate("+\"&<é/%='"))


def word_canary(name: str) -> str:
    """Return a value for where only letters and digits pass, such as a header or an address."""
    return _letters(name)


def _letters(name: str) -> str:
    digest = hashlib.sha512(f"canary of {name}".encode()).digest()
    return base64.b64encode(digest, altchars=b"xZ").decode()[:42]


def _escaped(text: str, sign: str) -> bytes:
    return "".join(sign.format(ord(letter)) for letter in text).encode()


WRITTEN: Final[Mapping[str, Callable[[str], bytes]]] = {
    "plain": str.encode,
    "reversed": lambda text: text[::-1].encode(),
    "upper case": lambda text: text.upper().encode(),
    "lower case": lambda text: text.lower().encode(),
    "Latin-1": lambda text: text.encode("latin-1", "replace"),
    "UTF-16 LE": lambda text: text.encode("utf-16-le"),
    "UTF-16 BE": lambda text: text.encode("utf-16-be"),
    "hex": lambda text: text.encode().hex().encode(),
    "upper hex": lambda text: text.encode().hex().upper().encode(),
    "JSON": lambda text: _json(text).encode(),
    "JSON in JSON": lambda text: _json(_json(text)).encode(),
    "Unicode escapes": lambda text: _escaped(text, "\\u{:04x}"),
    "upper Unicode escapes": lambda text: _escaped(text, "\\u{:04X}"),
    "HTML": lambda text: html.escape(text).encode(),
    "HTML numbers": lambda text: _escaped(text, "&#{};"),
    "HTML hex numbers": lambda text: _escaped(text, "&#x{:x};"),
    "URL": lambda text: quote(text, safe="").encode(),
    "URL form": lambda text: quote_plus(text).encode(),
    "percent signs": lambda text: _percent(text).encode(),
    "lower percent signs": lambda text: _percent(text).lower().encode(),
    "Python text": lambda text: ascii(text)[1:-1].encode(),
    "Python bytes": lambda text: repr(text.encode())[2:-1].encode(),
}


def _json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def _in_base64(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield base64 at its three offsets, without the ends that depend on what stands beside it."""
    for before in range(3):
        begin, end = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
        for alphabet, encode in ALPHABETS.items():
            name = f"{alphabet}base64 at offset {before}"
            yield name, encode(bytes(before) + raw + bytes(3))[begin:end]


def forms(value: str) -> list[Form]:
    """Return each form of a value once. Raises `ValueError` for one that may come by chance."""
    if len(value) < PIECE_BYTES:
        raise ValueError("A value of fewer than 16 characters cannot be told from chance.")
    pieces = [value[at : at + PIECE_CHARACTERS] for at in range(len(value) - PIECE_CHARACTERS + 1)]
    found = [
        Form(name, write(value), min(len(write(piece)) for piece in pieces))
        for name, write in WRITTEN.items()
    ]
    for encoding, width in (("utf-8", 1), ("utf-16-le", 2), ("utf-16-be", 2)):
        least = width * PIECE_CHARACTERS * 4 // 3
        for name, raw in _in_base64(value.encode(encoding)):
            found.append(Form(f"{encoding} in {name}", raw, least))
    first = {form.raw: form for form in reversed(found)}
    return [form._replace(least=max(form.least, PIECE_BYTES)) for form in first.values()]
