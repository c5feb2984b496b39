"""How the code reads, and what no file of the repository may contain."""

from secrets import token_hex

import pytest

from tests.support import architecture as rules
from tests.support.architecture import (
    CODE,
    MAX_LINES,
    MAX_TEST_LINES,
    ROOT,
    name_of,
    python_files,
    text_of,
)

BINARY = {".png", ".ico", ".woff2", ".gz", ".whl"}
TEXTS = [path for path in rules.repository_files() if path.suffix not in BINARY]
DOCUMENTS = [path for path in TEXTS if path.suffix == ".md"]
MAKEFILE = rules.make_targets(text_of(ROOT / "Makefile"))


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    limits = dict.fromkeys((*CODE, "benchmarks"), MAX_LINES) | {"tests": MAX_TEST_LINES}

    assert {
        name_of(path): lines
        for folder, limit in limits.items()
        for path in python_files(folder)
        if (lines := text_of(path).count("\n")) > limit
    } == {}


def test_every_module_says_what_it_is() -> None:
    assert [
        name_of(path)
        for path in python_files(*CODE, "benchmarks", "tests")
        if not rules.has_docstring(text_of(path))
    ] == []
    assert not rules.has_docstring("x = 1")


def test_functions_are_short() -> None:
    lengths = [
        length for path in python_files(*CODE) for length in rules.function_lengths(text_of(path))
    ]
    median, ninetieth = rules.length_figures(lengths)

    assert median < 10
    assert ninetieth <= 30


def test_a_functions_length_is_counted_from_its_def_to_its_end() -> None:
    source = "def a():\n    return 1\n\nasync def b():\n    x = 1\n    y = 2\n    return x + y\n"

    assert rules.function_lengths(source) == [2, 4]
    assert rules.length_figures([1, 1, 1, 40, 40])[0] == 1


def test_nothing_is_left_unfinished() -> None:
    assert {
        name_of(path): found for path in TEXTS if (found := rules.unfinished(text_of(path)))
    } == {}
    assert rules.unfinished("# TO" + "DO: later")


def test_no_file_names_a_path_of_some_machine() -> None:
    assert {
        name_of(path): found for path in TEXTS if (found := rules.machine_paths(text_of(path)))
    } == {}


@pytest.mark.parametrize("path", ["/wo" + "rk/main/x", "/ro" + "ot/x", "/ho" + "me/me/x"])
def test_a_machines_path_is_seen(path: str) -> None:
    assert rules.machine_paths(f"see {path}")
    assert not rules.machine_paths("a folder such as ./work/main, run as root")


def test_no_file_names_a_package_registry() -> None:
    assert {
        name_of(path): found for path in TEXTS if (found := rules.registry_hosts(text_of(path)))
    } == {}
    assert rules.registry_hosts("https://files.python" + "hosted.org/packages/x")


def test_no_file_shows_a_secret_key_that_a_service_would_accept() -> None:
    assert {
        name_of(path): found for path in TEXTS if (found := rules.published_keys(text_of(path)))
    } == {}


@pytest.mark.parametrize(
    "form",
    ["SECRET_KEY={}", 'secret_key="{}"', '"SECRET_KEY": "{}"', 'KEY = "{}"', "SECRET_KEY: {}"],
)
def test_a_secret_key_in_a_file_is_seen_unless_it_is_refused_anyway(form: str) -> None:
    assert rules.published_keys(form.format(token_hex(32)))
    assert not rules.published_keys(form.format("changeme" * 8))


def test_every_make_command_in_a_document_exists() -> None:
    missing = {
        name_of(path): unknown
        for path in DOCUMENTS
        if (unknown := rules.make_commands(text_of(path)) - MAKEFILE)
    }

    assert missing == {}


def test_a_make_command_that_does_not_exist_is_seen() -> None:
    assert rules.make_commands("Run `make fly` or `BUS=rabbitmq make smoke`.") == {"fly", "smoke"}
    assert {"run", "test"} <= rules.make_targets("run: x\n\techo\ntest:\n")
