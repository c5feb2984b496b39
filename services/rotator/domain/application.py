"""An Entra application as the target of a rotation."""

import re
from dataclasses import dataclass
from typing import Final, Self

from shared.errors import PermanentError

_GUID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_FORM: Final = re.compile(f"({_GUID})/({_GUID})")


class TargetError(PermanentError):
    """A target is not written as its driver reads it."""


@dataclass(frozen=True, slots=True)
class ApplicationTarget:
    """`object_id` is the application's object in the directory, `app_id` what it signs in as.

    Both are needed: its credentials belong to the object, and only the other can prove them. As a
    text it is `<object id>/<application id>` in lower case.
    """

    object_id: str
    app_id: str

    def __str__(self) -> str:
        return f"{self.object_id}/{self.app_id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text. Raises `TargetError`."""
        found = _FORM.fullmatch(text.lower())
        if found is None:
            raise TargetError(
                f"{text!r} names no application: write its object id and its application (client)"
                " id with a slash between."
            )
        return cls(found[1], found[2])
