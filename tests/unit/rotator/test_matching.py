"""A match is scored by what speaks for it, and only a person makes it good for unattended use."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rotator.domain.candidates import ALIKE
from services.rotator.domain.matching import (
    TIE,
    Band,
    Match,
    band_of,
    judge,
    match,
    refusal_to_run_unattended,
    score,
)
from services.rotator.domain.signals import CAPS, Evidence, Signal, Surroundings, together
from tests.unit.rotator.matching_values import (
    DAY,
    NOW,
    a_credential,
    a_ruling,
    a_secret,
    consumers_of,
    credentials_of,
    rulings_of,
    secrets_of,
)

NAMED = {"clientId": "app-1"}
weights = st.floats(0, 1)
signals = st.lists(st.builds(Signal, st.sampled_from(Evidence), weights), max_size=8)


@given(signals)
def test_a_score_is_between_nothing_and_certainty(given_: list[Signal]) -> None:
    assert 0 <= score(given_) <= 1
    assert score([]) == 0


@given(signals, st.sampled_from(Evidence), weights, weights)
def test_a_score_never_falls_when_a_signal_grows(
    others: list[Signal], evidence: Evidence, one: float, other: float
) -> None:
    less, more = sorted((one, other))

    assert score([*others, Signal(evidence, less)]) <= score([*others, Signal(evidence, more)])
    assert score(others) <= score([*others, Signal(evidence, less)])


@pytest.mark.parametrize(
    ("value", "band"),
    [
        (1.0, Band.HIGH),
        (0.9, Band.HIGH),
        (0.899999, Band.MEDIUM),
        (0.6, Band.MEDIUM),
        (0.599999, Band.LOW),
        (0.3, Band.LOW),
        (0.299999, Band.HIDDEN),
        (0.0, Band.HIDDEN),
    ],
)
def test_bands_begin_at_their_floors(value: float, band: Band) -> None:
    assert band_of(value) is band


@pytest.mark.parametrize(
    ("evidence", "band"),
    [
        (Evidence.OWN_TAGS, Band.HIGH),
        (Evidence.SAMPLE_TAGS, Band.HIGH),
        (Evidence.APP_ID_IN_TAG, Band.HIGH),
        (Evidence.SAME_CONSUMER, Band.MEDIUM),
        (Evidence.SAME_END, Band.MEDIUM),
        (Evidence.NAMES, Band.LOW),
        (Evidence.SAME_START, Band.LOW),
    ],
)
def test_a_signal_alone_reaches_its_band(evidence: Evidence, band: Band) -> None:
    assert band_of(score([Signal(evidence, CAPS[evidence])])) is band


def test_a_match_says_which_signals_spoke() -> None:
    [found] = match([a_credential(end=NOW)], [a_secret(tags=NAMED, expires_on=NOW, created_on=NOW)])

    assert [(one.evidence, one.weight) for one in found.signals] == [
        (Evidence.APP_ID_IN_TAG, 0.90),
        (Evidence.SAME_END, 0.60),
    ]
    assert found.score == 0.96
    assert found.sentence == (
        "High (0.96): a tag holds the application's client id; both end at the same time."
    )


def test_tags_that_name_another_application_bring_the_score_to_nothing() -> None:
    around = Surroundings(app_ids=frozenset({"app-1", "app-2"}))
    secret = a_secret(tags={"clientId": "app-2"}, expires_on=NOW)

    found = judge(a_credential(end=NOW), secret, around)

    assert (found.score, found.contradicted) == (0.0, True)
    assert found.sentence == (
        "Hidden (0.00): both end at the same time; its tags name another credential."
    )


def test_a_pair_for_which_nothing_speaks_says_so() -> None:
    found = judge(a_credential(), a_secret(), Surroundings())

    assert found.sentence == "Hidden (0.00): nothing speaks for it."


def test_one_credential_may_be_in_several_vaults() -> None:
    copies = [
        a_secret(tags=NAMED, vault_uri=f"https://kv-{number}.vault.azure.net")
        for number in range(3)
    ]

    found = match([a_credential()], copies)

    assert [one.secret for one in found] == copies
    assert not any(one.ambiguous for one in found)


def test_two_applications_that_fit_a_secret_equally_well_are_ambiguous() -> None:
    one = a_credential(end=NOW)
    other = a_credential(key_id="key-2", app_id="app-2", object_id="object-2", end=NOW)

    found = match([one, other], [a_secret(expires_on=NOW)])

    assert [match_.rivals for match_ in found] == [(other,), (one,)]
    assert "credential key-2 of “ledger” fits as well" in found[0].sentence


BOTH = {"client": "app-1", "audience": "app-2"}


@pytest.mark.parametrize(("starts", "ambiguous"), [(True, True), (False, False)])
def test_within_a_twentieth_two_fit_equally_well(starts: bool, ambiguous: bool) -> None:
    one = a_credential(start=NOW if starts else None, end=None if starts else NOW)
    other = a_credential(key_id="key-2", app_id="app-2", object_id="object-2")
    secret = a_secret(tags=BOTH, created_on=NOW, expires_on=NOW)

    found = match([one, other], [secret])

    assert [match_.score for match_ in found] == [0.935 if starts else 0.96, 0.9]
    assert [match_.ambiguous for match_ in found] == [ambiguous, ambiguous]


def test_two_credentials_of_one_application_are_told_apart_by_the_tag_of_the_rotation() -> None:
    old = a_credential(app_name="payroll", start=NOW, end=NOW)
    new = a_credential(app_name="payroll", key_id="key-2")
    secret = a_secret(tags={"cc-app-id": "app-1", "cc-key-id": "key-2"}, expires_on=NOW)

    [found] = match([old, new], [secret])

    assert found.credential is new
    assert not found.ambiguous


def test_a_clear_difference_is_not_ambiguous() -> None:
    named = a_credential()
    alike = a_credential(key_id="key-2", app_id="app-2", end=NOW)

    found = match([named, alike], [a_secret(tags=NAMED, expires_on=NOW)])

    assert [(one.credential, one.ambiguous) for one in found] == [(named, False)]


def test_a_match_that_a_person_confirmed_is_certain_and_runs_unattended() -> None:
    [found] = match([a_credential()], [a_secret()], rulings=[a_ruling()])

    assert (found.score, found.band, found.unattended) == (1.0, Band.HIGH, True)
    assert found.sentence == "High (1.00): a person confirmed it."


def test_a_match_that_a_person_rejected_is_not_shown() -> None:
    secret = a_secret(tags=NAMED)

    assert match([a_credential()], [secret]) != ()
    assert match([a_credential()], [secret], rulings=[a_ruling(confirmed=False)]) == ()


@pytest.mark.parametrize("confirmed", [True, False])
def test_the_latest_word_counts(confirmed: bool) -> None:
    rulings = [
        a_ruling(confirmed=confirmed, at=NOW + DAY, key_id="KEY-1", secret_name="Payroll"),
        a_ruling(confirmed=not confirmed),
    ]

    assert bool(match([a_credential()], [a_secret()], rulings=rulings)) is confirmed


def test_however_high_a_score_is_nothing_runs_unattended_before_a_person_confirmed_it() -> None:
    tags = {"cc-app-id": "app-1", "cc-key-id": "key-1"}

    [found] = match([a_credential(end=NOW)], [a_secret(tags=tags, expires_on=NOW)])

    assert found.band is Band.HIGH
    assert not found.unattended
    assert refusal_to_run_unattended(found) == (
        "Nobody confirmed yet that “payroll” in https://kv-pay.vault.azure.net holds this"
        " credential; confirm or reject it."
    )


def test_a_confirmation_settles_a_tie() -> None:
    tied = [a_credential(end=NOW), a_credential(key_id="key-2", app_id="app-2", end=NOW)]
    secret = a_secret(tags=BOTH, expires_on=NOW)

    found = match(tied, [secret], rulings=[a_ruling()])

    assert [(one.score, one.unattended) for one in found] == [(1.0, True), (0.96, False)]
    assert [one.ambiguous for one in match(tied, [secret])] == [True, True]


def test_two_confirmed_credentials_of_one_secret_are_refused_until_one_is_rejected() -> None:
    rulings = [a_ruling(), a_ruling(key_id="key-2")]
    credentials = [a_credential(), a_credential(key_id="key-2", app_id="app-2")]

    found = match(credentials, [a_secret()], rulings=rulings)

    assert refusal_to_run_unattended(found[0]) == (
        "Another credential is confirmed for “payroll” in https://kv-pay.vault.azure.net too"
        " (credential key-2 of “ledger”); reject the one that it does not hold."
    )
    assert not any(one.unattended for one in found)


def test_a_confirmed_match_does_not_run_unattended_against_its_tags() -> None:
    secret = a_secret(tags={"cc-app-id": "app-2"})

    [found] = match([a_credential()], [secret], rulings=[a_ruling()])

    assert found.score == 1.0
    assert refusal_to_run_unattended(found) == (
        "The tags of “payroll” in https://kv-pay.vault.azure.net name another credential; correct"
        " the tags or reject the match."
    )


def test_a_disabled_secret_does_not_run_unattended() -> None:
    [found] = match([a_credential()], [a_secret(enabled=False)], rulings=[a_ruling()])

    assert refusal_to_run_unattended(found) == (
        "“payroll” in https://kv-pay.vault.azure.net is disabled; enable it first, or leave it"
        " out of the policy."
    )


@st.composite
def estates(draw: st.DrawFn) -> dict[str, list[object]]:
    secrets = draw(secrets_of())
    return {
        "credentials": draw(credentials_of()),
        "secrets": secrets,
        "consumers": draw(consumers_of(secrets)),
        "rulings": draw(rulings_of(secrets)),
    }


def matched(estate: dict[str, list[object]]) -> tuple[Match, ...]:
    return match(**estate)  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [-120, -1, 1, 120])
@pytest.mark.parametrize("offset", [0, 119, 120, 600])
def test_the_index_finds_times_on_both_sides_of_a_border(seconds: int, offset: int) -> None:
    moment = NOW + timedelta(seconds=offset)
    near = moment + timedelta(seconds=seconds)

    assert match([a_credential(end=moment)], [a_secret(expires_on=near)])
    assert match([a_credential(start=moment)], [a_secret(created_on=near)])


def test_names_that_the_index_passes_over_would_not_be_shown() -> None:
    assert band_of(score([Signal(Evidence.NAMES, ALIKE * CAPS[Evidence.NAMES])])) is Band.HIDDEN


@given(estates())
def test_the_index_finds_what_comparing_each_with_each_finds(
    estate: dict[str, list[object]],
) -> None:
    latest = {one.about: one for one in sorted(estate["rulings"], key=lambda one: one.at)}
    around = Surroundings(
        app_ids=frozenset(one.app_id for one in estate["credentials"]),
        key_ids=frozenset(one.key_id for one in estate["credentials"]),
        together=together(estate["consumers"]),
    )
    judged = [
        judge(credential, secret, around, latest.get((credential.key_id, secret.place)))
        for credential in estate["credentials"]
        for secret in estate["secrets"]
    ]
    expected = {
        (one.credential.key_id, one.secret.place, one.score)
        for one in judged
        if one.band is not Band.HIDDEN
    }

    found = matched(estate)

    assert {(one.credential.key_id, one.secret.place, one.score) for one in found} == expected
    assert len(found) == len(expected)


@given(estates())
def test_of_a_secrets_credentials_at_most_one_runs_unattended_and_a_person_confirmed_it(
    estate: dict[str, list[object]],
) -> None:
    running = [one for one in matched(estate) if one.unattended]

    assert len({one.secret.place for one in running}) == len(running)
    for one in running:
        assert one.confirmed
        assert one.secret.enabled
        assert not one.ambiguous


@given(estates())
def test_matches_of_one_secret_within_a_tie_know_each_other(
    estate: dict[str, list[object]],
) -> None:
    found = [one for one in matched(estate) if not one.confirmed]
    for one in found:
        for other in found:
            if one is not other and one.secret.place == other.secret.place:
                close = abs(one.score - other.score) <= TIE
                assert (other.credential in one.rivals) or not close
