"""Which passwords are accepted, with the lists that judge them."""

import pytest

from services.gateway.adapters.guesses import Zxcvbn
from services.gateway.domain.password import FEWEST_GUESSES, normalise, refusal
from services.gateway.steps.new_password import weakness

PLENTY = 1e12


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("elevenchars", "at least 12"),
        ("x1" * 65, "at most 128"),
        ("my CertifyClouds login", "must not contain"),
        ("i am lovelace and proud", "must not contain"),
        ("a quiet lake in autumn", None),
        ("ÄÖÜ-ßßß-ñçå-12", None),
        ("x7" * 3 + "kq9" * 40, None),
    ],
)
def test_long_passwords_are_accepted_without_rules_about_characters(
    text: str, why: str | None
) -> None:
    found = refusal(text, guesses=PLENTY, context=("lovelace", "li"))

    assert (why is None) == (found is None)
    assert why is None or (found is not None and why in found)


def test_one_guess_too_few_is_too_few() -> None:
    assert refusal("a quiet lake in autumn", guesses=FEWEST_GUESSES) is None
    assert "first that are tried" in (
        refusal("a quiet lake in autumn", guesses=FEWEST_GUESSES - 1) or ""
    )


def test_a_password_means_the_same_on_each_keyboard() -> None:
    assert normalise("e\u0301\uff11") == "\u00e9" + "1"


@pytest.mark.parametrize(
    "text",
    [
        "PasswordPassword",
        "P@ssw0rd1234",
        "aaaaaaaaaaaaaaaa",
        "qwertyuiop12",
        "1qaz2wsx3edc4rfv",
        "Welcome123456",
        "letmeinletmein",
        "123456789987654321",
        "9876543210abcdef",
        "flvbybcnhfnjh",  # "administrator", typed on a Russian keyboard
    ],
)
async def test_what_is_tried_first_is_refused(text: str) -> None:
    assert "first that are tried" in (await weakness(Zxcvbn(), text, "ada.l") or "accepted")


@pytest.mark.parametrize(
    "text", ["a quiet lake in autumn", "x7Kq!mz29vLp", "ÄÖÜ-ßßß-ñçå-12", "red wine lamp 42"]
)
async def test_words_that_do_not_belong_together_are_accepted(text: str) -> None:
    assert await weakness(Zxcvbn(), text, "ada.l") is None


async def test_a_long_repetition_is_judged_by_its_beginning() -> None:
    assert await weakness(Zxcvbn(), "abc" * 42, "ada") is not None
