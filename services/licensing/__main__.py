"""`python -m services.licensing` runs licensing in this process."""

import sys

from services.licensing.app import build
from services.licensing.settings import Settings
from shared.service import run_service

if __name__ == "__main__":
    sys.exit(run_service("licensing", Settings, build))
