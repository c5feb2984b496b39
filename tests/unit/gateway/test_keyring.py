"""The data keys: what each is for, and what a change of SECRET_KEY still has to do."""

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.cli.keys import Outcome, told
from services.gateway.domain.keyring import USES, KeyName, Purpose, Standing, Wrapper
from services.gateway.domain.role import Permission, Role, allows
from services.gateway.domain.signing_key import accepted_until, is_accepted
from services.gateway.steps.keys import Keyring
from services.gateway.steps.secret_keys import SecretKeys
from shared.crypto import DataKey, Derivation
from shared.errors import SettingsError

QUICK = Derivation(b"0123456789abcdef", iterations=10)
NEW, OLD = "a lake in autumn", "a lake in spring"
ALL = [KeyName(purpose) for purpose in Purpose]
NOW = datetime(2026, 11, 30, tzinfo=UTC)


def test_every_purpose_has_its_key_and_says_what_it_is_for() -> None:
    assert {purpose.value for purpose in Purpose} == set(Keyring.__annotations__)
    assert set(USES) == set(Purpose)


@pytest.mark.parametrize(
    ("wrappers", "waiting", "missing"),
    [
        ({}, [], list(Purpose)),
        (dict.fromkeys(ALL, Wrapper.PRESENT), [], []),
        (dict.fromkeys(ALL, Wrapper.PREVIOUS), ALL, []),
        (
            {KeyName("session"): Wrapper.PREVIOUS, KeyName("data", 2): Wrapper.PRESENT},
            [KeyName("session")],
            [Purpose.AUDIT, Purpose.FINGERPRINT],
        ),
    ],
)
def test_what_waits_and_what_is_missing(
    wrappers: dict[KeyName, Wrapper], waiting: list[KeyName], missing: list[Purpose]
) -> None:
    standing = Standing(wrappers)

    assert (standing.waiting, standing.missing) == (waiting, missing)


def test_each_key_is_opened_by_whichever_wrapped_it() -> None:
    old, new = DataKey.fresh(), DataKey.fresh()
    stored = [
        SecretKeys(OLD).wrap(old, KeyName("data"), QUICK),
        SecretKeys(NEW).wrap(new, KeyName("audit", 3), Derivation(b"fedcba9876543210", 20)),
    ]
    opened = SecretKeys(NEW, OLD).open_all(stored)

    assert {str(name): one.by for name, one in opened.items()} == {
        "data": Wrapper.PREVIOUS,
        "audit/3": Wrapper.PRESENT,
    }
    assert opened[KeyName("data")].key.fingerprint("x") == old.fingerprint("x")
    assert opened[KeyName("audit", 3)].key.fingerprint("x") == new.fingerprint("x")


def test_a_key_that_neither_opens_is_named_and_no_secret_is() -> None:
    stored = [SecretKeys(OLD).wrap(DataKey.fresh(), KeyName("data"), QUICK)]
    with pytest.raises(SettingsError, match=r"key “data”.*nothing was changed") as refused:
        SecretKeys(NEW, "another").open_all(stored)

    assert not {secret for secret in (NEW, OLD, "another") if secret in str(refused.value)}


def test_secret_keys_neither_print_nor_travel() -> None:
    keys = SecretKeys(NEW, OLD)

    assert (repr(keys), SecretKeys(NEW, NEW).are_equal, keys.are_equal) == (
        "SecretKeys(…)",
        True,
        False,
    )
    with pytest.raises(TypeError, match="never serialised"):
        pickle.dumps(keys)


def test_a_signing_key_is_accepted_until_the_last_token_has_ended() -> None:
    end = accepted_until(NOW)

    assert is_accepted(NOW, end - timedelta(microseconds=1))
    assert not is_accepted(NOW, end)


def test_auditors_and_administrators_see_the_inventory_of_keys() -> None:
    assert {role for role in Role if allows(role, Permission.READ_KEYS)} == {
        Role.AUDITOR,
        Role.ADMIN,
    }


def test_a_purpose_with_two_keys_is_unfinished_and_the_next_key_follows_the_newest() -> None:
    both = [KeyName("data"), KeyName("data", 2), KeyName("session", 4), KeyName("audit")]
    standing = Standing(dict.fromkeys(both, Wrapper.PRESENT))

    assert standing.unfinished == [Purpose.DATA]
    assert [str(standing.following(p)) for p in Purpose] == [
        *("audit/2", "data/3", "fingerprint", "session/5")
    ]


def test_a_key_wrapped_as_one_version_does_not_serve_as_another() -> None:
    wrapped = SecretKeys(NEW).wrap(DataKey.fresh(), KeyName("data", 2), QUICK)
    with pytest.raises(SettingsError, match="cannot open"):
        SecretKeys(NEW).open_all([replace(wrapped, name=KeyName("data", 3))])


def test_the_command_says_what_was_done_and_what_to_do_next() -> None:
    some = told(Outcome(keys=4, wrapped_now=3, replaced=None, rows=0))
    nothing = told(Outcome(keys=4, wrapped_now=0, replaced=None, rows=0))
    new = told(Outcome(keys=4, wrapped_now=0, replaced=["data", "session"], rows=7))

    assert some.startswith("4 of 4 keys are wrapped by SECRET_KEY, 3 of them since just now.")
    assert nothing.startswith("Nothing to wrap: 4 of 4 keys are wrapped by SECRET_KEY.")
    assert all("remove SECRET_KEY_PREVIOUS" in text for text in (some, nothing, new))
    assert "New: data and session; 7 rows encrypted anew." in new
    assert "audit and fingerprint stay" in new
