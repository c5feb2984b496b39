"""Cells of CSV files that a spreadsheet only shows."""

from typing import Final

# OWASP, CSV Injection: what begins with one of these is a formula to a spreadsheet.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def plain(value: object) -> str:
    """Return a value as a text that no spreadsheet computes: a quote stands before a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
