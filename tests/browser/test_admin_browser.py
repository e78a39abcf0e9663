"""Every page of the admin in a real browser, over the five articles: no console error, no request to another host."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.full import FULL, share
from tests.running import Service

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def page(browser: Browser, service: Service, logged_in: Any) -> Iterator[Page]:
    """A curator's page, which fails the test at its end if anything was wrong in the meantime."""
    wrong: list[str] = []
    context = browser.new_context(base_url=f"http://127.0.0.1:{service.port}", locale="zh-CN", storage_state=logged_in)
    page = context.new_page()
    # A violation of the Content-Security-Policy is an error on the console, too.
    context.on(
        "console", lambda message: wrong.append(f"{page.url}: {message.text}") if message.type == "error" else None
    )
    context.on("weberror", lambda error: wrong.append(f"{page.url}: {error.error}"))
    context.on("request", lambda request: wrong.append(request.url) if is_foreign(request.url, service) else None)
    page.goto("/admin/")
    yield page
    context.close()
    assert wrong == []


def is_foreign(url: str, service: Service) -> bool:
    return urlsplit(url).scheme in {"http", "https", "ws", "wss"} and urlsplit(url).port != service.port


def visit(page: Page, path: str) -> None:
    response = page.goto(path, wait_until="load")
    assert response is not None
    assert response.status == 200, path


def test_every_list_add_and_change_page_opens(page: Page) -> None:
    page.goto("/admin/")
    lists = page.locator("#content-main th a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    adds = page.locator("#content-main .addlink").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert len(lists) >= 28
    for path in share(0, adds, 6):
        visit(page, path)
    changed = 0
    for path in share(1, lists, 6):
        visit(page, path)
        rows = page.locator("#result_list tbody th a")
        if rows.count():
            visit(page, rows.first.get_attribute("href") or "")
            changed += 1
    assert changed >= (24 if FULL else 4)


OWN_PAGES = [
    "/admin/identity/merge/doubles/",
    "/admin/identity/merge/doubles/?kind=alliances",
    "/admin/identity/merge/two/",
    "/admin/identity/merge/two/?resource=alliances&loser=wujiaochang-zhen-lianxihui-qiye"
    "&winner=wujiaochang-zhen-lianxihui-xuexiao",
    "/admin/second-factor/",
    "/admin/registry/memberunit/import/",
]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_pages_of_our_own_open(page: Page, language: str) -> None:
    page.context.add_cookies([{"name": "django_language", "value": language, "url": page.url}])
    for path in share(language == "en", OWN_PAGES, 2):
        visit(page, path)
        expect(page.locator("html")).to_have_attribute("lang", language)
        expect(page.locator("h1")).to_have_count(1)
    for kind, shown in (("hospitl", ".errornote"), ("company", ".changes")):
        row = f"slug,state,name,kind,district\nfrom-a-browser,draft,来自浏览器,{kind},310110\n".encode()
        visit(page, OWN_PAGES[-1])
        page.set_input_files("[type=file]", {"name": "units.csv", "mimeType": "text/csv", "buffer": row})
        page.locator("[type=file]").locator("xpath=ancestor::form").locator("[type=submit]").click()
        expect(page.locator(shown)).to_be_visible()
    # A draft of its own, for a published value needs evidence; the request that loaded the fixtures is long, too.
    visit(page, "/admin/registry/memberunit/add/")
    page.fill("#id_name", f"在浏览器里加的 {language}")
    page.select_option("#id_kind", "company")
    page.click("[name=_continue]")
    expect(page.locator(".messagelist .success")).to_be_visible()
    page.fill("#id_name", f"在浏览器里改的 {language}")
    page.click("[name=_continue]")
    expect(page.locator(".messagelist .success")).to_be_visible()
    page.click(".historylink")
    page.locator("a[href*='/admin/revert/']").first.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_a_member_is_added_by_pinyin_in_a_row_that_the_page_makes(page: Page) -> None:
    visit(page, "/admin/registry/alliance/?q=qyhdjlxh")
    page.click("#result_list tbody th a")
    page.click("#memberships-group .add-row a")
    row = page.locator("#memberships-group tr.dynamic-memberships").last
    row.locator(".select2-selection").click()
    page.keyboard.type("fudandaxue")
    page.locator(".select2-results__option", has_text="复旦大学").first.click()
    row.locator("select[name$='-role']").select_option("member")
    row.locator("input[name$='-joined_on']").fill("2013.5")
    page.click("[name=_continue]")
    expect(page.locator("#memberships-group .errorlist")).to_contain_text("2013.5")
    page.locator("#memberships-group tr.dynamic-memberships input[name$='-joined_on']").last.fill("2013-05")
    page.click("[name=_continue]")
    expect(page.locator(".messagelist .success")).to_be_visible()
    expect(page.locator("#memberships-group tr.has_original", has_text="复旦大学")).to_have_count(1)


def test_a_record_is_added_in_a_window_of_its_own(page: Page) -> None:
    visit(page, "/admin/registry/venue/add/")
    with page.expect_popup() as opened:
        page.click("#add_id_operator")
    window = opened.value
    window.fill("#id_name", "浏览器测试单位")
    window.select_option("#id_kind", "company")
    window.click("[name=_save]")
    expect(page.locator("#id_operator")).to_contain_text("浏览器测试单位")


def test_the_language_is_switched_in_the_header(page: Page) -> None:
    visit(page, "/admin/registry/alliance/")
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    page.click("#language-form button[value=en]")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("h1")).to_contain_text("alliance")
