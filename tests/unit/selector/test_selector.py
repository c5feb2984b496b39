"""The selector language: what it reads, what it refuses, and how it decides."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.gateway.domain.filters import ItemStatus
from services.scanner.domain.status import Status
from shared.selector import Facts, Field, Selector, SelectorError, Verdict, parse, parse_scope
from shared.selector.parser import STATUSES
from shared.selector.patterns import Expression, Glob
from shared.selector.terms import Tag, Term

YES, NO, UNKNOWN = Verdict.YES, Verdict.NO, Verdict.UNKNOWN
FACTS = Facts(
    known={
        Field.SUB: ("6f1c", "prod-payments"),
        Field.VAULT: ("kv-pay-eu",),
        Field.NAME: ("db-password",),
        Field.KIND: ("secret",),
        Field.STATUS: ("warning",),
        Field.REGION: (),
    },
    tags={"env": "prod", "cost center": "a,b", "empty": ""},
)

texts = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp", "Zs")) | st.just(" "),
    max_size=8,
)
globs = texts.map(lambda text: text.replace("\\", "\\\\")).map(Glob)
full_globs = globs.filter(lambda glob: bool(glob.pattern))
expressions = st.sampled_from(["^db-", "a|b", r"\d+\/x", "[a-c]{2,3}$", "a b,c", ""]).map(
    Expression
)
patterns = full_globs | expressions
fields = st.sampled_from([Field.SUB, Field.VAULT, Field.REGION, Field.NAME, Field.OWNER])


def values(of: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(of, min_size=1, max_size=3).map(tuple)


terms = (
    st.builds(Term, field=fields, values=values(patterns), negated=st.booleans())
    | st.builds(
        Term,
        field=st.just(Field.TAG),
        values=values(st.builds(Tag, patterns, st.none() | globs | expressions)),
        negated=st.booleans(),
    )
    | st.builds(
        Term,
        field=st.just(Field.STATUS),
        values=values(st.sampled_from(STATUSES).map(Glob)),
        negated=st.booleans(),
    )
)
selectors = st.lists(terms, max_size=5).map(lambda found: Selector(tuple(found)))


@given(selectors)
def test_the_text_of_a_selector_means_that_selector(selector: Selector) -> None:
    assert parse(str(selector)) == selector


@given(st.text() | st.text(alphabet='subtag:-,="/\\ *?()[]{}|+a1', max_size=40))
@example("\ud800")
@example("sub:\0")
@example("-" * 3000)
def test_no_text_raises_anything_but_a_refusal_with_its_place(text: str) -> None:
    found: Selector | SelectorError
    try:
        found = parse(text)
    except SelectorError as error:
        found = error
    if isinstance(found, SelectorError):
        assert 1 <= found.position <= len(text) + 1
        assert str(found).endswith(".")
    else:
        assert found.verdict(FACTS) in Verdict
        assert parse(str(found)) == found


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("", YES),
        (
            "sub:prod-* vault:kv-pay-* name:/^db-/ tag:env=prod kind:secret status:warning,expired",
            YES,
        ),
        ("sub:6F1C", YES),
        ("sub:prod", NO),
        ("-sub:prod-*", NO),
        ("vault:kv-web,kv-pay-??", YES),
        ("name:/^password/", NO),
        ("name:/PASS/", YES),
        ("tag:env", YES),
        ("tag:env=pro", NO),
        ('tag:"cost center"="a,b"', YES),
        ("tag:empty=", YES),
        ("tag:env=test,env=prod", YES),
        ("-tag:skip=true", YES),
        ("tag:e*=/^p/", YES),
        ("region:westeurope", NO),
        ("-region:westeurope", YES),
        ("owner:team-a", UNKNOWN),
        ("-owner:team-a", UNKNOWN),
        ("owner:team-a kind:secret", UNKNOWN),
        ("owner:team-a kind:key", NO),
        ('name:"db password"', NO),
        (r"name:db\-password", YES),
        (r"name:db\*", NO),
    ],
)
def test_a_selector_decides_by_the_facts_and_says_when_it_cannot(
    text: str, verdict: Verdict
) -> None:
    assert parse(text).verdict(FACTS) is verdict


def test_what_is_not_known_is_not_taken_for_absent() -> None:
    assert parse("-tag:skip").verdict(Facts()) is UNKNOWN
    assert parse("-tag:skip").verdict(Facts(tags={})) is YES


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("prod", 1, "expected one of sub, vault, region"),
        ("sub:a colour:red", 7, "expected one of sub, vault, region"),
        ("sub", 4, "expected “:” and a value"),
        ("sub:", 5, "expected a value"),
        ("sub:a,", 7, "expected a value"),
        ("sub:a, vault:b", 7, "expected a value"),
        ('sub:"a', 5, 'expected a closing “"”'),
        ('sub:"a"b', 8, "expected a space, or a comma"),
        ("name:/^db", 6, "expected a closing “/”"),
        ("name:/(/", 6, "cannot be used: missing )"),
        ("name:/(?=a)/", 6, "cannot be used: invalid perl operator"),
        ("name:/" + "a" * 201 + "/", 6, "longer than 200 characters"),
        ("kind:password", 6, "expected one of secret, key"),
        ("status:warning,bad", 16, "expected one of disabled"),
        ("kind:/secret/", 6, "expected one of secret"),
        ("sub:a\x00", 6, "printable"),
        ("sub:a\\", 7, "expected a character after"),
        ("sub:" + ",".join("a" * 101), 206, "at most 100 values"),
        ("x" * 2001, 2001, "at most 2000 characters"),
    ],
)
def test_a_refusal_says_where_and_what_was_expected(
    text: str, position: int, expected: str
) -> None:
    with pytest.raises(SelectorError) as refused:
        parse(text)

    assert (refused.value.position, expected in str(refused.value)) == (position, True)


@pytest.mark.parametrize("text", ["name:a", "sub:a kind:secret", "-status:expired", "owner:me"])
def test_a_scans_scope_is_about_vaults_and_not_about_what_is_in_them(text: str) -> None:
    with pytest.raises(SelectorError, match="a vault is read whole or not at all"):
        parse_scope(text)


def test_a_scans_scope_may_name_vaults_in_every_way() -> None:
    text = "sub:a vault:b region:c source:vault -tag:skip"

    assert str(parse_scope(text)) == text


def test_no_expression_can_make_matching_slow() -> None:
    assert parse("name:/^(a|a)*(a+)+b$/").verdict(Facts(known={Field.NAME: ("a" * 100_000,)})) is NO


def test_the_words_for_a_status_are_those_of_the_services() -> None:
    assert tuple(Status) == STATUSES
    assert tuple(ItemStatus) == STATUSES
