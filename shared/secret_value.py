"""A secret value that cannot leak by accident.

It does not print, format, serialise, copy, pickle, compare or hash. The only way out is `reveal`,
which adapters call at the moment they hand the value to a cloud's SDK.
"""

from typing import Never, final


@final
class SecretValue:
    """Holds one secret value for as long as it is needed and not longer."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Return the value itself; every call of this is a place that a reviewer looks at."""
        return self.__value

    def __repr__(self) -> str:
        return "SecretValue(…)"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce_ex__(self, protocol: object) -> Never:
        raise TypeError("A secret value is never serialised.")

    def __getstate__(self) -> Never:
        raise TypeError("A secret value is never serialised.")

    def __eq__(self, other: object) -> bool:
        raise TypeError("Secret values are never compared; compare keyed fingerprints.")

    def __hash__(self) -> int:
        raise TypeError("A secret value is never a key.")

    def __iter__(self) -> Never:
        raise TypeError("A secret value has no parts.")
