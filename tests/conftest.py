"""Settings for all tests: a reproducible Hypothesis that prints its seed on failure."""

import signal

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "irnet-hw",
    deadline=None,  # an example may compile a simulation
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# Of benchmarks.mutants, which asks only whether a test fails.
settings.register_profile(
    "mutants",
    settings.get_profile("irnet-hw"),
    phases=[Phase.explicit, Phase.generate],
    database=None,
    derandomize=True,
)
settings.load_profile("irnet-hw")

# Tests in a shell's background ignore it, and so would the commands that they interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
