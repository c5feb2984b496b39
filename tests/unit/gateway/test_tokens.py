"""Session tokens: what a replica remembers of them never outlives the keys."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.gateway.adapters import tokens as adapter
from services.gateway.adapters.tokens import EdDSATokens
from services.gateway.domain.session import Claims
from services.gateway.ports import SigningKey

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_key(kid: str) -> SigningKey:
    private = Ed25519PrivateKey.generate()
    return SigningKey(
        kid=kid,
        public_key=private.public_key().public_bytes_raw(),
        private_key=private.private_bytes_raw(),
        created_at=NOW,
    )


def some_claims() -> Claims:
    return Claims(
        session_id=uuid4(), user_id=uuid4(), issued_at=NOW, expires_at=NOW + timedelta(hours=8)
    )


async def some_tokens(keys: list[SigningKey]) -> EdDSATokens:
    async def load() -> list[SigningKey]:
        return list(keys)

    tokens = EdDSATokens(load, lambda: NOW)
    await tokens.refresh()
    return tokens


async def test_a_token_that_was_read_before_is_refused_once_its_key_is_gone() -> None:
    keys = [a_key("one")]
    tokens = await some_tokens(keys)
    claims = some_claims()
    text = tokens.sign(claims)
    before = [await tokens.read(text) for _ in range(2)]
    keys[:] = [a_key("two")]
    await tokens.refresh()

    assert before == [claims, claims]
    assert await tokens.read(text) is None


async def test_a_changed_token_is_refused_after_the_right_one_was_read() -> None:
    tokens = await some_tokens([a_key("one")])
    text = tokens.sign(some_claims())
    assert await tokens.read(text)
    for at in (10, len(text) // 2, len(text) - 10):
        changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        assert await tokens.read(changed) is None


async def test_no_more_than_so_many_tokens_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "MOST_KEPT", 3)
    tokens = await some_tokens([a_key("one")])
    texts = [tokens.sign(some_claims()) for _ in range(8)]
    for text in texts:
        assert await tokens.read(text)
        assert len(tokens._verified) <= 3
    assert all([await tokens.read(text) for text in texts])
