"""The command line. What cannot be meant ends with status 2 and a sentence."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.names import HOSTS

PROFILES: Final = ("demo", "random", "large")
_LARGEST_PORT: Final = 65_535
_NUMBERS: Final = (
    ("vaults", 100),
    ("secrets", 100),
    ("keys", 10),
    ("certificates", 10),
    ("applications", 40),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """What was asked for. The numbers are the `large` profile's; items are for each vault.

    `largest` is how many secrets the first vault holds, if not as many as the others.
    """

    profile: str
    seed: int
    port: int
    msi_port: int
    state: Path
    ready_file: Path | None
    names: str
    vaults: int
    secrets: int
    keys: int
    certificates: int
    applications: int
    largest: int
    subscriptions: int
    regions: int
    vault_quota: int
    subscription_quota: int


def parse(argv: Sequence[str] | None = None) -> Arguments:
    """Return what the command line asks for, or end the process with status 2."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="A simulated Azure on this machine: Entra ID, Resource Manager, Resource"
        " Graph, Key Vault and Microsoft Graph over an estate made from a seed.",
    )
    parser.add_argument("--profile", choices=PROFILES, default="demo", help="the kind of estate")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same estate")
    parser.add_argument("--port", type=_port, default=0, help="TLS port; 0 takes a free one")
    parser.add_argument("--msi-port", type=_port, default=0, help="plain port; 0 takes a free one")
    parser.add_argument(
        "--state", type=Path, required=True, help="a folder for keys and certificates"
    )
    parser.add_argument("--ready-file", type=Path, help="written as JSON when all is ready")
    parser.add_argument(
        "--names", choices=tuple(HOSTS), default="sandbox", help="answer to a real cloud's names"
    )
    for name, count in _NUMBERS:
        parser.add_argument(
            f"--{name}", type=_count, default=count, help=f"{name} of the profile large"
        )
    for name, count, meaning in (
        ("largest", 0, "secrets of the first vault of the profile large"),
        ("vault-quota", 4_000, "requests in 10 s to a vault"),
        ("subscription-quota", 20_000, "requests in 10 s to a subscription's vaults in a region"),
    ):
        parser.add_argument(f"--{name}", type=_count, default=count, help=meaning)
    for name, count in (("subscriptions", 10), ("regions", 5)):
        parser.add_argument(
            f"--{name}", type=_some, default=count, help=f"{name} of the profile large, in turn"
        )
    given = parser.parse_args(argv)
    if given.state.exists() and not given.state.is_dir():
        parser.error(f"--state must be a folder, and {given.state} is a file")
    if given.ready_file is not None and not given.ready_file.parent.is_dir():
        parser.error(f"--ready-file needs an existing folder, not {given.ready_file.parent}")
    return Arguments(**vars(given))


def _port(text: str) -> int:
    port = int(text) if text.isdigit() else -1
    if not 0 <= port <= _LARGEST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port between 0 and {_LARGEST_PORT}")
    return port


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of things")
    return int(text)


def _some(text: str) -> int:
    count = _count(text)
    if count == 0:
        raise argparse.ArgumentTypeError("there must be one at least")
    return count
