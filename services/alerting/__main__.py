"""`python -m services.alerting` runs alerting in this process."""

import sys

from services.alerting.app import build
from services.alerting.settings import Settings
from shared.service import run_service

if __name__ == "__main__":
    sys.exit(run_service("alerting", Settings, build))
