"""`python -m services.rotator` runs the rotator in this process."""

import sys

from services.rotator.app import build
from services.rotator.settings import Settings
from shared.service import run_service

if __name__ == "__main__":
    sys.exit(run_service("rotator", Settings, build))
