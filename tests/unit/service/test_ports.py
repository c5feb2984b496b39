"""Ports that are chosen for processes which listen on them later."""

import socket

import pytest

from shared import ports
from shared.errors import PermanentError
from shared.ports import LISTENERS, free_port


def test_no_port_is_given_twice_and_none_that_the_system_hands_out() -> None:
    given = [free_port() for _ in range(200)]
    assert len(set(given)) == len(given)
    assert max(given) < 32_768


def test_a_port_that_somebody_listens_on_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        monkeypatch.setattr(ports, "LISTENERS", [taken.getsockname()[1]])
        monkeypatch.setattr(ports, "_given", set())
        with pytest.raises(PermanentError, match="listen"):
            free_port()


def test_a_port_can_be_listened_on_at_once() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as server:
        assert server.getsockname()[1] in LISTENERS
