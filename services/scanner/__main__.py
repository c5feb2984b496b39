"""`python -m services.scanner` runs the scanner in this process."""

import sys

from services.scanner.app import build
from services.scanner.settings import Settings
from shared.service import run_service

if __name__ == "__main__":
    sys.exit(run_service("scanner", Settings, build))
