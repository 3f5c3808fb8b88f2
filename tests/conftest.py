"""Settings for all tests: a reproducible Hypothesis that prints its seed on failure."""

import signal

from hypothesis import HealthCheck, settings

settings.register_profile(
    "irnet-hw",
    deadline=None,  # an example may compile a simulation
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("irnet-hw")

# Tests in a shell's background ignore it, and so would the commands that they interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
