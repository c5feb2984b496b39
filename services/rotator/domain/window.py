"""When rotations may begin: windows that open by a recurrence and stay open for a while."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.rotator.domain.freeze import Freeze, thawed
from services.rotator.domain.instants import earlier, in_words, later
from shared.cron import Recurrence

SHORTEST: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Opens at each time of `opens`, which names its time zone, and stays open for `lasts`.

    The length is elapsed time, so a window of six hours is six hours long also on the night on
    which clocks change. Raises `ValueError` with a sentence for a length out of bounds.
    """

    opens: Recurrence
    lasts: timedelta

    def __post_init__(self) -> None:
        """Refuse a window that is too short to be met, or too long to be one."""
        if not SHORTEST <= self.lasts <= LONGEST:
            raise ValueError(
                f"A window stays open for {in_words(SHORTEST)} to {in_words(LONGEST)}; leave the"
                " windows out to allow every time."
            )

    def opening(self, moment: datetime) -> tuple[datetime, datetime]:
        """Return when it opens and closes: the opening that holds `moment`, or else the next."""
        opens_at = self.opens.after(earlier(moment, self.lasts))
        return opens_at, later(opens_at, self.lasts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When rotations may begin: in a window (with none: always), outside all freezes.

    Never earlier than `not_before`.
    """

    windows: tuple[Window, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    not_before: datetime | None = None

    def permits(self, moment: datetime) -> bool:
        """Say whether a rotation may begin at this instant."""
        return self.next_permitted(moment) == moment

    def next_permitted(self, moment: datetime) -> datetime:
        """Return the first instant from `moment` on at which a rotation may begin.

        There always is one: windows recur and freezes end.
        """
        moment = max(moment, self.not_before or moment)
        while True:
            open_at = self._open(thawed(moment, self.freezes))
            moment = thawed(open_at, self.freezes)
            if moment == open_at:
                return moment

    def opened(self, moment: datetime) -> datetime:
        """Return since when the window has been open that holds this instant.

        Without windows, the instant itself.
        """
        openings = [window.opening(moment)[0] for window in self.windows]
        return min((opens_at for opens_at in openings if opens_at <= moment), default=moment)

    def _open(self, moment: datetime) -> datetime:
        """Return the first instant from `moment` on at which a window is open."""
        openings = [window.opening(moment)[0] for window in self.windows]
        return max(moment, min(openings, default=moment))
