"""The queue in a real browser: what a representative submitted is published in two clicks from the first page."""

import os
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from pytest_django import DjangoDbBlocker

from apps.registry.models import UnitName
from tests.running import Service, apart, connected_to
from tests.saying import saying

pytestmark = pytest.mark.enable_socket
# Where pictures of the pages are kept, to be looked at; without it none are taken.
PICTURES = os.environ.get("QUEUE_PICTURES")
NAME = "浏览器里的别名"


@pytest.fixture
def name_of_a_unit(service: Service, django_db_blocker: DjangoDbBlocker) -> dict[str, Any]:
    """The body of another name of a unit, with a citation of an article whose text is attached and says it."""
    body = {
        "unit": service.read("/api/v1/member-units?page_size=1")["results"][0]["slug"],
        "name": NAME,
        "kind": "short",
        "state": "submitted",
        "change_reason": "请审核",
    }

    def cite() -> dict[str, Any]:
        with connected_to(service.url):
            return saying(UnitName, body, ["name", "kind"])

    with django_db_blocker.unblock():
        return {**body, "citations": [apart(cite)]}


def submit(page: Page, body: dict[str, Any], token: str) -> str:
    """Submit another name of a unit; return its slug."""
    answer = page.request.post("/api/v1/unit-names", headers={"Authorization": f"Bearer {token}"}, data=body)
    assert answer.status == 201, answer.text()
    return str(answer.json()["slug"])


def test_what_was_submitted_is_published_in_two_clicks(
    browser: Browser, service: Service, logged_in: Any, steward_token: str, name_of_a_unit: dict[str, Any]
) -> None:
    wrong: list[str] = []
    context = browser.new_context(base_url=f"http://127.0.0.1:{service.port}", locale="zh-CN", storage_state=logged_in)
    context.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    page = context.new_page()
    slug = submit(page, name_of_a_unit, steward_token)
    page.goto("/admin/")
    expect(page.locator("#queue-box")).to_contain_text(NAME)
    assert breaches(page) == set()
    picture(page, "first")
    page.locator("#queue-box a.button").click()
    card = page.locator("#queue form", has_text=NAME)
    expect(card).to_contain_text("请审核")
    assert breaches(page) == set()
    picture(page, "queue")
    assert service.get(f"/api/v1/unit-names/{slug}")[0] == 404
    card.locator("button[value=publish]").click()
    expect(page.locator(".messagelist .success")).to_contain_text(NAME)
    assert service.read(f"/api/v1/unit-names/{slug}")["name"] == NAME
    picture(page, "published")
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/admin/queue/")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
    assert wrong == []


def breaches(page: Page, context: str = "#content") -> set[str]:
    """Return the rules of accessibility that what we add to a page breaks."""
    found = Axe().run(page, context=context).response["violations"]
    return {each["id"] for each in found}


def picture(page: Page, name: str) -> None:
    """Keep a picture of the page, where one is asked for."""
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)
