"""A citation whose span does not hold is refused, whichever way it comes: API, admin, loaddata, shell, SQL."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.evidence import spans
from apps.evidence.actions import TextError, attach_text
from apps.evidence.models import Article, ArticleText, Citation
from apps.evidence.support_levels import BODIES_SQL
from tests.factories import AllianceFactory, CitationFactory, UserFactory

pytestmark = pytest.mark.django_db

PAGE = "栏目:要闻\n\n测试街道去年成立了测试联盟,共有十二家单位。\n第二段说的是别的事情。\n\n猜你喜欢:别的标题\n"
BODY_START = PAGE.index("测试街道")
BODY_END = PAGE.index("\n\n猜你")
BODY = PAGE[BODY_START:BODY_END]
REASON = {"change_reason": "test"}
ANY_VERSION = {"If-Match": "*"}


@pytest.fixture
def article() -> Article:
    """An article with its text attached."""
    article = Article.objects.create(
        slug="test-article",
        title="测试稿件",
        captured_file="test.txt",
        captured_sha256=spans.digest(PAGE),
        body_start=BODY_START,
        body_end=BODY_END,
        body_sha256=spans.digest(BODY),
    )
    attach_text(article=article, captured=PAGE)
    return article


@pytest.fixture
def citation(article: Article) -> Citation:
    """A citation that holds."""
    start, end = spans.find(BODY, "测试联盟")
    record = AllianceFactory(name="测试联盟", summary="一个联盟")
    citation: Citation = CitationFactory(
        article=article, record=record, start=start, end=end, sha256=spans.digest("测试联盟"), supports=["name"]
    )
    return citation


@pytest.fixture
def curator(client: Client) -> Client:
    """A client of a curator."""
    user: User = UserFactory(is_staff=True, is_superuser=True)
    client.force_login(user)
    return client


# One character to either side, either end alone, outside the body, nothing at all.
WRONG = [(1, 1), (-1, -1), (0, 1), (1, 0), (1000, 1000), (0, -4)]


@pytest.mark.parametrize(("first", "last"), WRONG)
def test_a_moved_span_is_refused_by_the_database(citation: Citation, first: int, last: int) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Citation.objects.filter(pk=citation.pk).update(start=citation.start + first, end=citation.end + last)
    citation.refresh_from_db()
    assert BODY[citation.start : citation.end] == "测试联盟"


@pytest.mark.parametrize(("first", "last"), WRONG)
def test_a_moved_span_is_refused_by_clean(citation: Citation, first: int, last: int) -> None:
    citation.start += first
    citation.end += last
    with pytest.raises(ValidationError):
        citation.full_clean()


@pytest.mark.parametrize(("first", "last"), [(1, 1), (0, 1), (-3, 2)])
def test_the_refusal_names_the_right_position(citation: Citation, first: int, last: int) -> None:
    right = f"{citation.start}–{citation.end}"
    citation.start += first
    citation.end += last
    with pytest.raises(ValidationError) as refusal:
        citation.full_clean()
    assert right in refusal.value.message_dict["sha256"][0]


@pytest.mark.parametrize(("first", "last"), WRONG)
def test_a_moved_span_is_refused_by_the_api(curator: Client, citation: Citation, first: int, last: int) -> None:
    address = f"/api/v1/citations/{citation.slug}"
    moved = {"start": citation.start + first, "end": citation.end + last, **REASON}
    answer = curator.patch(address, json.dumps(moved), "application/json", headers=ANY_VERSION)
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["pointer"] in ("/sha256", "/end", "")  # another text, behind the body, empty
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert curator.get(address).json()["start"] == citation.start


def test_the_citations_of_a_body_are_looked_up_together_and_refused_at_their_places(
    curator: Client, citation: Citation
) -> None:
    def asked(*words: str) -> dict[str, Any]:
        places = [(each, *spans.find(BODY, each)) for each in words]
        items = [
            {"article": "test-article", "start": start, "end": end, "quotation": each, "supports": ["name"]}
            for each, start, end in places
        ]
        return {"citations": items, **REASON}

    def patch(body: dict[str, Any]) -> Any:
        address = f"/api/v1/alliances/{citation.record.slug}"
        with CaptureQueriesContext(connection) as queries:
            answer = curator.patch(address, json.dumps(body), "application/json", headers=ANY_VERSION)
        assert sum(BODIES_SQL.split("WHERE")[0].strip() in query["sql"] for query in queries) == 1
        return answer

    wrong = patch(asked("测试联盟,", "十二家", "成立了测试联盟")).json()["errors"]
    assert [(error["code"], error["pointer"]) for error in wrong] == [("says_otherwise", "/citations/1/supports")]
    assert patch(asked("测试联盟,", "了测试联盟", "成立了测试联盟")).status_code == 200
    levels = Citation.objects.filter(article=citation.article).exclude(pk=citation.pk)
    assert [each.levels for each in levels] == [{"name": "literal"}] * 3


def test_page_furniture_cannot_be_cited_by_the_api(curator: Client, citation: Citation) -> None:
    furniture = "别的标题"
    start = PAGE.index(furniture) - BODY_START
    given = {
        "article": "test-article",
        "record": f"alliances/{citation.record.slug}",
        "start": start,
        "end": start + len(furniture),
        "sha256": spans.digest(furniture),
        "supports": ["name"],
        **REASON,
    }
    answer = curator.post("/api/v1/citations", json.dumps(given), "application/json")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/end"


def test_a_citation_that_holds_is_made_changed_and_deleted_by_the_api(curator: Client, citation: Citation) -> None:
    words = "测试联盟,共有十二家单位"
    start, end = spans.find(BODY, words)
    given: dict[str, Any] = {
        "article": "test-article",
        "record": f"alliances/{citation.record.slug}",
        "start": start,
        "end": end,
        "sha256": spans.digest(words),
        "supports": ["summary"],
        **REASON,
    }
    made = curator.post("/api/v1/citations", json.dumps(given), "application/json")
    assert made.status_code == 201
    address = made.json()["url"]
    assert made.json()["record"]["name"] == "测试联盟"
    change = json.dumps({"supports": ["summary", "name"], **REASON})
    changed = curator.patch(address, change, "application/json", headers={"If-Match": made.headers["ETag"]})
    assert changed.json()["supports"] == ["summary", "name"]
    assert curator.delete(address, json.dumps(REASON), "application/json", headers=ANY_VERSION).status_code == 204
    assert curator.get(address).status_code == 404


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"record": "alliances/nothing"}, "/record"),
        ({"supports": ["no_such_field"]}, "/supports"),
        ({"supports": []}, "/supports"),
        ({"sha256": "abc"}, "/sha256"),
        ({"start": -1}, "/start"),
        ({"article": "nothing"}, "/article"),
    ],
)
def test_other_nonsense_is_refused_by_the_api(
    curator: Client, citation: Citation, change: dict[str, Any], pointer: str
) -> None:
    address = f"/api/v1/citations/{citation.slug}"
    answer = curator.patch(address, json.dumps({**change, **REASON}), "application/json", headers=ANY_VERSION)
    assert answer.status_code == 400
    assert pointer in [error["pointer"].removesuffix("/0") for error in answer.json()["errors"]]


def test_nobody_else_changes_a_citation(client: Client, citation: Citation) -> None:
    address = f"/api/v1/citations/{citation.slug}"
    assert client.patch(address, json.dumps(REASON), "application/json").status_code == 401
    client.force_login(UserFactory())
    assert client.delete(address, json.dumps(REASON), "application/json", headers=ANY_VERSION).status_code == 403
    assert Citation.objects.filter(pk=citation.pk).exists()


def test_a_moved_span_is_refused_by_the_admin(curator: Client, citation: Citation) -> None:
    address = f"/admin/evidence/citation/{citation.pk}/change/"
    form = {
        "article": citation.article_id,
        "target": f"alliances/{citation.record.slug}",
        "start": citation.start + 1,
        "end": citation.end + 1,
        "sha256": citation.sha256,
        "supports": "name",
    }
    answer = curator.post(address, form)
    assert answer.status_code == 200
    assert "sha256" in answer.context["adminform"].form.errors
    assert Citation.objects.get(pk=citation.pk).start == citation.start


def test_a_moved_span_is_refused_by_loaddata(citation: Citation, tmp_path: Path) -> None:
    fixture = tmp_path / "moved.json"
    call_command("dumpdata", "evidence.citation", primary_keys=str(citation.pk), output=str(fixture))
    content = json.loads(fixture.read_text())
    content[0]["fields"]["start"] += 1
    fixture.write_text(json.dumps(content))
    with pytest.raises(IntegrityError), transaction.atomic():
        call_command("loaddata", str(fixture))
    assert Citation.objects.get(pk=citation.pk).start == citation.start


def test_the_last_citation_of_a_published_record_stays(curator: Client, citation: Citation) -> None:
    record = citation.record

    def forget_evidence() -> None:
        record.citations.all().delete()
        connection.check_constraints()

    with pytest.raises(IntegrityError), transaction.atomic():
        forget_evidence()
    assert record.citations.count() == 2


def test_a_published_record_without_evidence_is_refused() -> None:
    def publish_without_evidence() -> None:
        AllianceFactory(cited=False)
        connection.check_constraints()

    with pytest.raises(IntegrityError), transaction.atomic():
        publish_without_evidence()


def test_a_draft_needs_no_evidence_and_is_not_seen(client: Client) -> None:
    draft = AllianceFactory(cited=False, state="draft")
    connection.check_constraints()
    assert client.get(f"/api/v1/alliances/{draft.slug}").status_code == 404


def test_another_text_is_not_attached(article: Article) -> None:
    with pytest.raises(TextError):
        attach_text(article=article, captured=PAGE + "!")
    with pytest.raises(IntegrityError), transaction.atomic():
        ArticleText.objects.filter(article=article).update(captured=PAGE + "!")


def test_a_text_that_a_citation_does_not_agree_with_is_not_attached(citation: Citation) -> None:
    ArticleText.objects.all().delete()
    Citation.objects.filter(pk=citation.pk).update(start=citation.start + 1, end=citation.end + 1)
    with pytest.raises(TextError):
        attach_text(article=citation.article, captured=PAGE)
