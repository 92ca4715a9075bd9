import os

from hypothesis import settings

pytest_plugins = ["tests.servers.postgres", "tests.servers.seaweed"]

# The same examples in every run, so that a failure is the change's; `make explore` draws new ones.
settings.register_profile("steady", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
