"""Settings for all tests: a reproducible Hypothesis that prints its seed on failure."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "irnet-hw",
    deadline=None,  # an example may compile a simulation
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("irnet-hw")
