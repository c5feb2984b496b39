"""How long a lease lasts; seconds."""

from typing import Final

LEASE_SECONDS: Final = 120.0
EFFECT_SECONDS: Final = 30.0
"""The longest that one effect may take. A lease that ended is taken over only this much later, so
that whatever its holder had begun has ended too. For a target with two keys nothing else protects
what was published: one that is made anew too late takes the place of the one that is in use."""
