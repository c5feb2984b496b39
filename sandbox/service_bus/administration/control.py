"""What a test does to a namespace in another process: time, locks, connections, faults."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.service_bus.faults import Fault
from sandbox.service_bus.server import Emulator


class Control:
    """`clock`, `locks`, `connections` and `faults` under `/$sandbox`."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def steer(self, request: Request, body: bytes) -> Response:
        """Answer one request. Raises `ValueError` for one that means nothing."""
        asked = request.method, request.path_params["what"]
        if asked == ("POST", "clock"):
            self._emulator.namespace.advance(float(body))
            self._emulator.wake()
        elif asked == ("DELETE", "locks"):
            self._emulator.namespace.lose_locks()
        elif asked == ("DELETE", "connections"):
            self._emulator.drop_connections()
        elif asked == ("POST", "faults"):
            self._emulator.namespace.faults.add(Fault.model_validate_json(body))
        elif asked == ("DELETE", "faults"):
            self._emulator.namespace.faults.clear()
        elif asked == ("GET", "faults"):
            left = self._emulator.namespace.faults.rules()
            return JSONResponse([fault.model_dump() for fault in left])
        else:
            raise ValueError(
                "There are: POST clock (seconds), DELETE locks, DELETE connections, and GET, POST"
                " or DELETE faults."
            )
        return Response(status_code=204)
