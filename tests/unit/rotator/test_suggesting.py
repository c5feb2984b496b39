"""People are shown the likely matches, the likeliest first, and never too many."""

from services.rotator.domain.suggesting import MOST_OF_A_SECRET, suggest
from tests.unit.rotator.matching_values import NOW, a_credential, a_ruling, a_secret

ALIKE = a_secret(name="ledger")


def test_likely_matches_are_suggested_the_likeliest_first() -> None:
    tagged = a_secret(name="other", tags={"application": "app-1"})

    found = suggest([a_credential()], [ALIKE, tagged], [])

    assert [one.secret for one in found.matches] == [tagged, ALIKE]
    assert found.left_out == 0


def test_what_nothing_speaks_for_is_not_suggested() -> None:
    assert suggest([a_credential()], [a_secret()], []).matches == ()


def test_what_was_confirmed_is_marked_and_nothing_else_is_suggested_for_its_secret() -> None:
    mine, other = a_credential(), a_credential(key_id="key-2", app_id="app-2", object_id="object-2")

    found = suggest([mine, other], [ALIKE], [a_ruling(secret_name="LEDGER")])

    (one,) = found.matches
    assert (one.credential, one.confirmed) == (mine, True)


def test_a_secret_has_few_suggestions_and_all_together_are_bounded() -> None:
    credentials = [
        a_credential(key_id=f"key-{number}", app_id=f"app-{number}", start=NOW)
        for number in range(MOST_OF_A_SECRET + 3)
    ]

    found = suggest(credentials, [ALIKE], [])
    assert (len(found.matches), found.left_out) == (MOST_OF_A_SECRET, 3)

    fewer = suggest(credentials, [ALIKE], [], most=2)
    assert (len(fewer.matches), fewer.left_out) == (2, MOST_OF_A_SECRET + 1)
