"""A Prefect server of the tests' own."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator

import pytest
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, PREFECT_LOGGING_LEVEL, temporary_settings
from prefect.testing.utilities import prefect_test_harness

# Prefect's clients leave sockets to its test server for the garbage collector to close.
LEFT_SOCKETS = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests that need the server not fail for what Prefect leaves open."""
    for item in items:
        if "prefect_server" in getattr(item, "fixturenames", ()):
            item.add_marker(LEFT_SOCKETS)


@pytest.fixture(scope="package")
def prefect_server() -> Iterator[None]:
    """A throw-away server; its start takes most of the time, so there is one for all tests."""
    # The heartbeat costs every flow a second when it ends.
    quick = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None, PREFECT_LOGGING_LEVEL: "CRITICAL"}
    with prefect_test_harness(server_startup_timeout=120), temporary_settings(quick):
        yield
    with warnings.catch_warnings():
        # What Prefect left open is closed here, not in the midst of somebody else's test.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
