"""`python -m services.gateway` runs the gateway."""

import sys

from services.gateway.app import build
from services.gateway.settings import Settings
from shared.service import run_service

if __name__ == "__main__":
    sys.exit(run_service("gateway", Settings, build))
