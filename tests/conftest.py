"""Settings for all tests: a reproducible Hypothesis that prints its seed on failure."""

import signal

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "irnet-hw",
    deadline=None,  # an example may compile a simulation
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# For benchmarks.mutants, which only asks whether a test fails.
settings.register_profile(
    "mutants",
    settings.get_profile("irnet-hw"),
    phases=[Phase.explicit, Phase.generate],
    database=None,
    derandomize=True,
)
settings.load_profile("irnet-hw")

# A shell's background jobs ignore SIGINT, and commands started by the tests would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
