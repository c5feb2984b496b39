"""What makes a process a service: settings, database, bus, tasks, health, and a clean end.

A service is a name and a `build` function (its composition root). `serve` opens what every service
needs in the order in which it is needed, waits for the database and its schema instead of dying,
runs until told to stop, and closes everything in the reverse order.
"""

from shared.service.main import run_service
from shared.service.parts import VERSION, Build, PublicApp, Service
from shared.service.run import serve

__all__ = ["VERSION", "Build", "PublicApp", "Service", "run_service", "serve"]
