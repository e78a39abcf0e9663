"""The pages for readers of the API in a real browser: nothing on the console, nothing from another host, and usable."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.full import share
from tests.running import Service

pytestmark = pytest.mark.enable_socket

PAGES = [
    "/docs/",
    "/docs/reference/projects",
    "/docs/guide",
    "/docs/guide/querying",
    "/docs/guide/formats",
    "/docs/errors",
]
WIDTHS = {"desktop": 1280, "telephone": 390}


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """A page whose console stays clean and which asks no other host for anything."""
    host = f"http://127.0.0.1:{service.port}"
    wrong: list[str] = []
    page = browser.new_page(base_url=host, locale="zh-CN", reduced_motion="reduce")
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(host) else wrong.append(request.url))
    yield page
    page.close()
    # Chromium itself reports an answer of 4xx, which a test asks for.
    assert [text for text in wrong if "status of 4" not in text] == []


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_pages_open_and_fit(page: Page, width: int, language: str) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    # Each page is opened in two of the four ways, and looked through by axe in one of these.
    number = 2 * list(WIDTHS.values()).index(width) + (language == "en")
    looked_through = share(number, PAGES, 4)
    for path in share(number, PAGES, 2):
        page.goto(f"{path}?lang={language}")
        expect(page.locator("html")).to_have_attribute("lang", language)
        expect(page.locator("h1")).to_have_count(1)
        assert page.evaluate("document.getElementsByTagName('*').length") < 20_000, path
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        found = Axe().run(page).response["violations"] if path in looked_through else []
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], path


def test_a_question_is_chosen_sent_and_answered(page: Page) -> None:
    page.goto("/docs/?lang=en")
    page.get_by_role("link", name="Which units claimed which projects").click()
    form = page.locator("form[data-path='/api/v1/claims'][data-method=GET]")
    expect(form.locator("[name=street]")).to_have_value("310110101")
    expect(form.locator(".curl")).to_contain_text("/api/v1/claims?")
    form.get_by_role("button", name="Send").click()
    result = form.locator(".result")
    expect(result.locator("p").first).to_contain_text("200")
    expect(result.locator("pre").first).to_contain_text("健康直通车")
    with page.expect_response(re.compile("/api/v1/projects/")):
        result.get_by_role("link", name="/api/v1/projects/").first.click()


def test_what_is_wrong_is_shown_where_it_was_asked(page: Page) -> None:
    page.goto("/docs/reference/claims?lang=en")
    form = page.locator("form[data-path='/api/v1/claims/{key}'][data-method=GET]")
    form.locator("xpath=ancestor::details").locator("summary").first.click()
    form.get_by_role("button", name="Send").click()
    expect(form.locator("[name=key]")).to_be_focused()  # nothing is sent without what is required
    assert form.locator(".result").inner_text() == ""
    form.locator("[name=key]").fill("nobody")
    form.locator("[name=key]").press("Enter")
    expect(form.locator(".result p").first).to_contain_text("404")
    expect(form.locator(".result pre").first).to_contain_text("not_found")


def test_a_body_is_sent_with_a_token_that_the_line_of_curl_does_not_show(page: Page) -> None:
    page.goto("/docs/reference/alliances?lang=en")
    form = page.locator("form[data-path='/api/v1/alliances'][data-method=POST]")
    form.locator("xpath=ancestor::details").locator("summary").first.click()
    page.locator("#token").fill("pb_nobody.secret")
    form.locator("[name=dry_run]").select_option("true")
    expect(form.locator("textarea")).to_have_value(re.compile("change_reason"))  # what is needed stands there
    expect(form.locator(".curl")).not_to_contain_text("secret")
    with page.expect_request("**/api/v1/alliances?dry_run=true") as sent:
        form.get_by_role("button", name="Send").click()
    assert sent.value.headers["authorization"] == "Bearer pb_nobody.secret"
    assert set(sent.value.post_data_json) >= {"name", "kind", "change_reason"}
    expect(form.locator(".result p").first).to_contain_text("401")


def test_a_file_is_sent_as_the_part_of_a_form(page: Page) -> None:
    page.goto("/docs/reference/alliances?lang=en")
    form = page.locator("form[data-path='/api/v1/alliances/import']")
    form.locator("xpath=ancestor::details").locator("summary").first.click()
    form.locator("[name=change_reason]").fill("test")
    content = "slug,slogan\r\nnobody,甲\r\n".encode()
    form.locator("[type=file]").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": content})
    expect(form.locator(".curl")).to_contain_text("-F 'file=@a.csv'")
    with page.expect_request("**/api/v1/alliances/import?**") as sent:
        form.get_by_role("button", name="Send").click()
    assert sent.value.headers["content-type"].startswith("multipart/form-data; boundary=")
    expect(form.locator(".result p").first).to_contain_text("401")


def test_a_spreadsheet_is_offered_as_a_file(page: Page) -> None:
    page.goto("/docs/reference/claims?lang=en")
    form = page.locator("form[data-path='/api/v1/claims'][data-method=GET]")
    form.locator("[name=format]").select_option("xlsx")
    form.get_by_role("button", name="Send").click()
    with page.expect_download() as download:
        form.get_by_role("link", name="Save the file").click()
    assert download.value.suggested_filename == "claims.xlsx"


@pytest.mark.parametrize(
    "path", ["/docs/guide/querying#facets", "/docs/errors#circle", "/docs/reference/claims#schema-Claim"]
)
def test_a_switch_of_the_language_keeps_the_place(page: Page, path: str) -> None:
    page.goto(path.replace("#", "?lang=zh-hans#"))
    anchor = path.partition("#")[2]
    page.locator("[data-language=en]").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert page.url.endswith(f"?lang=en#{anchor}")
    expect(page.locator(f"[id='{anchor}']")).to_be_in_viewport()


def test_the_keyboard_reaches_the_content_and_opens_what_is_folded(page: Page) -> None:
    page.goto("/docs/reference/claims?lang=en")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    second = page.locator("details.operation").nth(1)
    second.locator("summary").first.focus()
    page.keyboard.press("Enter")
    expect(second.locator("form")).to_be_visible()
