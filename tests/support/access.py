"""Writes the reference page of who may call what: `python -m tests.support.access FOLDER`."""

import sys
from pathlib import Path
from typing import Final

from services.gateway.app import guarded_routes
from services.gateway.routes.access import page

NAME: Final = "access.md"

if __name__ == "__main__":
    (Path(sys.argv[1]) / NAME).write_text(page(guarded_routes()), encoding="utf-8")
