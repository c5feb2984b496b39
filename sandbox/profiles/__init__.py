"""Making an estate: from a profile's name, a seed and the instant it is made relative to."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import orjson

from sandbox.arguments import Arguments
from sandbox.clock import Clock
from sandbox.estate.model import Estate
from sandbox.files import write_private
from sandbox.profiles import demo, large, surprises
from sandbox.profiles.control_plane import configure
from sandbox.profiles.ownership import own

_KEPT_SECONDS: Final = 7 * 86_400
_MAKERS: Final[dict[str, Callable[[Arguments, int], Estate]]] = {
    "demo": lambda arguments, now: own(configure(demo.make(arguments.seed, now))),
    "random": lambda arguments, now: own(configure(surprises.make(arguments.seed, now))),
    "varied": lambda arguments, now: own(configure(surprises.make_varied(arguments, now))),
    "large": lambda arguments, now: own(large.make(arguments, now)),
}


def make(arguments: Arguments, clock: Clock) -> Estate:
    """Return the estate. Its dates are relative to an instant that the state folder keeps.

    A restart within a week gives the same estate to the second; later it is made anew, so that
    what was about to expire does not stand there as long expired.
    """
    now = _made_at(arguments, clock.epoch())
    return _MAKERS[arguments.profile](arguments, now)


def _made_at(arguments: Arguments, now: int) -> int:
    file: Path = arguments.state / "estate.json"
    what = {"profile": arguments.profile, "seed": arguments.seed}
    try:
        kept = orjson.loads(file.read_bytes())
        made_at = int(kept.pop("made_at"))
        if kept == what and 0 <= now - made_at < _KEPT_SECONDS:
            return made_at
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    write_private(file, orjson.dumps(what | {"made_at": now}))
    return now
