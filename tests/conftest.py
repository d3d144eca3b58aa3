"""Settings of the property tests: the same examples every time, on every machine, no database."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "same-every-time",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "search", settings.get_profile("same-every-time"), derandomize=False, max_examples=5_000
)
settings.load_profile(os.environ.get("KAPOK_HYPOTHESIS", "same-every-time"))
