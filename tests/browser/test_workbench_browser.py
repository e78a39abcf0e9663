"""A new article, end to end, in a real browser: pasted, its body set, a proposal accepted, published."""

from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.running import Service

PAGE = """首页 > 新闻 > 正文

云溪街道成立“青溪同心联盟”

来源:云溪发布 2024-03-06

3月5日,云溪街道召开区域化党建联席会议,宣布“青溪同心联盟”正式成立,18家单位加入联盟。
复旦大学与云溪社区学校在会上签订共建协议,全年将开展活动12场,惠及居民3000余人次。
联盟还将在各居民区设立联络点,把资源送到居民的家门口,让更多居民受益。

联盟的第一次活动将在下周举行,欢迎广大居民朋友们踊跃报名参加,名额有限。

相关稿件
"""
UNIT = "云溪社区学校"

pytestmark = pytest.mark.enable_socket


def test_a_pasted_article_becomes_published_facts(browser: Browser, service: Service, logged_in: Any):
    errors: list[str] = []
    context = browser.new_context(base_url=f"http://127.0.0.1:{service.port}", locale="zh-CN", storage_state=logged_in)
    context.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    page = context.new_page()
    page.goto("/admin/evidence/article/")
    take_in(page)
    accept_a_known_name(page)
    key = make_a_unit(context, page)
    assert service.get(f"/api/v1/member-units/{key}")[0] == 404
    publish(page, key)
    context.close()

    unit = service.read(f"/api/v1/member-units/{key}")
    citations = service.read(f"/api/v1/citations?record=member-units/{key}")
    assert unit["name"] == UNIT
    assert len(citations["results"]) == 1
    assert errors == []


def take_in(page: Page) -> None:
    """Paste the page, and end the body one paragraph earlier than proposed."""
    page.click("a[href$='/article/intake/']")
    page.fill("#id_pasted", PAGE)
    page.fill("#id_title", "云溪街道成立“青溪同心联盟”")
    page.fill("#id_issued_on", "2024-03-06")
    page.click(".submit-row input")
    lines = page.locator("#lines li:not(.outside)")
    expect(lines).to_have_count(4)
    lines.nth(2).locator("[data-bound=end]").click()
    expect(lines).to_have_count(3)
    page.click(".submit-row input")
    page.wait_for_url("**/workbench/")


def accept_a_known_name(page: Page) -> None:
    proposal = page.locator("#proposals li", has_text="复旦大学").first
    proposal.locator("form.accept button").first.click()
    expect(page.locator("#text a.piece.unit", has_text="复旦大学")).to_have_count(1)
    expect(page.locator("#panel .places")).to_contain_text("复旦大学")


def make_a_unit(context: BrowserContext, page: Page) -> str:
    """Select a name with the mouse, fill in the form that opens, and save it; return the key of the draft."""
    select(page, UNIT)
    expect(page.locator("#panel blockquote mark")).to_have_text(UNIT)
    with context.expect_page() as opened:
        page.locator("#panel form[data-new] button").click()
    form = opened.value
    expect(form.locator("#id_name")).to_have_value(UNIT)
    expect(form.locator("[id$='-0-supports']")).to_have_value("name")
    form.select_option("#id_kind", "public_institution")
    form.fill("[id$='-0-supports']", "name,kind")
    form.click("[name=_save]")
    form.wait_for_url("**/memberunit/")
    form.close()
    page.reload()
    value = page.locator("#drafts input[name=record]").get_attribute("value")
    assert value is not None
    return value.removeprefix("member-units/")


def publish(page: Page, key: str) -> None:
    """Publish the draft, by keyboard."""
    page.locator(f"#drafts input[value='member-units/{key}']").focus()
    page.keyboard.press("Space")
    page.locator("#drafts button").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#drafts")).to_have_count(0)


def select(page: Page, words: str) -> None:
    """Draw the mouse over some words of the text."""
    box = page.evaluate(
        """(words) => {
            const text = document.getElementById("text");
            const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
            const at = text.textContent.indexOf(words);
            const range = new Range();
            let before = 0;
            for (let node = walker.nextNode(); node; node = walker.nextNode()) {
                const after = before + node.length;
                if (before <= at && at < after) {
                    range.setStart(node, at - before);
                    node.parentElement.scrollIntoView({ block: "center" });
                }
                if (before < at + words.length && at + words.length <= after) {
                    range.setEnd(node, at + words.length - before);
                }
                before = after;
            }
            const rects = [...range.getClientRects()];
            const [first, last] = [rects[0], rects.at(-1)];
            return [first.left + 2, first.top + first.height / 2, last.right - 2, last.top + last.height / 2];
        }""",
        words,
    )
    page.mouse.move(*box[:2])
    page.mouse.down()
    page.mouse.move(*box[2:], steps=5)
    page.mouse.up()
