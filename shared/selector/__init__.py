"""The selector language: one way to say which vaults and items are meant, read the same everywhere.

`sub:prod-* vault:kv-pay-* tag:env=prod -tag:skip=true`: terms must all apply, values with commas
are alternatives, a minus turns a term round. `docs/reference/selectors.md` is the description.
"""

from shared.selector.errors import SelectorError
from shared.selector.facts import Facts, Field, Verdict
from shared.selector.parser import MOST_CHARACTERS, parse, parse_scope
from shared.selector.terms import Selector

__all__ = [
    "MOST_CHARACTERS",
    "Facts",
    "Field",
    "Selector",
    "SelectorError",
    "Verdict",
    "parse",
    "parse_scope",
]
