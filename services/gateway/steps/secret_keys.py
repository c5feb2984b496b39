"""SECRET_KEY and the one before it: opening what either wrapped, and wrapping with the present one.

Each wrapped key carries its own derivation, so that half of a keyring may be wrapped by one key and
half by the other: that is what a change of SECRET_KEY leaves when it is cut off.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self, final

from pydantic import SecretStr

from services.gateway.domain.keyring import KeyName, Standing, Wrapper
from services.gateway.store.keys import WrappedKey
from shared.crypto import DataKey, DecryptionError, Derivation, WrappingKey
from shared.errors import PermanentError, SettingsError

_PROBE: Final = "the same key gives the same fingerprint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A data key, who wraps it, and how the wrapping key is derived."""

    name: KeyName
    key: DataKey
    by: Wrapper
    derivation: Derivation


def standing(opened: Mapping[KeyName, Opened]) -> Standing:
    """Return who wraps which of these."""
    return Standing({name: one.by for name, one in opened.items()})


@final
class SecretKeys:
    """The keys that settings name. A derivation costs a tenth of a second and is made once."""

    __slots__ = ("__derived", "__secrets")

    def __init__(self, present: str, previous: str | None = None) -> None:
        secrets = {Wrapper.PRESENT: present, Wrapper.PREVIOUS: previous}
        self.__secrets = {by: secret for by, secret in secrets.items() if secret}
        self.__derived: dict[tuple[Wrapper, Derivation], WrappingKey] = {}

    @classmethod
    def of(cls, present: SecretStr, previous: SecretStr | None) -> Self:
        """Return what the settings say."""
        return cls(present.get_secret_value(), previous.get_secret_value() if previous else None)

    @property
    def are_equal(self) -> bool:
        """Say whether the previous key is the present one."""
        return self.__secrets.get(Wrapper.PREVIOUS) == self.__secrets[Wrapper.PRESENT]

    def open_all(self, stored: Iterable[WrappedKey]) -> dict[KeyName, Opened]:
        """Return the data keys by name. Raises `SettingsError` if one opens with no key."""
        return {wrapped.name: self._open(wrapped) for wrapped in stored}

    def wrap(self, key: DataKey, name: KeyName, derivation: Derivation) -> WrappedKey:
        """Return the key wrapped by SECRET_KEY, after it was seen that this opens again."""
        text = self._derived(Wrapper.PRESENT, derivation).wrap(key, purpose=str(name))
        wrapped = WrappedKey(name=name, wrapped=text, derivation=derivation)
        opened = self._open(wrapped)
        if opened.key.fingerprint(_PROBE) != key.fingerprint(_PROBE):
            raise PermanentError(f"The key “{name}” did not open again; it stays as it was.")
        return wrapped

    def _open(self, wrapped: WrappedKey) -> Opened:
        for by in self.__secrets:
            try:
                key = self._derived(by, wrapped.derivation).unwrap(
                    wrapped.wrapped, purpose=str(wrapped.name)
                )
            except DecryptionError:
                continue
            return Opened(name=wrapped.name, key=key, by=by, derivation=wrapped.derivation)
        raise SettingsError(
            f"{' and '.join(self.__secrets)} cannot open this database's key “{wrapped.name}”;"
            " nothing was changed. Set SECRET_KEY to the one that wraps it. While you change it,"
            " set SECRET_KEY_PREVIOUS to the old one too."
        )

    def _derived(self, by: Wrapper, derivation: Derivation) -> WrappingKey:
        if (by, derivation) not in self.__derived:
            self.__derived[by, derivation] = WrappingKey(self.__secrets[by], derivation)
        return self.__derived[by, derivation]

    def __repr__(self) -> str:
        return "SecretKeys(…)"

    def __reduce__(self) -> str:
        raise TypeError("A key is never serialised.")
