"""`python -m sandbox`: serve the simulated cloud until stopped."""

import sys

from sandbox.arguments import parse
from sandbox.server import PortTakenError, run


def main() -> int:
    """Return the exit status: 0 after a clean stop, 2 for what cannot be done as asked."""
    arguments = parse()
    try:
        run(arguments)
    except (PortTakenError, PermissionError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
