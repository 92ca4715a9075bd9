"""The pages in a browser, wide, on a tablet and on a phone: nothing runs out of them, no text lies on another, and what
a reviewer needs is in reach."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from llava_ocr.db.listings import list_all_again
from tests.web.browser import chromium
from tests.web.conftest import Served, services_over, serving

pytestmark = pytest.mark.slow

WIDTHS = {1440: 900, 820: 1180, 390: 844}
LONG_NAME = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft mbH & Co. KG"
LONG_FILE = "file:///archive/2026/" + "scan_of_a_very_long_name_without_any_blank_" * 3 + ".pdf"
DOUBTS = {
    "grand_total": "state = 'value', confidence = 0.31",
    "seller.name": "state = 'ungrounded', confidence = 0.2",
    "issue_date": "state = 'ambiguous', confidence = 0.4, value_type = NULL, value_text = NULL",
    "invoice_number": "state = 'illegible', confidence = 0.1, value_type = NULL, value_text = NULL",
    "lines[0].line_total": "state = 'value', confidence = 0.12",
}
COLUMNS = "number,date,amount,status,confidence,document,schema,seller.name,buyer.name,buyer.street,due_date,iban"
PAGES = {
    "records": "/records",
    "records with many columns": f"/records?schema=invoice&columns={COLUMNS}",
    "a record": "/records/1",
    "review": "/review",
    "runs": "/runs",
    "a run": "/runs/{run}",
    "quality": "/quality",
    "a fault": "/nowhere",
}

# Elements that reach beyond what holds them, those aside that a box of their own scrolls or cuts off.
OUTSIDE = """() => {
  const holder = (node) => {
    for (let up = node.parentElement; up && up !== document.body; up = up.parentElement) {
      if (getComputedStyle(up).overflowX !== "visible") { return up; }
    }
    return null;
  };
  return [...document.body.querySelectorAll("*")].filter((node) => {
    const box = node.getBoundingClientRect();
    if (!box.width || !box.height || node.closest(".sr, .skip, svg") || holder(node)) { return false; }
    return box.right > innerWidth + 1 || box.left < -1;
  }).map((node) => node.outerHTML.slice(0, 120));
}"""

# Pairs of texts that are drawn over each other. What floats over a page by design is compared with its like alone.
OVERLAPPING = """() => {
  const floats = (node) => node.closest(".top, .actions, .toolbar, .pages-side, .pop, .said, .skip, .sr, svg");
  // What a box around it cuts off is not drawn.
  const cut = (box, node) => {
    const seen = { left: box.left, right: box.right, top: box.top, bottom: box.bottom };
    for (let up = node; up && up !== document.body; up = up.parentElement) {
      if (getComputedStyle(up).overflowX === "visible") { continue; }
      const around = up.getBoundingClientRect();
      seen.left = Math.max(seen.left, around.left);
      seen.right = Math.min(seen.right, around.right);
      seen.top = Math.max(seen.top, around.top);
      seen.bottom = Math.min(seen.bottom, around.bottom);
    }
    return seen;
  };
  const shown = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || parent.closest("template, script, option, meter, progress, .sr, .skip")) { continue; }
    if (!parent.checkVisibility({ opacityProperty: true, visibilityProperty: true })) { continue; }
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (box.width && box.height) { shown.push({ box: cut(box, parent), node, layer: floats(parent) }); }
    }
  }
  const found = [];
  shown.forEach((one, at) => shown.slice(at + 1).forEach((other) => {
    if (one.node === other.node || one.layer !== other.layer) { return; }
    const width = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
    const height = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
    // Boxes of lines are higher than their letters.
    if (width > 2 && height > Math.min(one.box.bottom - one.box.top, other.box.bottom - other.box.top) / 2) {
      found.push(`${one.node.data.trim().slice(0, 40)} | ${other.node.data.trim().slice(0, 40)}`);
    }
  }));
  return found;
}"""

IN_REACH = """(selector) => {
  const node = document.querySelector(selector), box = node.getBoundingClientRect();
  const at = document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2);
  return box.top >= 0 && box.bottom <= innerHeight && box.left >= 0 && box.right <= innerWidth && node.contains(at);
}"""


@pytest.fixture(scope="module")
def served(painted: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Three invoices with long names and doubtful fields."""
    folder = tmp_path_factory.mktemp("layout")
    shutil.copy(painted / "a.db", folder / "a.db")
    services = services_over(f"sqlite:///{folder}/a.db")
    with services.database.writing() as connection:
        for path, doubt in DOUBTS.items():
            connection.execute(text(f"UPDATE fields SET {doubt} WHERE record_id = 1 AND path = :path"), {"path": path})
        named = text(
            "UPDATE fields SET value_text = :name WHERE path IN ('seller.name', 'buyer.name') AND record_id > 1"
        )
        connection.execute(named, {"name": LONG_NAME})
        connection.execute(text("UPDATE records SET uri = :uri WHERE id = 2"), {"uri": LONG_FILE})
        connection.execute(text("UPDATE runs SET source = :uri"), {"uri": LONG_FILE})
    list_all_again(services.database)
    with serving(services) as running:
        yield running
    services.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(params=WIDTHS)
def page(request: pytest.FixtureRequest, browser: Any, served: Served) -> Iterator[Any]:
    width = request.param
    view = {"width": width, "height": WIDTHS[width]}
    context = browser.new_context(base_url=served.url, viewport=view, has_touch=width < 900)
    opened = context.new_page()
    opened.set_default_timeout(120_000)
    yield opened
    context.close()


def open_whole(page: Any, path: str) -> None:
    """Open a page, and all in it that can be unfolded."""
    page.goto(path)
    page.wait_for_load_state("networkidle")
    page.evaluate("document.querySelectorAll('details:not(.menu)').forEach((one) => { one.open = true; })")


@pytest.mark.parametrize("name", PAGES)
def test_nothing_runs_out_of_the_page_and_no_text_lies_on_another(page: Any, served: Served, name: str) -> None:
    [run] = served.client.get("/api/v1/runs").json()
    open_whole(page, PAGES[name].format(run=run["id"]))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page itself scrolls sideways"
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate(OVERLAPPING) == []


@pytest.mark.parametrize("path", ["/records/1", "/review"])
def test_approve_is_in_reach_wherever_one_is_on_the_page(page: Any, path: str) -> None:
    open_whole(page, path)
    assert page.evaluate(IN_REACH, "[data-act=approve]")
    page.evaluate("scrollTo(0, document.body.scrollHeight); document.querySelector('#panel').scrollTo(0, 1e6)")
    assert page.evaluate(IN_REACH, "[data-act=approve]")
    last = ".history"
    assert page.evaluate(f"document.querySelector('{last}').getBoundingClientRect().bottom <= innerHeight")


def test_doubtful_fields_say_how_sure_they_are(page: Any) -> None:
    open_whole(page, "/records/1")
    for path, percent in (("grand_total", 31), ("seller.name", 20), ("issue_date", 40), ("invoice_number", 10)):
        told = page.locator(f"tr.field[data-path='{path}'] .sure")
        assert told.inner_text().strip() == f"{percent} %" and told.locator("meter").is_visible()
    assert "12 %" in page.locator("td[data-path='lines[0].line_total']").inner_text()


def test_names_of_fields_break_between_words_only(page: Any) -> None:
    open_whole(page, "/records/1")
    broken = page.evaluate("""() => [...document.querySelectorAll(".fields tbody th")].filter((one) => {
      const widest = one.cloneNode(true);
      widest.style.cssText = "position: absolute; width: min-content; overflow-wrap: normal; hyphens: none";
      one.parentElement.append(widest);
      const is_broken = widest.getBoundingClientRect().width > one.getBoundingClientRect().width + 1;
      widest.remove();
      return is_broken || getComputedStyle(one).hyphens === "auto";
    }).map((one) => one.textContent)""")
    assert broken == []


def test_every_format_of_an_export_can_be_pressed(page: Any) -> None:
    open_whole(page, "/records")
    formats = page.locator(".export .format")
    assert formats.all_inner_texts() == ["Excel", "CSV", "CSV with evidence", "JSON lines", "Parquet"]
    for place in range(formats.count()):
        formats.nth(place).click(trial=True)
