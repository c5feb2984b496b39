"""The command `certifyclouds`.

It acts through the gateway's API, so that what it does is audited like anything else. Four commands
do without: `up` and `serve` (they are what runs the platform), `migrate`, and `scan --direct`.
"""
