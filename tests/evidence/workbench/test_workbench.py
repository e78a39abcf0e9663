"""The article workbench, and how a new article gets there, through Django's test client."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import User
from apps.evidence import spans
from apps.evidence.actions import publish, take_in
from apps.evidence.models import Article, Citation, Mark
from tests import factories
from tests.pages import carried

pytestmark = pytest.mark.django_db

BODY = "3月5日,云溪街道成立“青溪同心联盟”,云溪学校等18家单位加入。\n今年6月,云溪学校开展活动12场,惠及居民3000余人次。"


@pytest.fixture
def curator() -> Any:
    return factories.UserFactory(is_staff=True, is_superuser=True)


@pytest.fixture
def page(client: Client, curator: User) -> Client:
    client.force_login(curator)
    return client


@pytest.fixture
def article() -> Article:
    captured = f"来源:云溪发布\n{BODY}\n相关稿件"
    start = captured.index(BODY)
    return take_in(
        captured=captured,
        body_start=start,
        body_end=start + len(BODY),
        title="云溪街道成立联盟",
        issued_on="2024-06-30",
    )


def address(article: Article) -> str:
    return reverse("admin:evidence_article_workbench", args=[article.pk])


def place(text: str) -> dict[str, int]:
    start, end = spans.find(BODY, text, "3月5日") if BODY.count(text) > 1 else spans.find(BODY, text)
    return {"start": start, "end": end}


def cite(article: Article, text: str, record: Any, supports: tuple[str, ...] = ("name",)) -> Citation:
    where = place(text)
    return Citation.objects.create(
        article=article, record=record, sha256=spans.digest(text), supports=list(supports), **where
    )


# Cutting the text -----------------------------------------------------------------------------------------------------


def test_overlapping_places_are_cut_at_all_boundaries():
    assert list(spans.pieces(0, 10, [(2, 8), (4, 6), (6, 9), (20, 30)])) == [
        (0, 2, ()),
        (2, 4, (0,)),
        (4, 6, (1, 0)),
        (6, 8, (2, 0)),
        (8, 9, (2,)),
        (9, 10, ()),
    ]


def test_a_stretch_widens_to_its_sentence_and_to_its_paragraph():
    body = "一二。三四!”五六\n七八。"

    assert body[slice(*spans.sentence(body, 3, 4))] == "三四!”"
    assert body[slice(*spans.sentence(body, 7, 8))] == "五六"
    assert body[slice(*spans.sentence(body, 1, 5))] == "一二。三四!”"
    assert body[slice(*spans.paragraph(body, 4, 5))] == "一二。三四!”五六"
    assert body[slice(*spans.paragraph(body, 10, 11))] == "七八。"


# Showing --------------------------------------------------------------------------------------------------------------


def test_cited_words_and_open_findings_are_told_apart(page: Client, article: Article):
    unit = factories.MemberUnitFactory(name="云溪学校")
    cite(article, "云溪学校", unit)

    html = page.get(address(article)).content.decode()

    assert 'class="piece unit"' in html
    assert 'class="piece open-name"' in html  # the second 云溪学校
    assert 'class="piece open-numeral"' in html
    assert 'class="piece open-date"' in html
    assert 'class="piece open-quoted"' in html


def test_the_panel_names_the_records_of_overlapping_citations(page: Client, article: Article):
    unit, alliance = factories.MemberUnitFactory(name="云溪学校"), factories.AllianceFactory(name="青溪同心联盟")
    cite(article, "云溪学校", unit)
    cite(article, "云溪学校等18家单位加入", alliance, ("status",))

    html = page.get(address(article), {**place("云溪学校"), "part": "panel"}).content.decode()

    assert reverse("admin:registry_memberunit_change", args=[unit.pk]) in html
    assert reverse("admin:registry_alliance_change", args=[alliance.pk]) in html
    assert "<html" not in html


def test_the_panel_finds_records_of_all_kinds_by_name(page: Client, article: Article):
    unit, event = factories.MemberUnitFactory(name="云溪学校"), factories.EventFactory(name="云溪学校开放日")

    query = {**place("18"), "q": "云溪学校", "part": "panel"}
    html = page.get(address(article), query).content.decode()

    assert f"record=member-units%2F{unit.slug}" in html
    assert f"record=events%2F{event.slug}" in html


def test_positions_that_make_no_sense_are_put_right(page: Client, article: Article):
    for query in (
        {"start": "99999", "end": "-1"},
        {"start": "x"},
        {"start": "5", "end": "2"},
        {"start": "1", "q": "%"},
    ):
        assert page.get(address(article), query).status_code == 200


def test_queries_do_not_grow_with_citations(page: Client, article: Article):
    def count() -> int:
        page.get(address(article))  # the first request writes when the session began, and learns new names
        with CaptureQueriesContext(connection) as queries:
            page.get(address(article))
        return len(queries)

    cite(article, "云溪街道", factories.MemberUnitFactory(state="draft", cited=False))
    one = count()
    for text in ("云溪学校", "18家", "12场"):
        cite(article, text, factories.MemberUnitFactory(state="draft", cited=False))

    assert count() == one


def test_an_article_without_its_text_has_no_workbench(page: Client):
    article = factories.ArticleFactory()

    response = page.get(address(article))

    assert response.url == reverse("admin:evidence_article_change", args=[article.pk])


def test_only_staff_who_may_see_articles_may_look(client: Client, article: Article):
    assert client.get(address(article)).status_code == 302
    client.force_login(factories.UserFactory(is_staff=True))
    assert client.get(address(article)).status_code == 403


# Citing and marking ---------------------------------------------------------------------------------------------------


def test_a_citation_gets_its_digest_from_the_text(page: Client, article: Article):
    unit = factories.MemberUnitFactory(name="云溪学校", kind="school")
    data = {"do": "cite", "record": f"member-units/{unit.slug}", "supports": ["name", "kind"], **place("云溪学校")}

    response = page.post(address(article), data)

    citation = unit.citations.get(article=article)
    assert response.url == f"{address(article)}?start={citation.start}&end={citation.end}#at-{citation.start}"
    assert (citation.sha256, citation.supports) == (spans.digest("云溪学校"), ["name", "kind"])


@pytest.mark.parametrize(("notes", "kept"), [("", {}), ("status: 读作已结束", {"status": "读作已结束"})])
def test_what_the_words_do_not_say_is_noted_by_who_reads_it(
    page: Client, article: Article, notes: str, kept: dict[str, str]
):
    alliance = factories.AllianceFactory(name="青溪同心联盟", status="dissolved")
    words = "青溪同心联盟"
    data = {"do": "cite", "record": f"alliances/{alliance.slug}", "supports": ["status"], "read": notes, **place(words)}

    response = page.post(address(article), data)

    assert response.status_code == (302 if kept else 200)
    assert [citation.read for citation in alliance.citations.filter(article=article)] == ([kept] if kept else [])


@pytest.mark.parametrize(
    "change",
    [
        {"end": 99999},
        {"record": "member-units/none"},
        {"record": "citations/x"},
        {"supports": ["slug"]},
        {"supports": []},
    ],
)
def test_a_citation_that_would_lie_is_refused(page: Client, article: Article, change: dict[str, Any]):
    unit = factories.MemberUnitFactory(name="云溪学校")
    data = {"do": "cite", "record": f"member-units/{unit.slug}", "supports": ["name"], **place("云溪学校"), **change}

    response = page.post(address(article), data)

    assert response.status_code == 200
    assert not article.citation_spans.exists()
    assert 'class="error' in response.content.decode()


def test_the_same_citation_twice_is_refused(page: Client, article: Article):
    unit = factories.MemberUnitFactory(name="云溪学校")
    cite(article, "云溪学校", unit)
    data = {"do": "cite", "record": f"member-units/{unit.slug}", "supports": ["name"], **place("云溪学校")}

    response = page.post(address(article), data)

    assert response.status_code == 200
    assert unit.citations.filter(article=article).count() == 1


def test_a_mark_says_why_it_is_no_fact(page: Client, article: Article):
    page.post(address(article), {"do": "mark", "reason": "slogan", "note": "口号", **place("青溪同心")})

    mark = Mark.objects.get(article=article)
    assert (mark.reason, mark.sha256) == ("slogan", spans.digest("青溪同心"))


def test_who_may_only_look_cannot_write(client: Client, article: Article):
    viewer = factories.UserFactory(is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_article"))
    client.force_login(viewer)
    unit = factories.MemberUnitFactory()
    data = {"record": f"member-units/{unit.slug}", "supports": ["name"], "reason": "slogan", **place("18")}

    assert client.get(address(article)).status_code == 200
    assert [client.post(address(article), {**data, "do": verb}).status_code for verb in ("cite", "mark")] == [403, 403]


# New records ----------------------------------------------------------------------------------------------------------


def test_a_new_record_comes_with_name_date_and_citation(page: Client, article: Article):
    offered = page.get(address(article), {**place("青溪同心联盟"), "new": "alliances"})
    values = parse_qs(urlsplit(offered.url).query)

    assert values["name"] == ["青溪同心联盟"]
    assert values["founded_on_wording"] == ["3月5日"]
    assert values["citation_supports"] == ["name,founded_on"]

    form = page.get(offered.url).context["adminform"].form
    citations = page.get(offered.url).context["inline_admin_formsets"][-1].formset
    assert form.initial["name"] == "青溪同心联盟"
    assert citations.forms[0].initial["sha256"] == spans.digest("青溪同心联盟")


def test_saving_the_filled_form_makes_a_draft_with_its_citation(page: Client, article: Article):
    offered = page.get(address(article), {**place("云溪学校"), "new": "member-units"}).url
    shown = page.get(offered)
    data = {"name": "云溪学校", "kind": "school"}
    for formset in (inline.formset for inline in shown.context["inline_admin_formsets"]):
        data |= {f"{formset.prefix}-{name}": value for name, value in formset.management_form.initial.items()}
        for form in formset.initial_forms + formset.extra_forms:
            data |= {form.add_prefix(name): str(value) for name, value in form.initial.items()}

    response = page.post(offered, data)

    assert response.status_code == 302, response.context["errors"]
    citation = Citation.objects.get(article=article)
    assert (citation.record.name, citation.record.state, citation.supports) == ("云溪学校", "draft", ["name"])


@pytest.mark.parametrize("kind", ["streets", "citations", "nothing"])
def test_only_facts_are_made_here(page: Client, article: Article, kind: str):
    assert page.get(address(article), {**place("18"), "new": kind}).status_code == 404


# Publishing -----------------------------------------------------------------------------------------------------------


def test_the_drafts_of_an_article_are_published_from_its_workbench(page: Client, article: Article):
    unit = factories.MemberUnitFactory(name="云溪学校", kind="school", state="draft", cited=False)
    cite(article, "云溪学校", unit, ("name", "kind"))

    page.post(address(article), {"do": "publish", "record": [f"member-units/{unit.slug}"]})

    unit.refresh_from_db()
    assert unit.state == "published"


def test_without_evidence_nothing_is_published(curator: User):
    drafts: list[Any] = [
        factories.MemberUnitFactory(state="draft"),
        factories.MemberUnitFactory(state="draft", cited=False),
    ]

    with pytest.raises(ValidationError, match=drafts[1].name):
        publish(records=drafts, by=curator)

    assert {type(draft).objects.get(pk=draft.pk).state for draft in drafts} == {"draft"}


def test_what_points_at_a_draft_waits_for_it(curator: User, article: Article):
    parent: Any = factories.MemberUnitFactory(name="云溪学校", kind="school", state="draft", cited=False)
    part: Any = factories.MemberUnitFactory(name="青溪同心联盟", state="draft", parent=parent, cited=False)
    words = "青溪同心联盟”,云溪学校"
    cite(article, words, parent, ("name", "kind"))
    cite(article, words, part, ("name", "kind", "parent"))
    Citation.objects.filter(object_id=part.pk, article=article).update(read={"kind": "测试"})

    with pytest.raises(ValidationError, match=parent.name):
        publish(records=[part], by=curator)

    assert publish(records=[part, parent], by=curator) == 2


def test_a_figure_waits_for_its_subject_and_an_event_for_its_projects(curator: User):
    alliance, project = factories.AllianceFactory(state="draft"), factories.ProjectFactory(state="draft")
    figure, event = factories.FigureFactory(state="draft", subject=alliance), factories.EventFactory(state="draft")
    event.projects.add(project)

    pairs: list[tuple[Any, Any]] = [(figure, alliance), (event, project)]
    for record, target in pairs:
        with pytest.raises(ValidationError, match=target.name):
            publish(records=[record], by=curator)


def test_drafts_are_published_from_their_list(page: Client, article: Article):
    unit = factories.MemberUnitFactory(state="draft", name="云溪学校", kind="school", cited=False)
    cite(article, "云溪学校", unit, ("name", "kind"))
    listed = f"{reverse('admin:registry_memberunit_changelist')}?q=云溪学校"
    data = {"action": "publish_selected", "_selected_action": [unit.pk], **carried(page.get(listed).content)}

    page.post(listed, data)

    unit.refresh_from_db()
    assert unit.state == "published"
    assert "publish_selected" not in page.get(reverse("admin:evidence_article_changelist")).content.decode()


# A new article --------------------------------------------------------------------------------------------------------

INTAKE = "/admin/evidence/article/intake/"


def test_an_uploaded_page_becomes_an_article_with_its_text(page: Client):
    captured = f"来源:云溪发布\n\n{BODY}\n\n责任编辑:某某"
    file = SimpleUploadedFile("page.txt", captured.encode("gb18030"))

    form = page.post(INTAKE, {"title": "云溪", "publisher": "云溪发布", "file": file}).context["form"]
    proposed = {name: form[name].value() for name in form.fields}
    response = page.post(INTAKE, {name: value or "" for name, value in proposed.items()})

    article = Article.objects.get(title="云溪")
    assert response.url == address(article)
    assert article.text.body == BODY
    assert article.captured_sha256 == spans.digest(captured)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"pasted": "甲\0乙"},
        {"pasted": "甲", "file": SimpleUploadedFile("page.txt", b"x")},
        {"pasted": "甲乙丙", "title": ""},
        {"pasted": "甲乙丙", "issued_on": "yesterday"},
    ],
)
def test_what_cannot_be_taken_in_is_said(page: Client, given: dict[str, Any]):
    response = page.post(INTAKE, {"title": "云溪", **given})

    assert response.status_code == 200
    assert response.context["form"].errors


@pytest.mark.parametrize("bounds", [(5, 5), (2, 1), (0, 99), (50, 60)])
def test_a_body_that_holds_nothing_is_refused(page: Client, bounds: tuple[int, int]):
    data = {"title": "云溪", "captured": "甲乙丙丁戊己", "body_start": bounds[0], "body_end": bounds[1]}

    assert page.post(INTAKE, data).context["form"].errors
    assert not Article.objects.filter(title="云溪").exists()


def test_the_same_page_is_taken_in_once(page: Client, article: Article):
    data = {"title": "又", "captured": article.text.captured, "body_start": 0, "body_end": 5}

    assert article.title in str(page.post(INTAKE, data).context["form"].errors)
