"""The rules that no linter knows, as functions of text, so that a planted breach can test each."""

import ast
import re
import statistics
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from shared.secret_key import weakness

ROOT: Final = Path(__file__).parents[2]
CODE: Final = ("services", "shared", "sandbox")
SCHEMAS: Final = (
    "bus",
    "audit",
    "scanner",
    "rotator",
    "syncer",
    "alerting",
    "licensing",
    "gateway",
)
SERVICES: Final = SCHEMAS[2:]
MAX_LINES: Final = 300
MAX_TEST_LINES: Final = 500  # a file of tests is a list of promises, not one thought

_SQL: Final = re.compile(
    r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|MERGE INTO|CREATE|ALTER|COMMENT ON)\s"
)
_QUALIFIED: Final = re.compile(rf"\b({'|'.join(SCHEMAS)})\.([a-z_]+)")
_EVENT: Final = re.compile(r"\bcertifyclouds\.[a-z-]+\.[a-z-]+\.v\d+")
_GRAMMAR: Final = re.compile(
    r"certifyclouds(\.[a-z]+(-[a-z]+)*){2}\.v[1-9][0-9]*",
)
_VALUE_LIKE: Final = re.compile(
    r"(^|_)(value|secret_value|secret_text|password|passwd|token|private_key|api_key"
    r"|connection_string|hint)$"
)
_UNFINISHED: Final = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
_MACHINE: Final = re.compile(r"(?<![\w.])/(work/(main|shared)|tmp/build|root/\w|home/\w+/)")
_SECRET_KEY: Final = re.compile(
    r"""(?:SECRET_?|NEW_|OLD_|\b)KEY(?:_PREVIOUS)?["']?\s*(?::\s*str\s*)?[=:,]+\s*["']?([\w+/=-]{32,})""",
    re.IGNORECASE,
)
_REGISTRIES: Final = re.compile(
    r"\b("
    + "|".join(
        re.escape(".".join(parts))
        for parts in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("npmjs", "com"),
            ("golang", "org"),
        )
    )
    + r")\b"
)


@cache
def repository_files() -> tuple[Path, ...]:
    """Return every file that is, or is about to be, part of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return tuple(
        path for line in sorted(set(listed.split("\n"))) if (path := ROOT / line).is_file()
    )


def python_files(*folders: str) -> list[Path]:
    return [
        path
        for path in repository_files()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders
    ]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def strings(source: str) -> Iterator[str]:
    """Yield every string constant of a Python source, docstrings apart."""
    tree = ast.parse(source)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and id(node) not in docstrings:
            yield text


def statements(path: Path) -> list[str]:
    """Return the SQL in a file: a .sql file without its comments, or a source's SQL strings."""
    text = text_of(path)
    if path.suffix == ".sql":
        return [re.sub(r"--[^\n]*", "", text)]
    return [string for string in strings(text) if _SQL.search(string)]


def foreign_names(sql: str, own: str, granted: Iterable[str]) -> set[str]:
    """Return the qualified names in a statement that belong to another schema."""
    without_texts = re.sub(r"'[^']*'", "''", sql)
    names = {f"{schema}.{name}" for schema, name in _QUALIFIED.findall(without_texts)}
    return {name for name in names if not name.startswith(f"{own}.")} - set(granted)


def has_docstring(source: str) -> bool:
    return bool(ast.get_docstring(ast.parse(source)))


def function_lengths(source: str) -> list[int]:
    """Return how many lines each function has, from its `def` to its end."""
    return [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def length_figures(lengths: list[int]) -> tuple[float, float]:
    """Return the median and the ninetieth percentile."""
    return statistics.median(lengths), statistics.quantiles(lengths, n=10)[-1]


def value_like(fields: Iterable[str]) -> list[str]:
    return [name for name in fields if _VALUE_LIKE.search(name)]


def obeys_grammar(wire_type: str) -> bool:
    return _GRAMMAR.fullmatch(wire_type) is not None


def event_names(source: str) -> list[str]:
    return [name for string in strings(source) for name in _EVENT.findall(string)]


def unfinished(text: str) -> list[str]:
    return [match.group() for match in _UNFINISHED.finditer(text)]


def machine_paths(text: str) -> list[str]:
    return [match.group() for match in _MACHINE.finditer(text)]


def registry_hosts(text: str) -> list[str]:
    return [match.group() for match in _REGISTRIES.finditer(text)]


def published_keys(text: str) -> list[str]:
    """Return the SECRET_KEYs that stand in a text and that a service would accept."""
    return [key for key in _SECRET_KEY.findall(text) if weakness(key) is None]


def private_imports(source: str) -> bool:
    return "faststream._internal" in source


def make_targets(makefile: str) -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))


def make_commands(document: str) -> set[str]:
    """Return the targets that a document tells its reader to make, in code spans and blocks."""
    blocks = re.findall(r"^ *```.*?^ *```", document, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`[^`\n]+`", document)
    return {
        target
        for code in (*blocks, *spans)
        for target in re.findall(
            r"(?:^|`)\s*(?:[A-Z_]+=\S+ +)*make ([a-z][a-z-]*)", code, re.MULTILINE
        )
    }


def lonely(users: Mapping[str, set[str]], exempt: Iterable[str]) -> dict[str, set[str]]:
    """Return the modules of `shared` that fewer than two services use."""
    spared = tuple(exempt)
    return {
        module: by
        for module, by in users.items()
        if len(by) < 2 and not any(module == e or module.startswith(f"{e}.") for e in spared)
    }
