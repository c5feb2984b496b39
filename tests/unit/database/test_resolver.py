"""Which PostgreSQL is used."""

from pathlib import Path

import pytest

from shared.database import resolve
from shared.database.binaries import find_binaries, major_version
from shared.database.settings import ResolverSettings
from shared.errors import SettingsError

URL = "postgresql://admin:x@localhost:1/certifyclouds"


def fake_postgres(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    program = folder / "postgres"
    program.write_text(f"#!/bin/sh\necho '{version}'\n")
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize("mode", ["auto", "url"])
def test_a_given_address_is_used_as_it_is(mode: str, tmp_path: Path) -> None:
    found = resolve(URL, tmp_path, ResolverSettings.model_validate({"pg_resolver": mode}))

    assert found.url == URL
    assert found.cluster is None
    found.close()


def test_insisting_on_an_address_that_is_not_set_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        resolve(None, tmp_path, ResolverSettings(pg_resolver="url"))


def test_docker_that_does_not_answer_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "testcontainers.postgres", None)

    with pytest.raises(SettingsError, match="PG_RESOLVER=embedded needs neither"):
        resolve(None, tmp_path, ResolverSettings(pg_resolver="docker"))


def test_debians_newest_programs_are_used_where_the_wheel_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.database.binaries._WHEELS", (("no_such_wheel", "bin"),))
    fake_postgres(tmp_path / "15" / "bin", "postgres (PostgreSQL) 15.18 (Debian 15.18-1)")
    fake_postgres(tmp_path / "17" / "bin", "postgres (PostgreSQL) 17.2 (Debian 17.2-1)")

    assert find_binaries(tmp_path) == tmp_path / "17" / "bin"


def test_too_old_programs_are_no_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.database.binaries._WHEELS", ())
    fake_postgres(tmp_path / "15" / "bin", "postgres (PostgreSQL) 15.18")

    with pytest.raises(SettingsError, match="no PostgreSQL 16 or newer"):
        find_binaries(tmp_path)


def test_a_program_that_is_not_postgresql_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not say its version"):
        major_version(fake_postgres(tmp_path / "bin", "hello"))
