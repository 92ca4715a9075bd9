"""Nothing that a document says can run, nobody gets in or further than their role, nothing leaves its folder."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser

import httpx
import pytest
from sqlalchemy import select, text, update

from llava_ocr.db.people import add_token, save_user
from llava_ocr.db.review_rows import AUDIT, LISTINGS
from llava_ocr.db.rows import FIELDS, FINDINGS, RECORDS
from llava_ocr.review.people import Role
from llava_ocr.services import Services
from llava_ocr.web.app import create_app
from llava_ocr.web.guard import CONTENT_POLICY
from llava_ocr.web.opening import open_site
from llava_ocr.web.render import FOLDER
from llava_ocr.web.sign_in import safe_target
from tests.web.conftest import PASSWORD, Served, SignIn, serving

ATTACKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7*7 }}{% raw %}",
    "javascript:alert(1)",
    "</template></svg><svg onload=alert(1)>",
    '=HYPERLINK("http://evil","x")',
)
PATHS = ("/records", "/records/1", "/review", "/records/facets", "/runs", "/quality")


def poison(served: Served, attack: str) -> None:
    """Let every text that comes from a document or its name be the attack."""
    with served.db.writing() as connection:
        texts = {"text": attack, "value_text": attack, "value_type": "text", "candidates": json.dumps([attack])}
        connection.execute(update(FIELDS).where(FIELDS.c.name.not_in(("issue_date",))).values(**texts))
        connection.execute(update(FINDINGS).values(message=attack))
        connection.execute(update(RECORDS).values(uri=f"/in/{attack}", engine=attack))
        connection.execute(update(LISTINGS).values(party=attack, number=attack, currency=attack[:16], uri=attack))


@pytest.mark.parametrize("attack", ATTACKS)
def test_extracted_text_is_never_markup(served: Served, attack: str) -> None:
    poison(served, attack)
    for path in PATHS:
        answer = served.client.get(path)
        assert answer.status_code == 200, path
        found = Elements()
        found.feed(answer.text)
        assert found.faults == [], path
        assert ">49<" not in answer.text


class Elements(HTMLParser):
    """Finds what a page of ours never has: code, handlers, styles, addresses of elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        said = dict(attributes)
        self.faults += [f"{tag} {name}" for name in said if name.startswith("on") or name == "style"]
        addresses = [said[name] or "" for name in ("href", "src", "action") if name in said]
        self.faults += [f"{tag} {address}" for address in addresses if not address.startswith(("/", "#"))]
        if tag in ("style", "iframe", "object", "base") or (tag == "script" and "src" not in said):
            self.faults.append(tag)


def test_templates_neither_switch_escaping_off_nor_hold_script_or_style() -> None:
    for path in (FOLDER / "templates").glob("*.html"):
        template = path.read_text()
        assert not re.search(r"\|\s*safe|autoescape\s+false|<style|\sstyle=|\son\w+=|hx-on|javascript:", template), path
        assert not re.search(r"<script(?![^>]*\ssrc=)", template), path
        # Attributes without quotes are the hole that escaping leaves.
        assert not re.search(r"\s[a-z-]+=\{\{", template), path


@pytest.mark.parametrize("path", [*PATHS, "/login", "/static/app.js", "/nowhere", "/api/v1/records"])
def test_every_answer_carries_the_policy(shared: Served, path: str) -> None:
    headers = shared.client.get(path).headers
    assert headers["content-security-policy"] == CONTENT_POLICY and "unsafe" not in CONTENT_POLICY
    assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY"


def test_a_csv_holds_no_formula(served: Served) -> None:
    poison(served, "=1+1")
    rows = list(csv.reader(io.StringIO(served.client.get("/export", params={"schema": "invoice"}).text)))
    assert len(rows) == 4 and not any(cell.startswith("=") for row in rows for cell in row)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2f..%2fsettings.py",
        "/documents/..%2f..%2fetc%2fpasswd/pages/0.jpg",
        f"/documents/{'g' * 64}/pages/0.jpg",
        "/documents/1/pages/-1.jpg",
        "/records/1%20OR%201=1",
        "/runs/..%2f..",
        "/export?schema=../../etc/passwd",
        "/export?schema=invoice&format=exe",
    ],
)
def test_paths_lead_nowhere_else(shared: Served, path: str) -> None:
    answer = shared.client.get(path)
    assert answer.status_code in (400, 404, 422) and "import" not in answer.text and "root:" not in answer.text


def test_a_change_needs_the_session_s_secret(shared: Served) -> None:
    shared.client.get("/records")
    form = {"path": "invoice_number", "verdict": "absent"}
    for headers in ({}, {"X-CSRF-Token": "wrong"}, {"X-CSRF-Token": "\xe9".encode("latin-1")}):
        assert shared.client.post("/records/1/say", data=form, headers=headers).status_code == 403


def test_a_change_from_elsewhere_is_refused_even_with_the_secret(shared: Served) -> None:
    secret = shared.csrf()
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        answer = shared.client.post("/records/1/approve", headers={"X-CSRF-Token": secret, **headers})
        assert answer.status_code == 403


def test_other_names_for_this_machine_are_refused(shared: Served) -> None:
    """A page of elsewhere may let its own name point here (DNS rebinding)."""
    for host in ("evil.example", "localhost.evil.example", "", "[::", "169.254.169.254"):
        assert shared.client.get("/records", headers={"Host": host}).status_code in (400, 421)


def test_bodies_are_bounded(shared: Served) -> None:
    headers = {"X-CSRF-Token": shared.csrf()}
    assert shared.client.post("/filters", content=b"a" * (2 << 20), headers=headers).status_code == 413
    assert shared.client.post("/filters", content=iter([b"a"]), headers=headers).status_code == 411


def test_nothing_is_shown_before_signing_in(guarded: Served) -> None:
    for path in (*PATHS, "/records/1/crop.png?path=grand_total", "/export?schema=invoice"):
        answer = guarded.client.get(path)
        assert answer.status_code == 303 and answer.headers["location"].startswith("/login"), path
    assert guarded.client.get("/api/v1/records").status_code == 401
    assert guarded.client.get("/api/openapi.json").status_code == 401


def test_roles_go_as_far_as_they_go(guarded: Served, sign_in: SignIn) -> None:
    viewer, reviewer = sign_in("viewer"), sign_in("reviewer")
    assert viewer.get("/records").status_code == 200 and viewer.get("/review").status_code == 403
    form = {"path": "invoice_number", "verdict": "absent"}
    assert guarded.post("/records/1/say", viewer, **form).status_code == 403
    assert guarded.post("/records/1/say", reviewer, **form).status_code == 200
    assert 'data-act="approve"' not in viewer.get("/records/1").text


def test_wrong_passwords_are_counted_and_then_refused(guarded: Served) -> None:
    wrong = {"name": "admin", "password": "wrong wrong wrong"}
    codes = [guarded.client.post("/login", data=wrong).status_code for _ in range(6)]
    assert codes == [401] * 5 + [429]
    assert guarded.client.post("/login", data={"name": "admin", "password": PASSWORD}).status_code == 429


@contextmanager
def behind_proxy(services: Services, *proxies: str) -> Iterator[httpx.Client]:
    """A server where admin and viewer may sign in; all requests come from this machine, as from a proxy."""
    with services.database.writing() as connection:
        for role in (Role.ADMIN, Role.VIEWER):
            save_user(connection, role.value, PASSWORD, role)
    with serving(services, must_sign_in=True, proxies=proxies) as running:
        yield running.client


def try_password(client: httpx.Client, name: str, password: str, *, of: str) -> int:
    form = {"name": name, "password": password}
    return client.post("/login", data=form, headers={"X-Forwarded-For": of}).status_code


def test_wrong_passwords_lock_out_nobody_else(services: Services) -> None:
    with behind_proxy(services) as client:
        for _ in range(6):
            try_password(client, "admin", "wrong wrong wrong", of="203.0.113.9")
        assert try_password(client, "viewer", PASSWORD, of="203.0.113.9") == 303


def test_behind_a_known_proxy_only_who_guesses_must_wait(services: Services) -> None:
    with behind_proxy(services, "127.0.0.0/8", "::1") as client:
        codes = [try_password(client, "admin", "wrong wrong wrong", of="203.0.113.9") for _ in range(6)]
        assert codes[-1] == 429
        assert try_password(client, "admin", PASSWORD, of="203.0.113.9") == 429
        assert try_password(client, "admin", PASSWORD, of="198.51.100.7") == 303


def test_nobody_gets_round_the_wait_by_making_up_addresses(services: Services) -> None:
    with behind_proxy(services) as client:
        codes = [try_password(client, "admin", "wrong wrong wrong", of=f"203.0.113.{n}") for n in range(6)]
        assert codes == [401] * 5 + [429]


@pytest.mark.parametrize("path", ["/login", "/records/1/say", "/filters", "/api/v1/records/1/undo"])
def test_a_form_of_too_many_fields_is_no_mistake_of_ours(guarded: Served, path: str) -> None:
    form = {f"field{number}": "x" for number in range(101)}
    for headers in ({}, {"X-CSRF-Token": "wrong"}):
        assert guarded.client.post(path, data=form, headers=headers).status_code < 500


def test_too_many_fields_with_the_right_secret_are_told(served: Served) -> None:
    form = {f"field{number}": "x" for number in range(101)}
    answer = served.client.post("/records/1/say", data=form, headers={"X-CSRF-Token": served.csrf()})
    assert (answer.status_code, answer.json()["error"]) == (400, "the form can't be read")


def test_programs_get_every_refusal_as_json(shared: Served, guarded: Served) -> None:
    said = {"path": "invoice_number", "verdict": "accept"}
    to = "/api/v1/records/1/corrections"
    shared.csrf()
    answers = [
        (403, shared.client.post(to, json=said)),
        (403, shared.client.post(to, json=said, headers={"X-CSRF-Token": "wrong"})),
        (403, shared.client.post(to, json=said, headers={"Origin": "https://evil.example"})),
        (411, shared.client.post(to, content=iter([b"{}"]))),
        (413, shared.client.post(to, content=b" " * ((1 << 20) + 1))),
        (421, shared.client.get("/api/v1/me", headers={"Host": "evil.example"})),
        (401, guarded.client.get("/api/v1/me")),
        (401, guarded.client.get("/api/v1/me", headers={"Authorization": "Bearer nonsense"})),
        (404, shared.client.get("/api/v1/nothing")),
        (405, shared.client.delete("/api/v1/me", headers={"X-CSRF-Token": shared.csrf()})),
    ]
    for status, answer in answers:
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/json" and answer.json()["error"]


def test_a_mistake_of_ours_is_told_without_its_words(services: Services) -> None:
    with open_site(services) as site:
        app = create_app(site)

        @app.get("/api/v1/broken")
        def broken() -> None:
            raise ZeroDivisionError("the text of a document")

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.get("/api/v1/broken")

        answer = asyncio.run(ask())
    assert answer.status_code == 500 and "mistake" in answer.json()["error"]
    assert "document" not in answer.text


def test_signing_in_changes_the_session_and_signing_out_ends_it(guarded: Served, sign_in: SignIn) -> None:
    client = sign_in("admin")
    cookie = client.cookies["llava_ocr_session"]
    guarded.post("/logout", client)
    answer = httpx.get(f"{guarded.url}/records", cookies={"llava_ocr_session": cookie})
    assert answer.status_code == 303


@pytest.mark.parametrize("target", ["//evil", "https://evil", "/\\evil", "javascript:x", "/a\nb", "\\evil", ""])
def test_signing_in_leads_to_pages_of_ours_only(target: str) -> None:
    assert safe_target(target) == "/"


def test_tokens_open_the_api_and_no_more_than_their_role(guarded: Served) -> None:
    with guarded.db.writing() as connection:
        token = add_token(connection, "reader", Role.VIEWER, days=1)
        ended = add_token(connection, "old", Role.ADMIN, days=-1)
    headers = {"Authorization": f"Bearer {token}"}
    assert guarded.client.get("/api/v1/me", headers=headers).json() == {"name": "token reader", "role": "viewer"}
    said = {"path": "invoice_number", "verdict": "absent"}
    assert guarded.client.post("/api/v1/records/1/corrections", json=said, headers=headers).status_code == 403
    for bad in (ended, "nonsense"):
        assert guarded.client.get("/api/v1/me", headers={"Authorization": f"Bearer {bad}"}).status_code == 401


def test_neither_passwords_nor_tokens_are_kept(guarded: Served, sign_in: SignIn) -> None:
    sign_in("admin")
    with guarded.db.writing() as connection:
        token = add_token(connection, "reader", Role.VIEWER, days=1)
    with guarded.db.reading() as connection:
        kept = str([list(connection.execute(text(f"SELECT * FROM {name}"))) for name in ("users", "tokens", "audit")])
    assert PASSWORD not in kept and token not in kept


def test_what_matters_is_in_the_audit_log_without_values(guarded: Served, sign_in: SignIn) -> None:
    client = sign_in("reviewer")
    asked = guarded.post("/records/1/approve", client)
    if asked.status_code == 202:
        guarded.post("/records/1/approve", client, doubts=str(len(asked.json()["doubts"])))
    client.get("/export", params={"schema": "invoice"})
    with guarded.db.reading() as connection:
        log = [(row.who, row.action) for row in connection.execute(select(AUDIT).order_by(AUDIT.c.id))]
    assert log == [("reviewer", "signed in"), ("reviewer", "approved"), ("reviewer", "exported 3 records")]
