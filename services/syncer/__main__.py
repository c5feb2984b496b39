"""`python -m services.syncer` runs the syncer in this process."""

import sys

from services.syncer.app import build
from services.syncer.settings import Settings
from shared.service import run_service

if __name__ == "__main__":
    sys.exit(run_service("syncer", Settings, build))
