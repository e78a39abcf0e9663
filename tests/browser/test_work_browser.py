"""The work in a real browser, in both languages: a representative and a street do what waits for them.

Each action takes at most three clicks from the first page, counted by the hand that clicks; a choice in a list is one.
Whoever is there has logged in. Every page is accessible, and the first one fits a telephone.
"""

import os
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import transaction
from playwright.sync_api import Browser, Locator, Page, expect
from pytest_django import DjangoDbBlocker

from apps.accounts.models import Appointment, Token, User
from apps.accounts.models.tokens import default_expiry
from apps.common.values.dates import today
from tests import factories
from tests.full import share
from tests.running import Service, apart, connected_to

pytestmark = pytest.mark.enable_socket
PASSWORD, MOST_CLICKS = "long-enough-for-a-test", 3
# Where pictures of the pages are kept, to be looked at; without it none are taken.
PICTURES = os.environ.get("WORK_PICTURES")
LANGUAGES = ("zh-CN", "en-GB")  # the usual run does one thing in one of them, the other in the other
NUMBERS = count(1)  # what is made stays in the database of the service


class Office:
    """A street with its keeper, and two units with their representatives, in the database of a service."""

    def __init__(self, service: Service, suffix: str) -> None:
        self.secrets: dict[str, str] = {}
        self.names: dict[str, str] = {}
        with connected_to(service.url), transaction.atomic():
            street: Any = factories.StreetFactory(name=f"示例街道{suffix}")
            units: list[Any] = [
                factories.MemberUnitFactory(name=f"示例{name}{suffix}", street=street) for name in ("小学", "银行")
            ]
            project: Any = factories.ProjectFactory(name=f"示例国画课{suffix}", alliance=None, street=street)
            body: Any = factories.AllianceFactory(name=f"示例联席会{suffix}", street=street)
            self.street, self.project, self.body = street.code, project.slug, body.slug
            self.units = [unit.slug for unit in units]
            self._appoint(f"keeper{suffix}", "street", role="curator", street=street)
            for name, unit in zip(("school", "bank"), units, strict=True):
                self._appoint(f"{name}{suffix}", name, role="representative", unit=unit)

    def _appoint(self, username: str, who: str, **appointment: Any) -> None:
        # Not by the quick hasher of tests, which the service does not know.
        password = PBKDF2PasswordHasher().encode(PASSWORD, "a-grain-of-salt-for-tests")
        user = User.objects.create(username=username, password=password, is_staff=True)
        appointed = Appointment.objects.create(user=user, from_day="2020-01-01", **appointment)
        token = Token(user=user, name="测试", scopes=["read", "write"], expires_at=default_expiry())
        self.secrets[who], self.names[who] = token.set_secret(), username
        token.save()
        token.appointments.set([appointed])


class Hand:
    """Somebody at a browser, who has logged in; counts the clicks since the first page was opened."""

    def __init__(self, page: Page, office: Office, who: str) -> None:
        self.page, self.office, self.who = page, office, who
        self.clicks, self.most = 0, 0
        self.wrong: list[str] = []
        self.language = page.evaluate("navigator.language")
        page.goto("/admin/")
        page.fill("#id_username", office.names[who])
        page.fill("#id_password", PASSWORD)
        page.click("[type=submit]")
        page.locator("#user-tools").wait_for()
        page.on("console", lambda message: self.wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))

    def begin(self) -> None:
        """Open the first page."""
        self.page.goto("/admin/")
        self.clicks = 0

    def click(self, locator: Locator) -> None:
        """Click, and count it."""
        self.clicks += 1
        locator.click()

    def choose(self, selector: str, value: str) -> None:
        """Choose in a list, which counts as a click."""
        self.clicks += 1
        self.page.select_option(selector, value)

    def type(self, text: str) -> None:
        """Type into the field in which a page begins."""
        expect(self.page.locator("#move_form [autofocus]")).to_be_focused()
        self.page.keyboard.type(text)

    def item(self, text: str) -> Locator:
        """Return what waits on the first page, by a text of it."""
        return self.page.locator("#queue-box li", has_text=text)

    def is_done(self, *said: str) -> None:
        """Look whether an action has led back to the first page with a sentence, in few clicks."""
        message = self.page.locator(".messagelist .success")
        for text in said:
            expect(message).to_contain_text(text)
        assert self.page.url.endswith("/admin/")
        assert 0 < self.clicks <= MOST_CLICKS
        self.most = max(self.most, self.clicks)

    def look(self, name: str) -> None:
        """Look at a page: that nothing was wrong on it, and that it breaks no rule of accessibility."""
        assert self.wrong == []
        if PICTURES:
            self.page.screenshot(path=str(Path(PICTURES) / f"{self.language}-{self.who}-{name}.png"), full_page=True)
        found = Axe().run(self.page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
        self.wrong.clear()  # the checker sets styles of its own in the page, which the policy refuses

    def ask(self, path: str, **body: Any) -> Any:
        """Send a request with the token of who sits here; return what is answered."""
        headers = {"Authorization": f"Bearer {self.office.secrets[self.who]}"}
        answer = self.page.request.post(f"/api/v1/{path}", headers=headers, data=body)
        assert answer.ok, answer.text()
        return answer.json()

    def make(self, resource: str, **body: Any) -> str:
        """Make a published record; return its slug."""
        return str(self.ask(resource, state="published", change_reason="测试", **body)["slug"])


@pytest.fixture
def hands(
    request: pytest.FixtureRequest, browser: Browser, service: Service, django_db_blocker: DjangoDbBlocker
) -> Iterator[dict[str, Hand]]:
    """Who keeps the street, and who represents its units, each at a browser in one of the languages."""
    with django_db_blocker.unblock():
        office = apart(lambda: Office(service, str(next(NUMBERS))))
    contexts = [
        browser.new_context(
            base_url=f"http://127.0.0.1:{service.port}", locale=request.param, viewport={"width": 1280, "height": 900}
        )
        for _who in office.names
    ]
    yield {who: Hand(context.new_page(), office, who) for who, context in zip(office.names, contexts, strict=True)}
    for context in contexts:
        context.close()


def in_words(hand: Hand, chinese: str, english: str) -> str:
    """Return a text in the language of the page."""
    return chinese if hand.page.evaluate("document.documentElement.lang").startswith("zh") else english


@pytest.mark.parametrize("hands", share(0, LANGUAGES, 2), indirect=True)
def test_a_representative_accepts_declines_and_reports_a_figure(hands: dict[str, Hand], service: Service) -> None:
    street, unit = hands["street"], hands["school"]
    office = unit.office
    need = street.make("needs", name="周末国画课", street=office.street)
    offer = unit.make("resources", name="美术老师", unit=office.units[0])
    street.make("matches", need=need, offer=offer)
    street.make("memberships", alliance=office.body, unit=office.units[0], role="member")
    claim = unit.make("claims", project=office.project, unit=office.units[0])
    street.ask(f"claims/{claim}/accept")

    unit.begin()
    expect(unit.page.locator("#queue-box li")).to_have_count(3)
    unit.look("first")
    unit.page.set_viewport_size({"width": 390, "height": 800})
    assert unit.page.evaluate("document.documentElement.scrollWidth") <= 390
    unit.look("first-narrow")
    unit.page.set_viewport_size({"width": 1280, "height": 900})

    unit.click(unit.item("周末国画课").locator("button[value='act:accept']"))
    unit.is_done("周末国画课", in_words(unit, "已接受", "Accepted"))
    unit.look("accepted")
    assert service.read(f"/api/v1/needs/{need}")["status"] == "matched"

    unit.begin()
    unit.click(unit.item("示例联席会").locator("a[href*='/move/decline/']"))
    unit.look("decline")
    unit.click(unit.page.locator("#move_form [type=submit]"))
    expect(unit.page.locator("#move_form .errorlist")).to_be_visible()
    unit.look("decline-without-a-reason")
    unit.begin()
    unit.click(unit.item("示例联席会").locator("a[href*='/move/decline/']"))
    unit.type("人手不够")
    unit.click(unit.page.locator("#move_form [type=submit]"))
    unit.is_done("示例联席会", in_words(unit, "已谢绝", "Declined"))

    unit.begin()
    unit.click(unit.item("示例国画课").locator("a[href*='/move/finish/']"))
    unit.type("上了二十四次课。")
    unit.page.fill("#id_figure_value", "24")
    unit.click(unit.page.locator("#move_form [type=submit]"))  # without its unit
    expect(unit.page.locator("#move_form .errorlist")).to_be_visible()
    unit.look("figure-without-a-unit")
    unit.begin()
    unit.click(unit.item("示例国画课").locator("a[href*='/move/finish/']"))
    unit.look("figure")
    unit.type("上了二十四次课。")
    unit.page.fill("#id_figure_value", "24")
    unit.choose("#id_figure_unit", "session")
    unit.click(unit.page.locator("#move_form [type=submit]"))
    unit.is_done("示例国画课", in_words(unit, "已完成", "Completed"))
    (figure,) = service.read(f"/api/v1/figures?subject=claims/{claim}")["results"]
    assert (figure["value"], figure["unit"], figure["reported_by"]["key"]) == (24, "session", office.units[0])
    expect(unit.page.locator("#queue-box")).to_have_count(0)  # nothing waits any more
    unit.look("nothing")
    assert unit.most == 3


@pytest.mark.parametrize("hands", share(1, LANGUAGES, 2), indirect=True)
def test_a_street_opens_a_round_decides_sees_what_is_overdue_and_confirms(
    hands: dict[str, Hand], service: Service
) -> None:
    street, school, bank = hands["street"], hands["school"], hands["bank"]
    office = street.office
    found = street.make("rounds", name="示例批次", street=office.street, mode="approval")
    place = street.make("round-projects", round=found, project=office.project)
    over = (today() - timedelta(days=1)).isoformat()
    need = street.make("needs", name="缺一位法律顾问", street=office.street, closes_on=over)

    street.begin()
    expect(street.item("缺一位法律顾问").locator(".overdue")).to_contain_text(over)
    assert street.page.locator("#queue-box li").first.inner_text().count("缺一位法律顾问") == 1  # the most urgent first
    street.look("first")
    street.click(street.item("示例批次").locator("a[href*='/move/open/']"))
    street.look("open")
    street.click(street.page.locator("#move_form [type=submit]"))
    street.is_done("示例批次")
    assert service.read(f"/api/v1/rounds/{found}")["status"] == "open"

    claim = bank.make("claims", project=office.project, unit=office.units[1], round_project=place)
    done = school.make("claims", project=office.project, unit=office.units[0], round_project=place)
    street.ask(f"claims/{done}/accept")
    school.ask(f"claims/{done}/finish", summary="上了十次课。")

    street.begin()
    street.look("to-do")
    street.page.set_viewport_size({"width": 390, "height": 800})
    assert street.page.evaluate("document.documentElement.scrollWidth") <= 390
    street.look("to-do-narrow")
    street.page.set_viewport_size({"width": 1280, "height": 900})
    street.click(street.item("示例银行").locator("button[value='act:accept']"))
    street.is_done("示例银行", in_words(street, "已接受", "Accepted"))
    assert service.read(f"/api/v1/claims/{claim}")["status"] == "accepted"

    street.begin()
    street.click(street.item("示例小学").locator("a[href*='/move/confirm/']"))
    street.look("confirm")
    street.type("居民满意。")
    street.page.fill("#id_figure_value", "10")
    street.choose("#id_figure_unit", "session")
    street.click(street.page.locator("#move_form [type=submit]"))
    street.is_done("示例小学", in_words(street, "已确认", "Confirmed"))
    told = service.read(f"/api/v1/claims/{done}")
    assert (told["status"], told["outcome"]) == ("confirmed", "居民满意。")
    (figure,) = service.read(f"/api/v1/figures?subject=claims/{done}")["results"]
    assert (figure["measure"], figure["value"]) == ("outcome_confirmed", 10)

    street.begin()
    street.click(street.item("缺一位法律顾问").locator("a[href*='/move/withdraw/']"))
    street.type("另行解决")
    street.click(street.page.locator("#move_form [type=submit]"))
    street.is_done("缺一位法律顾问")
    assert service.get(f"/api/v1/needs/{need}")[0] == 404
    assert street.most == 3
