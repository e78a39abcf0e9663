"""From a pasted or uploaded page to a captured text and the body proposed in it."""

import pytest

from apps.evidence import intake

PAGE = """首页 > 新闻 > 正文

云溪街道成立“青溪同心联盟”

来源:云溪发布     编辑:某某     2024-03-06 21:01

  本报讯  昨日,云溪街道召开联席会议,“青溪同心联盟”正式成立,18家单位加入其中,共议社区治理。

  共建:从清单到落地

  联盟发布了第一批项目,全年将开展活动12场,惠及居民三千余人次,并在各居民区设立联络点。

云溪记者站

相关稿件

云溪街道去年开展了一百余场活动,得到居民们的一致好评,更多活动还在路上,敬请广大居民期待。
版权所有 云溪发布
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_the_encoding_of_a_file_is_found(encoding: str):
    assert intake.decode("云溪街道与𠮷野家".encode(encoding)) == "云溪街道与𠮷野家"


def test_a_file_in_another_encoding_is_refused():
    with pytest.raises(intake.IntakeError):
        intake.decode(b"\xff\xff\xff")


def test_a_file_that_is_too_long_is_refused_with_the_limit():
    with pytest.raises(intake.IntakeError, match="1000000"):
        intake.decode(b"x" * (intake.MAX_BYTES + 1))


@pytest.mark.parametrize("text", ["a\0b", "", " \n\u3000"])
def test_what_is_no_text_is_refused(text: str):
    with pytest.raises(intake.IntakeError):
        intake.captured(text)


def test_newlines_are_lf_and_a_byte_order_mark_goes():
    assert intake.captured("\ufeff一\r\n二\r三") == "一\n二\n三"


def test_a_text_with_signs_of_comparison_is_no_html():
    assert intake.captured("1+1>2, 而 3<5 <重点>") == "1+1>2, 而 3<5 <重点>"


def test_of_html_the_text_stays():
    page = (
        "<html><head><title>页</title><style>p {}</style></head><body><p>云溪<b>街道</b>&amp;单位<br>第二行</p>"
        "<script>alert('<p>')</script><ul><li>一</li><li>二</li></ul><p>同一\n句话 and\nmore</p></body></html>"
    )

    assert intake.captured(page) == "云溪街道&单位\n第二行\n\n一\n\n二\n\n同一句话 and more"


def test_the_body_lies_between_credits_and_links():
    start, end = intake.propose_body(PAGE)

    assert PAGE[start:end].startswith("昨日,云溪街道召开")
    assert PAGE[start:end].endswith("设立联络点。")
    assert "共建:从清单到落地" in PAGE[start:end]


def test_a_page_without_prose_is_proposed_as_a_whole():
    assert intake.propose_body("\n 通知 \n明天开会\n") == (2, 10)


def test_lines_know_their_places():
    assert intake.lines("一 \n\n  二") == [(0, 1, "一"), (6, 7, "二")]
