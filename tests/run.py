"""Run the whole suite and hold its coverage: `python -m tests.run [pytest arguments]`.

Says what was skipped and why. With arguments only those tests run, without the coverage gates.
"""

import os
import subprocess
import sys

# Most tests wait for servers, so there are more workers than cores; a file stays in one worker.
PARALLEL = ("-n", str((os.cpu_count() or 1) + 1), "--dist", "loadfile")
COVERAGE = ("--cov=services", "--cov=shared", "--cov-branch", "--cov-report=")
GATES = (
    ("the domain", "services/*/domain/*", 100),
    ("shared", "shared/*", 90),
)


def run(*argv: str) -> int:
    """Run a module of this interpreter and return its exit code."""
    return subprocess.run([sys.executable, "-m", *argv], check=False).returncode


def main() -> int:
    """Return 0 if every test passed and every gate holds."""
    chosen = sys.argv[1:]
    if chosen:
        return run("pytest", *chosen)
    run("coverage", "erase")
    if code := run("pytest", *PARALLEL, *COVERAGE, *(["-q"] if os.environ.get("CI") else [])):
        return code
    failed = [name for name, files, least in GATES if not holds(name, files, least)]
    return 1 if failed else 0


def holds(name: str, files: str, least: int) -> bool:
    """Say whether the coverage of some files reaches its gate; print the lines that lack it."""
    code = run(
        "coverage", "report", f"--include={files}", f"--fail-under={least}",
        "--show-missing", "--skip-covered",
    )  # fmt: skip
    print(f"coverage of {name}: {'reaches' if code == 0 else 'misses'} {least} %")
    return code == 0


if __name__ == "__main__":
    sys.exit(main())
