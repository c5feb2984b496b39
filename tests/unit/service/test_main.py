"""A service's process: it ends with a sentence and a code that says whose fault it is."""

import asyncio
import os
import signal
from secrets import token_hex

import pytest

from shared.bus import ConsumersLostError
from shared.bus.standing import Standing
from shared.errors import SchemaError, SettingsError
from shared.service import main
from shared.service.main import (
    EXIT_LOST,
    EXIT_REFUSED,
    EXIT_SETTINGS,
    run_loop,
    run_service,
    stop_on_signals,
)
from shared.service.run import until_told
from shared.settings import ServiceSettings


async def _build(_: object) -> None:
    raise AssertionError("nothing is built in these tests")


@pytest.fixture
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://scanner:pw@127.0.0.1:1/certifyclouds")
    monkeypatch.setenv("SECRET_KEY", token_hex(32))


def test_wrong_settings_end_the_process_with_two_and_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("SECRET_KEY", raising=False)

    assert run_service("scanner", ServiceSettings, _build) == EXIT_SETTINGS
    assert "SECRET_KEY: it is not set" in capsys.readouterr().err


@pytest.mark.usefixtures("_settings")
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SchemaError("The schema scanner is too new."), EXIT_REFUSED),
        (SettingsError("Cannot listen on 127.0.0.1:80."), EXIT_SETTINGS),
        (ConsumersLostError("RabbitMQ answers, but nothing is consumed."), EXIT_LOST),
    ],
)
def test_a_refusal_ends_the_process_with_its_sentence(
    error: Exception,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(main, "serve", refuse)

    assert run_service("scanner", ServiceSettings, _build) == code
    assert f"certifyclouds scanner: {error}" in capsys.readouterr().err


@pytest.mark.usefixtures("_settings")
def test_a_clean_stop_is_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    async def serve(_: str, __: object, ___: object, stop: asyncio.Event) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()

    monkeypatch.setattr(main, "serve", serve)

    assert run_service("scanner", ServiceSettings, _build) == 0


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_both_signals_ask_for_the_end(signum: signal.Signals) -> None:
    async def until_told() -> None:
        stop = stop_on_signals()
        os.kill(os.getpid(), signum)
        await asyncio.wait_for(stop.wait(), 5)

    run_loop(until_told())


async def test_a_service_that_lost_its_consumers_ends_without_being_told() -> None:
    stop, standing = asyncio.Event(), Standing()
    standing.give_up("RabbitMQ answers, but nothing is consumed.")

    with pytest.raises(ConsumersLostError, match="nothing is consumed"):
        await asyncio.wait_for(until_told(stop, standing.lost()), 5)


async def test_a_service_that_is_told_to_stop_does_not_wait_for_its_bus() -> None:
    stop = asyncio.Event()
    stop.set()

    await asyncio.wait_for(until_told(stop, Standing().lost()), 5)


def test_the_code_of_lost_consumers_is_nobody_else_s() -> None:
    assert EXIT_LOST not in {0, 1, EXIT_SETTINGS, EXIT_REFUSED}
