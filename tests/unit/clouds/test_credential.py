"""One token for many callers."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from azure.identity import CredentialUnavailableError

from shared.clouds import SingleFlightCredential
from shared.clouds.errors import CloudError, IdentityRefusedError, IdentityUnavailableError
from tests.support.clouds import Tokens

SCOPE = "https://vault.azure.net/.default"


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def tokens(time: Time) -> Tokens:
    return Tokens(clock=time)


@pytest.fixture
def credential(tokens: Tokens, time: Time) -> SingleFlightCredential:
    return SingleFlightCredential(tokens, clock=time)


async def _token(credential: SingleFlightCredential) -> str:
    return (await credential.get_token_info(SCOPE)).token


async def _settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_fifty_cold_callers_cause_one_request(
    credential: SingleFlightCredential, tokens: Tokens
) -> None:
    found = await asyncio.gather(*(_token(credential) for _ in range(50)))

    assert set(found) == {"token-canary-1"}
    assert tokens.issued == 1


async def test_each_scope_has_a_token_of_its_own(
    credential: SingleFlightCredential, tokens: Tokens
) -> None:
    await credential.get_token_info(SCOPE)
    await credential.get_token_info("https://graph.microsoft.com/.default")

    assert tokens.issued == 2


async def test_the_older_form_of_a_token_comes_from_the_same_place(
    credential: SingleFlightCredential, tokens: Tokens
) -> None:
    await credential.get_token_info(SCOPE)

    assert (await credential.get_token(SCOPE)).token == "token-canary-1"
    assert tokens.issued == 1


async def test_a_token_is_renewed_in_the_background_before_it_ends(
    credential: SingleFlightCredential, tokens: Tokens, time: Time
) -> None:
    await _token(credential)
    time.pass_by(3600 - 299)

    assert await _token(credential) == "token-canary-1"
    await _settled()
    assert await _token(credential) == "token-canary-2"
    assert tokens.issued == 2


async def test_a_renewal_that_fails_keeps_the_token_and_is_tried_again_later(
    credential: SingleFlightCredential, tokens: Tokens, time: Time
) -> None:
    await _token(credential)
    time.pass_by(3600 - 299)
    tokens.errors = [ServiceRequestError("down")]

    assert await _token(credential) == "token-canary-1"
    await _settled()
    assert await _token(credential) == "token-canary-1"
    await _settled()
    assert tokens.issued == 2

    time.pass_by(31)
    await _token(credential)
    await _settled()
    assert await _token(credential) == "token-canary-3"


async def test_a_token_of_three_seconds_still_serves_many_calls(time: Time) -> None:
    tokens = Tokens(life_seconds=3, clock=time)
    credential = SingleFlightCredential(tokens, clock=time)

    for _ in range(10):
        await _token(credential)
    assert tokens.issued == 1

    time.pass_by(3)
    assert await _token(credential) == "token-canary-2"


async def test_a_refused_token_is_replaced_once_however_many_were_refused(
    credential: SingleFlightCredential, tokens: Tokens
) -> None:
    old = await _token(credential)

    async def refused() -> str:
        credential.drop(SCOPE, old)
        return await _token(credential)

    found = await asyncio.gather(*(refused() for _ in range(50)))

    assert set(found) == {"token-canary-2"}
    assert tokens.issued == 2


async def test_a_refusal_that_comes_late_leaves_the_new_token_alone(
    credential: SingleFlightCredential, tokens: Tokens, time: Time
) -> None:
    old = await _token(credential)
    credential.drop(SCOPE, old)
    new = await _token(credential)
    time.pass_by(11)

    credential.drop(SCOPE, old)

    assert await _token(credential) == new
    assert tokens.issued == 2


async def test_a_new_token_that_is_refused_as_well_is_not_replaced_over_and_over(
    credential: SingleFlightCredential, tokens: Tokens, time: Time
) -> None:
    credential.drop(SCOPE, await _token(credential))
    new = await _token(credential)

    credential.drop(SCOPE, new)
    assert await _token(credential) == new

    time.pass_by(11)
    credential.drop(SCOPE, new)
    assert await _token(credential) == "token-canary-3"
    assert tokens.issued == 3


async def test_callers_that_waited_together_fail_together(
    credential: SingleFlightCredential, tokens: Tokens
) -> None:
    tokens.errors = [ServiceRequestError("down")]

    found = await asyncio.gather(*(_token(credential) for _ in range(50)), return_exceptions=True)

    assert {type(error) for error in found} == {IdentityUnavailableError}
    assert tokens.issued == 1
    assert await _token(credential) == "token-canary-2"


async def test_a_caller_that_gives_up_takes_the_token_from_nobody(
    credential: SingleFlightCredential, tokens: Tokens
) -> None:
    gate = asyncio.Event()
    tokens.wait = gate.wait
    impatient, patient = (asyncio.create_task(_token(credential)) for _ in range(2))
    await _settled()

    impatient.cancel()
    gate.set()

    assert await patient == "token-canary-1"
    assert tokens.issued == 1


async def test_closing_stops_what_is_being_fetched(tokens: Tokens) -> None:
    tokens.wait = asyncio.Event().wait

    async with SingleFlightCredential(tokens) as credential:
        waiting = asyncio.create_task(_token(credential))
        await _settled()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_an_endpoint_that_hangs_is_given_up(
    credential: SingleFlightCredential, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.clouds.credential.DEADLINE_SECONDS", 0.01)
    tokens.wait = asyncio.Event().wait

    with pytest.raises(IdentityUnavailableError, match="No token came"):
        await _token(credential)


def _refused(status: int, text: str = "AADSTS7000215: canary-text") -> ClientAuthenticationError:
    error = ClientAuthenticationError(text)
    error.status_code = status
    return error


@pytest.mark.parametrize(
    ("error", "kind", "word"),
    [
        (_refused(401), IdentityRefusedError, "AADSTS7000215"),
        (_refused(400, "canary-text"), IdentityRefusedError, "Entra refused"),
        (_refused(429), IdentityUnavailableError, "gave no token"),
        (_refused(503), IdentityUnavailableError, "gave no token"),
        (CredentialUnavailableError("canary-text"), IdentityUnavailableError, "no identity"),
        (ServiceRequestError("canary-text"), IdentityUnavailableError, "gave no token"),
        (KeyError("canary-text"), IdentityUnavailableError, "KeyError"),
    ],
)
async def test_a_failure_is_a_sentence_without_the_answers_text(
    credential: SingleFlightCredential,
    tokens: Tokens,
    error: Exception,
    kind: type[CloudError],
    word: str,
) -> None:
    tokens.errors = [error]

    with pytest.raises(kind, match=word) as failed:
        await _token(credential)

    assert failed.value.remedy
    assert "canary" not in str(failed.value)
    assert failed.value.__cause__ is None


async def test_a_machine_whose_clock_is_ahead_does_not_ask_for_every_request(
    credential: SingleFlightCredential, tokens: Tokens, time: Time
) -> None:
    """By its clock each token has ended when it comes; a service's refusal says more."""
    truth = time.now
    tokens.clock = lambda: truth
    time.pass_by(10 * 365 * 86_400)

    assert {await _token(credential) for _ in range(50)} == {"token-canary-1"}

    credential.drop(SCOPE, "token-canary-1")
    assert await _token(credential) == "token-canary-2"
    assert tokens.issued == 2
