"""Using a resource's key for real: one request, without a token, without a retry."""

import re
from http import HTTPStatus
from typing import Final

from azure.core.rest import HttpRequest

from services.rotator.adapters.connected import Connected
from services.rotator.adapters.key_proofs import Proof, Signed
from services.rotator.ports import Tested, Verdict
from shared.clouds import HostGuard
from shared.clouds.client import USER_AGENT
from shared.clouds.deadline import deadline
from shared.clouds.deeds import Deed
from shared.clouds.errors import ThrottledError, UnavailableError
from shared.clouds.failures import FAILURES, failure
from shared.clouds.guards import host_of
from shared.clouds.retry_after import retry_after
from shared.clouds.session import Answer
from shared.secret_value import SecretValue

SECONDS: Final = 30.0
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{1,63}")
_NO_KEY: Final = "no key"


class DataPlane:
    """Asks the hosts at which keys open something."""

    def __init__(self, connected: Connected) -> None:
        self._connected = connected

    async def test(
        self, proof: Proof, name: str, rule: str, value: SecretValue, asked: Deed
    ) -> Tested:
        """Say whether a value opens the resource of this name.

        Raises `ThrottledError`, and `UnavailableError` and its like where it cannot be asked.
        """
        address = self._connected.session.cloud.resource(proof.plane, name)
        signed = Signed(name=name, address=address, rule=rule, at=self._connected.clock())
        try:
            headers = proof.headers(signed, value)
        except ValueError:  # Raised out here it could hold the value; what is no key does not work.
            return Tested(Verdict.NOT_YET, _NO_KEY)
        request = HttpRequest("GET", f"{address}{proof.path}", headers=dict(headers))
        return _judge(await self._send(proof, request, asked), proof, asked)

    async def _send(self, proof: Proof, request: HttpRequest, asked: Deed) -> Answer:
        cloud, session = self._connected.session.cloud, self._connected.session
        request.headers["User-Agent"] = USER_AGENT
        guard = HostGuard(lambda url: cloud.owns_plane(proof.plane, url))
        transport = session.transport(guard, proof.allowed)
        try:
            async with deadline(SECONDS):
                given = await transport.attempt(request)
                if isinstance(given, Answer):
                    return given
                await given.read()
                return Answer(given.status_code, given.content, given.headers)
        except FAILURES as error:
            failed = failure(asked, host_of(request.url), error)
        # Raised out here nothing hangs on it: azure-core's errors hold the request's signature.
        raise failed


def _judge(answer: Answer, proof: Proof, asked: Deed) -> Tested:
    if answer.status == HTTPStatus.OK:
        return Tested(Verdict.WORKS)
    wait = retry_after(answer.headers)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise ThrottledError(
            f"The resource asked to slow down while {asked.doing}.",
            remedy="It is tried again later.",
            retry_after=wait,
        )
    failing = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if failing or answer.status == HTTPStatus.REQUEST_TIMEOUT:
        raise UnavailableError(
            f"The resource failed with status {answer.status} while {asked.doing}.",
            remedy="It is tried again later.",
            retry_after=wait,
        )
    code = _code(answer)
    status, refused = proof.refused
    shown = f"status {answer.status}{code and f' {code}'}"
    if answer.status == status and refused in ("", code):
        return Tested(Verdict.NOT_YET, shown)
    return Tested(Verdict.UNCLEAR, shown)


def _code(answer: Answer) -> str:
    """Return the code that Storage names in a header; the other services name none there."""
    code = answer.headers.get("x-ms-error-code", "")
    return code if _CODE.fullmatch(code) else ""
