"""The pages as people use them: found, opened, hovered, corrected by keys and by a drawn box, undone, approved."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.browser import chromium
from tests.web.conftest import Served, services_over, serving
from tests.web.test_review import field, status
from tests.web.test_runs import stage

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def served(painted: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all of them: starting the process that draws pages is what takes time."""
    folder = tmp_path_factory.mktemp("browser")
    shutil.copy(painted / "a.db", folder / "a.db")
    services = services_over(f"sqlite:///{folder}/a.db")
    with serving(services) as running:
        yield running
    services.close()


@pytest.fixture
def tab(browser: Any, served: Served) -> Iterator[Any]:
    """A tab that fails the test when the page complains: a script's error, or something the policy forbids."""
    complaints: list[str] = []
    context = browser.new_context(base_url=served.url, viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    assert complaints == []


def row(tab: Any, path: str) -> Any:
    return tab.locator(f'.field[data-path="{path}"]')


def press(tab: Any, *keys: str) -> None:
    for key in keys:
        tab.keyboard.press(key)


def test_typing_finds_and_a_click_opens(tab: Any) -> None:
    tab.goto("/records")
    tab.wait_for_selector(".totals")
    name = tab.locator("table.records tbody th a").last.inner_text()
    tab.fill("#q", name)
    tab.wait_for_url(re.compile("q="))
    tab.wait_for_function("document.querySelectorAll('table.records tbody tr').length === 1")
    tab.click("table.records tbody th a")
    tab.wait_for_selector("#record")
    assert name in tab.inner_text("h1")


def test_hovering_a_field_lights_its_box_and_the_other_way_round(tab: Any) -> None:
    tab.goto("/records/1")
    row(tab, "invoice_number").hover()
    assert tab.locator("rect.lit").count() >= 1
    tab.locator("h1").hover()
    tab.locator("#pages rect").first.hover()
    assert tab.locator(".field.lit").count() == 1


def test_keys_correct_and_undo(tab: Any, served: Served) -> None:
    tab.goto("/records/1")
    before = field(served, "invoice_number").value
    row(tab, "invoice_number").click()
    press(tab, "c")
    tab.keyboard.type("NEW-77")
    press(tab, "Enter")
    tab.wait_for_selector('.field[data-path="invoice_number"] .chip.reviewed')
    assert field(served, "invoice_number").value == "NEW-77"
    press(tab, "u")
    tab.wait_for_selector('.field[data-path="invoice_number"] .chip.reviewed', state="detached")
    assert field(served, "invoice_number").value == before


def test_x_says_absent_and_goes_on_to_the_next_field(tab: Any, served: Served) -> None:
    tab.goto("/records/2")
    row(tab, "invoice_number").click()
    press(tab, "x")
    tab.wait_for_selector('.field[data-path="invoice_number"][data-state="absent"]')
    assert tab.locator(".field.chosen").get_attribute("data-path") != "invoice_number"
    assert field(served, "invoice_number", 2).value is None


def test_a_box_drawn_on_the_page_fills_the_field(tab: Any, served: Served) -> None:
    tab.goto("/records/1")
    place = row(tab, "issue_date")
    x0, y0, x1, y1 = map(float, place.get_attribute("data-boxes").split(";")[0].split(","))
    row(tab, "invoice_number").click()
    figure = tab.locator("figure.page img").first
    tab.wait_for_function("document.querySelector('figure.page img').naturalWidth > 0")
    area = figure.bounding_box()

    def at(x: float, y: float) -> tuple[float, float]:
        return area["x"] + x * area["width"], area["y"] + y * area["height"]

    tab.mouse.move(*at(x0 - 0.005, y0 - 0.002))
    tab.mouse.down()
    tab.mouse.move(*at((x0 + x1) / 2, y1), steps=4)
    tab.mouse.move(*at(x1 + 0.005, y1 + 0.002), steps=4)
    tab.mouse.up()
    tab.wait_for_selector("form.edit input")
    printed = field(served, "issue_date").text
    tab.wait_for_function("text => document.querySelector('form.edit input').value === text", arg=printed)
    press(tab, "Enter")
    tab.wait_for_selector('.field[data-path="invoice_number"] .chip.reviewed')
    assert field(served, "invoice_number").text == printed


def test_the_queue_is_worked_by_keyboard(tab: Any, served: Served) -> None:
    for record_id in (1, 2, 3):
        served.post(f"/records/{record_id}/say", path="due_date", verdict="correct", text="2000-01-01")
    tab.goto("/review")
    first = int(tab.get_attribute("#record", "data-record"))
    press(tab, "Shift+A")
    tab.wait_for_selector("dialog[open] li")
    # What is asked first is the harmless answer to a hasty key.
    press(tab, "Enter")
    tab.wait_for_selector("dialog:not([open])", state="attached")
    assert status(served, first) == "to_check"
    press(tab, "Shift+A")
    tab.click("dialog[open] button[value=approve]")
    tab.wait_for_url(re.compile("skip="))
    assert status(served, first) == "reviewed"


@pytest.mark.parametrize("path", ["/records", "/records/1", "/review"])
def test_a_phone_needs_no_sideways_scrolling(browser: Any, served: Served, path: str) -> None:
    context = browser.new_context(base_url=served.url, viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_an_admin_promotes_a_staged_run_and_rolls_it_back(tab: Any, served: Served, painted: Path) -> None:
    run_id = stage(served, painted)
    tab.goto(f"/runs/{run_id}")
    tab.wait_for_selector("#diff table")
    tab.click("text=Promote …")
    # The scripted reading of it says nothing, so that all would be lost.
    tab.check("input[name=accept_loss]")
    tab.click("text=Promote this run")
    tab.wait_for_selector("text=Roll back …")
    tab.click("text=Roll back …")
    tab.click("text=Roll this run back")
    tab.wait_for_selector("text=Promote …")


def test_a_selection_is_exported(tab: Any) -> None:
    tab.goto("/records?q=invoice-1")
    tab.click("text=Export these records")
    with tab.expect_download() as download:
        tab.click("text=with evidence")
    assert "invoice-1.pdf" in Path(download.value.path()).read_text("utf-8")
