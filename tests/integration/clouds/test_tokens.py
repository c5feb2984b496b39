"""Tokens: sent at once, to the cloud's own hosts only, and replaced once when refused."""

import asyncio

import pytest
from aiohttp import web

from services.scanner.domain.inventory import VaultRef
from shared.clouds import OpenGate
from shared.clouds.client import get
from shared.clouds.errors import AccessDeniedError, ForeignHostError
from tests.support.clouds import Adapters, LocalCloud, Tokens, listing, says

ROW = {"id": "https://kv-1.vault.sandbox.localhost/secrets/a", "attributes": {"enabled": True}}


async def test_the_token_is_sent_at_once(
    cloud: LocalCloud, adapters: Adapters, tokens: Tokens
) -> None:
    await adapters.read(cloud)

    assert {seen.token for seen in cloud.seen} == {"token-canary-1"}
    assert tokens.issued == 1


async def test_a_vault_with_a_foreign_address_is_not_contacted(
    cloud: LocalCloud, adapters: Adapters, tokens: Tokens
) -> None:
    vault = cloud.vault()
    foreign = VaultRef(
        resource_id=vault.resource_id,
        name=vault.name,
        uri="https://kv-1.vault.azure.net/",
        subscription_id="s",
        resource_group="g",
        region="r",
        sku="standard",
    )

    with pytest.raises(ForeignHostError, match=r"kv-1\.vault\.azure\.net was not sent"):
        await anext(adapters.vaults.items(foreign))

    assert tokens.issued == 0


async def test_every_refused_caller_gets_the_same_new_token(
    cloud: LocalCloud, adapters: Adapters, tokens: Tokens
) -> None:
    await adapters.credential.get_token_info(cloud.settings.vault_scope)
    page = listing(ROW)

    async def answer(request: web.Request) -> web.StreamResponse:
        old = request.headers["Authorization"].endswith("-1")
        return await (says({}, status=401) if old else page)(request)

    cloud.on("/secrets", answer)
    found = await asyncio.gather(*(adapters.read(cloud, f"kv-{n}") for n in range(50)))

    assert [len(items) for items in found] == [1] * 50
    assert tokens.issued == 2


async def test_a_vault_that_refuses_every_token_is_asked_twice_and_no_more(
    cloud: LocalCloud, adapters: Adapters, tokens: Tokens
) -> None:
    cloud.on("/secrets", says({"error": {"code": "Unauthorized"}}, status=401))

    for _ in range(5):
        with pytest.raises(AccessDeniedError, match="token"):
            await adapters.read(cloud)

    assert tokens.issued == 2
    assert len(cloud.seen) == 6


async def test_the_same_token_is_not_sent_a_second_time(
    cloud: LocalCloud, adapters: Adapters, tokens: Tokens
) -> None:
    tokens.same = "token-canary-same"
    cloud.on("/secrets", says({}, status=401))

    with pytest.raises(AccessDeniedError):
        await adapters.read(cloud)

    assert len(cloud.seen) == 1


class Turnstile(OpenGate):
    """Keeps whoever comes waiting until it is opened."""

    def __init__(self) -> None:
        self.waiting, self.opened = asyncio.Event(), asyncio.Event()

    async def take(self) -> None:
        self.waiting.set()
        await self.opened.wait()


async def test_a_token_that_was_refused_while_a_request_waited_for_its_place_is_not_sent(
    cloud: LocalCloud, adapters: Adapters, tokens: Tokens
) -> None:
    scope, gate = cloud.settings.vault_scope, Turnstile()
    client = adapters.client(gate=gate)
    waits = asyncio.create_task(client.read(get(f"{cloud.vault().uri}keys"), "the keys"))
    await gate.waiting.wait()
    assert tokens.issued == 1

    adapters.credential.drop(scope, "token-canary-1")
    gate.opened.set()
    await waits

    assert [seen.token for seen in cloud.seen] == ["token-canary-2"]
    assert tokens.issued == 2
