"""The pages judged by axe's rules (WCAG 2.2 A and AA: labels, roles, contrast), light and dark, wide and narrow."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.browser import chromium
from tests.web.conftest import Served, services_over, serving

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
pytestmark = pytest.mark.slow

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LOOKS = {
    "wide and light": {"viewport": {"width": 1300, "height": 850}, "color_scheme": "light"},
    "narrow and dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True},
}


@pytest.fixture(scope="module")
def served(painted: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("accessible")
    shutil.copy(painted / "a.db", folder / "a.db")
    services = services_over(f"sqlite:///{folder}/a.db")
    with serving(services) as running:
        running.post("/records/1/say", path="grand_total", verdict="correct", text="1.00")
        yield running
    services.close()


@pytest.mark.parametrize("look", LOOKS)
def test_no_rule_is_broken(served: Served, look: str) -> None:
    [run] = served.client.get("/api/v1/runs").json()
    paths = ("/records", "/records/1", "/review", "/runs", f"/runs/{run['id']}", "/quality", "/nowhere", "/login")
    broken = []
    with chromium() as browser:
        context = browser.new_context(base_url=served.url, **LOOKS[look])
        page = context.new_page()
        page.set_default_timeout(120_000)
        for path in paths:
            page.goto(path)
            page.wait_for_load_state("networkidle")
            found = axe.Axe().run(page, options=RULES).response["violations"]
            broken += [f"{path}: {one['id']} at {one['nodes'][0]['target']}" for one in found]
    assert broken == []
