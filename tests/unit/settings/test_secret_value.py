"""A secret value cannot leave by accident."""

import copy
import json
import pickle

import pytest

from shared.secret_value import SecretValue

VALUE = "correct horse battery staple"


@pytest.fixture
def secret() -> SecretValue:
    return SecretValue(VALUE)


def test_only_reveal_gives_the_value(secret: SecretValue) -> None:
    assert secret.reveal() == VALUE


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r:>40}".format, lambda s: f"{s:^30}"])
def test_printing_and_formatting_show_nothing(secret: SecretValue, show: object) -> None:
    assert VALUE not in show(secret)  # type: ignore[operator]


@pytest.mark.parametrize(
    "leak",
    [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, hash, list, vars, lambda s: s == VALUE],
)
def test_serialising_copying_comparing_and_taking_apart_are_refused(
    secret: SecretValue, leak: object
) -> None:
    with pytest.raises(TypeError) as refusal:
        leak(secret)  # type: ignore[operator]

    assert VALUE not in str(refusal.value)
