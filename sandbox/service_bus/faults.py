"""Faults that a test switches on in a namespace: what the next operations meet."""

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.service_bus.errors import SERVER_BUSY, BusError

Operation = Literal["send", "settle", "attach", "manage"]


class Fault(BaseModel):
    """What happens to the next `count` operations of a kind (None: all) on an entity ("": any).

    `refuse`: nothing is done, and the client hears `condition`. `lose`: it is done, and never
    answered. `drop`: it is done, and the connection is torn down before the answer.
    `drop-before`: the connection is torn down and nothing is done.
    """

    model_config = ConfigDict(extra="forbid")

    on: Operation
    entity: str = ""
    how: Literal["refuse", "lose", "drop", "drop-before"] = "refuse"
    condition: str = SERVER_BUSY
    description: str = (
        "The request was terminated because the namespace is being throttled. Error code : 50009."
        " Please wait 2 seconds and try again."
    )
    count: Annotated[int, Field(ge=1)] | None = 1

    def error(self) -> BusError:
        return BusError(self.condition, self.description, 503)


class Faults:
    """The faults that are switched on, in the order in which they were."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._rules.append(fault.model_copy())

    def rules(self) -> list[Fault]:
        return list(self._rules)

    def clear(self) -> None:
        self._rules.clear()

    def meet(self, on: Operation, path: str) -> Fault | None:
        """Return the first fault that an operation meets, and count it."""
        for fault in self._rules:
            if fault.on == on and fault.entity.lower() in ("", path.lower()):
                self._count(fault)
                return fault
        return None

    def _count(self, fault: Fault) -> None:
        if fault.count is not None:
            fault.count -= 1
            if fault.count == 0:
                self._rules.remove(fault)

    def through(
        self, on: Operation, path: str, abort: Callable[[], None], action: Callable[[], None]
    ) -> bool:
        """Do something unless a fault forbids it; say whether it may be answered.

        Raises `BusError` for an operation that is refused, by a fault or by the action itself.
        """
        fault = self.meet(on, path)
        if fault is not None and fault.how == "refuse":
            raise fault.error()
        if fault is None or fault.how != "drop-before":
            action()
        if fault is not None and fault.how != "lose":
            abort()
        return fault is None
