"""`python -m services` is the command `certifyclouds`."""

from services.cli.app import main

if __name__ == "__main__":
    main()
