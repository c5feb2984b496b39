"""licensing: says what the installation may do. This release grants an evaluation of 30 days.

owns: the evaluation (schema `licensing`).
consumes: license.refresh-requested.
publishes: license.changed. It contacts no licence authority and reads no licence file yet, and it
    publishes no release.available.
"""
