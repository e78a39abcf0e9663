"""An action in a real browser: a curator opens a round by its button, in three clicks from the list."""

from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from playwright.sync_api import Browser, expect
from pytest_django import DjangoDbBlocker

from apps.accounts.models import Appointment, Token, User
from apps.accounts.models.tokens import default_expiry
from apps.registry.models import Street
from tests.browser.test_queue_browser import breaches
from tests.running import Service, apart, connected_to

pytestmark = pytest.mark.enable_socket
NAME, PASSWORD = "keeper-of-a-round", "long-enough-for-a-test"


@pytest.fixture
def token(service: Service, django_db_blocker: DjangoDbBlocker) -> str:
    """A token of a curator of a street, who can log in as well."""

    def make() -> str:
        with connected_to(service.url):
            street = Street.objects.current().order_by("code").first()
            # Not by the quick hasher of tests, which the service does not know.
            password = PBKDF2PasswordHasher().encode(PASSWORD, "a-grain-of-salt-for-tests")
            user = User.objects.create(username=NAME, password=password, is_staff=True)
            appointment = Appointment.objects.create(user=user, role="curator", street=street, from_day="2020-01-01")
            token = Token(user=user, name="测试", scopes=["read", "write"], expires_at=default_expiry())
            secret = token.set_secret()
            token.save()
            token.appointments.set([appointment])
            return f"{street.code} {secret}"

    with django_db_blocker.unblock():
        return apart(make)


def test_a_round_is_opened_by_its_button(browser: Browser, service: Service, token: str) -> None:
    wrong: list[str] = []
    context = browser.new_context(base_url=f"http://127.0.0.1:{service.port}", locale="zh-CN")
    context.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    street, secret = token.split()
    body: dict[str, Any] = {"name": "浏览器里的批次", "street": street, "mode": "approval", "closes_on": "2099-06-30"}
    page = context.new_page()
    made = page.request.post(
        "/api/v1/rounds",
        headers={"Authorization": f"Bearer {secret}"},
        data={**body, "state": "published", "change_reason": "测试"},
    )
    assert made.status == 201, made.text()
    slug = made.json()["slug"]
    page.goto("/admin/")
    page.fill("#id_username", NAME)
    page.fill("#id_password", PASSWORD)
    page.click("[type=submit]")
    page.locator("#user-tools").wait_for()
    page.goto("/admin/projects/round/")
    page.click("#result_list tbody th a")
    expect(page.locator(".moves a.button")).to_have_count(1)
    expect(page.locator("#id_status")).to_be_disabled()
    assert wrong == []
    assert breaches(page, ".moves") == set()
    wrong.clear()  # the checker sets styles of its own in the page, which the policy refuses
    page.click(".moves a.button")
    expect(page.locator("#id_closes_on")).to_have_value("2099-06-30")
    assert wrong == []
    assert breaches(page) == set()
    wrong.clear()
    page.fill("#id_closes_on", "2099-13")
    page.click("#move_form [type=submit]")
    expect(page.locator("#move_form .errorlist")).to_be_visible()
    assert service.read(f"/api/v1/rounds/{slug}")["status"] == "planned"
    page.fill("#id_closes_on", "2099-12-31")
    page.click("#move_form [type=submit]")
    expect(page.locator(".messagelist .success")).to_contain_text("浏览器里的批次")
    found = service.read(f"/api/v1/rounds/{slug}")
    assert (found["status"], found["closes_on"]) == ("open", "2099-12-31")
    expect(page.locator(".moves a.button")).to_have_count(1)  # to close it
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
    assert wrong == []
