"""How alike two names are: by their words, without those that every such name has."""

import re
from typing import Final

_ENVIRONMENTS: Final = {
    word: words[0]
    for words in (
        ("dev", "develop", "development"),
        ("test", "tst", "testing"),
        ("qa", "quality"),
        ("uat", "acc", "acceptance"),
        ("stage", "stg", "staging", "preprod"),
        ("prod", "prd", "production", "live"),
    )
    for word in words
}
_FILLERS: Final = frozenset(
    {
        *("secret", "secrets", "client", "clientsecret", "password", "pwd", "pass", "key"),
        *("credential", "credentials", "cred", "app", "application", "appreg", "sp", "spn"),
    }
)
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD: Final = re.compile(r"[^\W_]+")


def words_of(name: str) -> frozenset[str]:
    """Return what distinguishes a name: `BillingApi-prod-clientSecret` has `billing` and `api`."""
    return _split(name) - _FILLERS - _ENVIRONMENTS.keys()


def similarity(left: str, right: str) -> float:
    """Return the share of words that two names have in common, from 0 to 1 (Jaccard's index).

    Names of different environments have nothing in common: the password of `billing-dev` does not
    belong to `billing-prod`, however alike the rest is.
    """
    if _environments(left).isdisjoint(_environments(right)):
        return 0.0
    ours, theirs = words_of(left), words_of(right)
    together = ours | theirs
    return len(ours & theirs) / len(together) if together else 0.0


def _environments(name: str) -> frozenset[str]:
    """Return the environments that a name states; one that states none may be of any."""
    stated = frozenset(_ENVIRONMENTS[word] for word in _split(name) & _ENVIRONMENTS.keys())
    return stated or frozenset(_ENVIRONMENTS.values())


def _split(name: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in _WORD.findall(_HUMP.sub(" ", name)))
