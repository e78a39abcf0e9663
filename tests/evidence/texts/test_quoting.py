"""What is quoted, and to whom: a share of each article to everybody, all to the signed in, nothing in files."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from apps.evidence import spans
from apps.evidence.actions import attach_text
from apps.evidence.models import Article, ArticleText, Citation, QuotedShare
from apps.evidence.texts.quoting import settle
from tests.conftest import eventually
from tests.evidence.texts.conftest import BODY, PAGE, Cite
from tests.factories import AllianceFactory, UserFactory
from tests.writing import Keeper

pytestmark = pytest.mark.django_db

QUOTED = "测试联盟"
LATER = "第二段说的是别的事情,很长。"


@pytest.fixture
def cited(article: Article, cite: Cite) -> tuple[Citation, Citation]:
    """Two citations, of which three tenths of the article have room for one."""
    both = cite(QUOTED), cite(LATER)
    attach_text(article=article, captured=PAGE)
    return both


@pytest.fixture
def reader(client: Client) -> Client:
    """A client of an account without any right."""
    made = Client()
    made.force_login(UserFactory())
    return made


def get(client: Client, citation: Citation, **asked: str) -> Any:
    return client.get(f"/api/v1/citations/{citation.slug}", asked, headers={"accept-language": "en"}).json()


def test_everybody_is_shown_a_part_and_told_that_there_is_more(
    client: Client, reader: Client, cited: tuple[Citation, Citation]
) -> None:
    shown, withheld = (get(client, citation) for citation in cited)
    # Of what stands around the words only what may be read, too: here nothing.
    assert shown["quotation"] == {"exact": QUOTED, "prefix": "", "suffix": "", "paragraph": 1}
    assert (shown["verified"], shown["unquoted_because"]) == (True, None)
    assert (withheld["verified"], withheld["quotation"]) == (True, None)
    assert withheld["unquoted_because"].startswith("Withheld: everybody may read a part of each article only")
    for asker in (reader, client, reader):  # in whatever order
        quoted = get(asker, cited[1])["quotation"]
        assert (quoted and quoted["exact"]) == (LATER if asker is reader else None)
    assert get(reader, cited[0])["quotation"] == {
        "exact": QUOTED,
        "prefix": "  测试街道去年成立了",
        "suffix": ",共有十二家单位。",
        "paragraph": 1,
    }


def test_without_a_text_it_says_that_it_is_not_verified_and_why(
    client: Client, reader: Client, cited: tuple[Citation, Citation]
) -> None:
    ArticleText.objects.all().delete()
    for asker in (client, reader):
        answer = get(asker, cited[0])
        assert (answer["verified"], answer["quotation"]) == (False, None)
        assert answer["unquoted_because"] == "Not verified here: the text of the article is not attached."
    record = client.get(f"/api/v1/alliances/{cited[0].record.key}").json()
    assert [row["verified"] for row in record["citations"]] == [False, False]
    assert client.get("/api/v1/articles/test-article").json()["text_attached"] is False


def test_while_nothing_is_chosen_for_everybody_nothing_is_quoted(
    client: Client, article: Article, cited: tuple[Citation, Citation]
) -> None:
    QuotedShare.objects.all().delete()
    for path in (f"articles/{article.slug}/coverage", f"network?alliance={cited[0].record.slug}"):
        assert client.get(f"/api/v1/{path}").status_code == 200
    assert get(client, cited[0])["quotation"] is None


@pytest.mark.parametrize("resource", ["citations", "articles"])
def test_lists_are_filtered_by_it(client: Client, cited: tuple[Citation, Citation], resource: str) -> None:
    name = "verified" if resource == "citations" else "text_attached"
    yes, no = (
        client.get(f"/api/v1/{resource}", {name: value, "page_size": "200", "count": "true"}).json()
        for value in ("true", "false")
    )
    assert yes["count"] == (2 if resource == "citations" else 1)
    assert {row[name] for row in yes["results"]} == {True}
    assert no["count"] > 0
    assert {row[name] for row in no["results"]} == {False}
    assert client.get(f"/api/v1/{resource}", {name: "yes"}).status_code == 400


def test_an_anonymous_answer_is_not_given_to_the_signed_in_nor_the_reverse(
    client: Client, reader: Client, cited: tuple[Citation, Citation]
) -> None:
    address = f"/api/v1/citations/{cited[1].slug}"

    def check() -> None:
        signed_in, anonymous = reader.get(address), client.get(address)
        assert signed_in.headers["Cache-Control"] == "private, no-cache"
        tags = [answer.headers["ETag"] for answer in (signed_in, anonymous)]
        assert tags[0].partition(".")[0] != tags[1].partition(".")[0]
        for asker, foreign in ((reader, tags[1]), (client, tags[0])):
            assert asker.get(address, headers={"if-none-match": foreign}).status_code == 200
        assert client.get(address, headers={"if-none-match": tags[1]}).status_code == 304

    eventually(check)


def test_the_past_knows_no_text_before_it_was_attached(
    client: Client, reader: Client, article_texts: list[Article]
) -> None:
    citation = Citation.objects.filter(article=article_texts[0]).order_by("slug")[0]
    for asker in (client, reader):
        answer = get(asker, citation, known_at=f"{timezone.now():%Y-%m-%dT%H:%M:%S.%fZ}")
        assert (answer["verified"], answer["quotation"]) == (False, None)
        assert answer["unquoted_because"].startswith("Not verified here")


# The share ------------------------------------------------------------------------------------------------------------


def shown_to_everybody(client: Client, article: Article) -> set[int]:
    """Return the places of an article whose characters everybody can read, by whatever answer."""
    asked = {"article": article.slug, "page_size": "200"}
    places: set[int] = set()
    while True:
        page = client.get("/api/v1/citations", asked).json()
        for row in page["results"]:
            if quoted := row["quotation"]:
                places |= set(range(row["start"] - len(quoted["prefix"]), row["end"] + len(quoted["suffix"])))
        if not page["next_cursor"]:
            return places
        asked["cursor"] = page["next_cursor"]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.6, 1.0])
def test_all_that_everybody_can_read_of_the_five_articles_stays_within_the_share(
    client: Client, article_texts: list[Article], settings: Any, share: float
) -> None:
    settings.QUOTED_SHARE = share
    for article in article_texts:
        settle(article)
        places = shown_to_everybody(client, article)
        assert len(places) <= share * article.body_length
        assert len(places) >= 0.9 * min(share, 0.9) * article.body_length - 30
        assert not settle(article)


def test_most_records_of_the_five_articles_are_seen_with_their_words(
    client: Client, article_texts: list[Article]
) -> None:
    claims = client.get("/api/v1/claims", {"page_size": "100"}).json()["results"]
    assert all(any(row["quotation"] for row in claim["citations"]) for claim in claims)
    projects = client.get("/api/v1/projects", {"page_size": "200"}).json()["results"]
    seen = [any(row["quotation"] for row in project["citations"]) for project in projects]
    assert sum(seen) > 0.8 * len(seen)


def test_a_share_that_is_raised_adds_and_one_that_is_lowered_holds_at_once(
    client: Client, cited: tuple[Citation, Citation], article: Article, settings: Any
) -> None:
    before = QuotedShare.objects.get(article=article).parts
    settings.QUOTED_SHARE = 0.9
    assert settle(article)
    after = QuotedShare.objects.get(article=article).parts
    assert set(before) < set(after)
    assert get(client, cited[1])["quotation"]["exact"] == LATER
    settings.QUOTED_SHARE = 0.05
    assert get(client, cited[0])["quotation"] is None  # before anything is chosen anew
    assert settle(article)
    assert QuotedShare.objects.get(article=article).parts == []


def test_what_is_cited_anew_is_added_while_there_is_room_and_what_was_shown_counts(
    client: Client, article: Article, cite: Cite
) -> None:
    attach_text(article=article, captured=PAGE)
    first = cite("测试街道")
    assert get(client, first)["quotation"]["exact"] == "测试街道"
    first.record.delete()
    second, third = cite("十二家单位"), cite("说的是别的事")
    assert get(client, second)["quotation"]["exact"] == "十二家单位"
    assert get(client, third)["quotation"] is None
    share = QuotedShare.objects.get(article=article)
    assert sum(end - start for start, end in share.parts) == 9 <= share.most < 9 + 6


def test_a_span_over_the_end_of_a_line_is_quoted_alike(reader: Client, article: Article, cite: Cite) -> None:
    citation = cite("十二家单位。\n第二段")
    attach_text(article=article, captured=PAGE)
    expected = spans.quote(BODY, citation.start, citation.end)._asdict()
    assert get(reader, citation)["quotation"] == expected
    assert expected["paragraph"] == 1


# Files ----------------------------------------------------------------------------------------------------------------


def test_no_file_and_no_feed_holds_a_quotation(
    client: Client, reader: Client, cited: tuple[Citation, Citation], tmp_path: Path, settings: Any
) -> None:
    settings.QUOTED_SHARE = 1.0
    settle(cited[0].article)
    keeper = Client()
    keeper.force_login(UserFactory(is_superuser=True, is_staff=True))
    key = cited[0].record.key
    for asker in (client, reader, keeper):
        assert QUOTED in json.dumps(get(asker, cited[0]), ensure_ascii=False)
        for address in (
            *(f"/api/v1/citations?article=test-article&format={form}" for form in ("csv", "ndjson")),
            *(f"/api/v1/alliances?format={form}" for form in ("csv", "ndjson")),
            "/api/v1/changes",
            "/api/v1/articles/test-article/history",
            f"/api/v1/alliances/{key}/history",
        ):
            answer = asker.get(address)
            assert answer.status_code == 200, address
            text = b"".join(answer) if answer.streaming else answer.content  # type: ignore[attr-defined]
            assert QUOTED not in text.decode(), address
            assert json.dumps(QUOTED).strip('"') not in text.decode(), address
    call_command("dump", str(tmp_path / "dump"), stdout=StringIO())
    for path in (tmp_path / "dump").iterdir():
        assert QUOTED.encode() not in path.read_bytes()


def test_a_file_says_what_is_verified_and_why_it_quotes_nothing(
    client: Client, cited: tuple[Citation, Citation]
) -> None:
    asked = {"article": "test-article", "format": "ndjson"}
    answer: Any = client.get("/api/v1/citations", asked, headers={"accept-language": "en"})
    rows = [json.loads(line) for line in b"".join(answer).splitlines()]
    assert {(row["verified"], row["quotation"], row["unquoted_because"]) for row in rows} == {
        (True, None, "Files hold no quotations: read the record itself.")
    }
    table: Any = client.get("/api/v1/citations", {**asked, "format": "csv"})
    header = b"".join(table).decode().partition("\r\n")[0]
    assert "verified" in header
    assert "quotation" not in header
    assert "unquoted" not in header


def test_linked_data_quote_what_the_reader_is_shown(
    client: Client, reader: Client, cited: tuple[Citation, Citation]
) -> None:
    for asker, is_quoted in ((client, False), (reader, True)):
        answer = asker.get(f"/api/v1/citations/{cited[1].slug}", {"format": "jsonld"}).content.decode()
        assert (LATER in answer) is is_quoted
        assert '"pb:verified":true' in answer


def test_a_record_that_is_cited_is_read_with_its_words(reader: Client, article: Article, cite: Cite) -> None:
    record = AllianceFactory(summary="别的摘要")
    cite(QUOTED, record)
    attach_text(article=article, captured=PAGE)
    citations = reader.get(f"/api/v1/alliances/{record.key}").json()["citations"]
    [citation] = [row for row in citations if row["verified"]]  # the other one is of an article without a text
    assert citation["quotation"]["exact"] == QUOTED


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_what_was_read_is_taken_back(client: Client, cited: tuple[Citation, Citation], language: str) -> None:
    """Also what was read without the token that writes, which shows less."""
    keeper = Keeper(UserFactory(is_superuser=True))
    for path in (f"citations/{cited[1].slug}", "articles/test-article", f"alliances/{cited[1].record.key}"):
        for reader in (keeper.client, client):
            body = reader.get(f"/api/v1/{path}", headers={"accept-language": language}).json()
            answer = keeper.send("PUT", path, {**body, "change_reason": "test"}, **{"If-Match": keeper.tag(path)})
            assert answer.status_code == 200, (path, answer.content.decode())
