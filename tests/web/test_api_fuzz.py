"""The JSON API held against its own description by Schemathesis: whatever is sent, what comes back is described."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from llava_ocr.db.people import add_token
from llava_ocr.review.people import Role
from llava_ocr.services import Services
from llava_ocr.web.app import create_app
from llava_ocr.web.opening import open_site

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
pytestmark = pytest.mark.slow


@pytest.fixture
def described(services: Services) -> Iterator[Any]:
    with services.database.writing() as connection:
        token = add_token(connection, "fuzz", Role.REVIEWER, days=1)
    with open_site(services, hosts=frozenset({"testserver", "localhost"})) as site:
        found = schemathesis.openapi.from_asgi(
            "/api/openapi.json", create_app(site), headers={"Authorization": f"Bearer {token}"}
        )
        found.config.update(headers={"Authorization": f"Bearer {token}"})
        yield found


def test_every_answer_is_as_described(described: Any) -> None:
    # Not by Schemathesis' own decorator, whose collector does not know the pytest that is installed.
    operations = [operation.ok() for operation in described.get_all_operations()]
    assert len(operations) >= 10
    for operation in operations:

        @given(case=operation.as_strategy())
        @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
        def holds(case: Any) -> None:
            case.call_and_validate()

        holds()
