"""A name that is removed is gone everywhere, and does not come back."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.db.models import Model
from django.utils import timezone
from psycopg import sql

from apps.common.models import KeptAnswer, KeptFile, LoggedChange
from apps.common.models.records import Citable
from apps.events.models import Participation
from apps.evidence import spans
from apps.evidence.actions import TextError, attach_text, redact_person, take_in
from apps.evidence.fixtures import loading
from apps.evidence.models import Article, ArticleText, RedactedDigest, Redaction
from apps.evidence.redaction.digests import RedactionKeys, Redactor, conceal
from apps.evidence.redaction.places import places_of, redacted, text_fields
from apps.webhooks.actions import subscribe
from tests import factories

pytestmark = pytest.mark.django_db

NAME = "欧阳测试"
BAR = "■■■■"
ARTICLES = Path(__file__).parents[4] / "shared" / "articles"
PAGE = f"页眉 作者{NAME}\n新村街道党工委书记{NAME}主持会议。{NAME}说，三家单位签约。\n页脚"


def redact(name: str = NAME, reason: str = "本人要求") -> Redaction:
    return redact_person(name=name, by=factories.UserFactory(), reason=reason)


def article(page: str = PAGE) -> Any:
    body_start, body_end = page.index("新村"), page.index("\n页脚")
    return factories.ArticleFactory(
        captured_sha256=spans.digest(page),
        body_start=body_start,
        body_end=body_end,
        body_sha256=spans.digest(page[body_start:body_end]),
    )


def cite(source: Any, words: str, **options: Any) -> Any:
    body = PAGE[source.body_start : source.body_end]
    start, end = spans.find(body, words)
    if "record" not in options:  # a text in the registry's own words, which rests on any
        options |= {"record": factories.AllianceFactory(summary="签约"), "supports": ["summary"]}
    return factories.CitationFactory(article=source, start=start, end=end, sha256=spans.digest(words), **options)


def person(**options: Any) -> Any:
    return factories.ParticipationFactory(
        representative_name=NAME, representative_office="新村街道党工委书记", **options
    )


def database_holds(text: str) -> list[str]:
    """The tables in which a text stands, whatever their models are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        found = []
        for (table,) in cursor.fetchall():
            rows = sql.SQL("SELECT FROM {} AS t WHERE strpos(t::text, %s) > 0 LIMIT 1").format(sql.Identifier(table))
            cursor.execute(rows, [text])
            if cursor.rowcount:
                found.append(table)
    return found


def test_the_name_is_gone_from_the_database():
    source = article()
    whole = cite(source, f"书记{NAME}主持会议", record=person(contribution=f"{NAME}作报告"), supports=["contribution"])
    other = cite(source, "三家单位签约")
    mark = factories.MarkFactory(
        article=source, start=0, end=2, sha256=spans.digest("新村"), note=f"{NAME}的说法", reason="private"
    )
    attach_text(article=source, captured=PAGE)
    source.byline = NAME
    source.save()
    event: Any = factories.EventFactory(name=f"{NAME}工作室揭牌", summary=f"{NAME}、{NAME}")
    LogEntry.objects.create(
        user_id=factories.UserFactory().pk,
        action_flag=CHANGE,
        object_repr=f"{NAME} – 会议",
        change_message=json.dumps([{"changed": {"object": NAME}}]),
    )

    made = redact(reason=f"{NAME}本人要求")

    assert database_holds(NAME) == []
    assert database_holds(json.dumps(NAME)[1:-1].replace("\\", "\\\\")) == []  # a row as text doubles each \\
    assert places_of(NAME) == []
    assert made.places == 12
    assert made.reason == f"{BAR}本人要求"
    assert str(made) == BAR
    participation: Any = Participation.objects.get(pk=whole.object_id)
    assert participation.representative_name == BAR
    assert participation.contribution == f"{BAR}作报告"
    event.refresh_from_db()
    assert event.name == f"{BAR}工作室揭牌"
    assert event.summary == f"{BAR}、{BAR}"
    assert "ouyang" not in event.name_pinyin + event.search_text
    for row in (source, whole, other, mark):
        row.refresh_from_db()
    text = ArticleText.objects.get(article=source)
    assert text.captured == PAGE.replace(NAME, BAR)
    assert source.captured_sha256 == spans.digest(text.captured)
    assert source.body_sha256 == spans.digest(text.body)
    assert whole.sha256 == spans.digest(f"书记{BAR}主持会议")
    assert other.sha256 == spans.digest("三家单位签约")
    for row in (whole, other, mark, participation):
        row.full_clean()
    connection.check_constraints()


LISTS = ("auth", "contenttypes")


def label_of(model: type[Model]) -> str:
    return model._meta.app_label


def test_the_name_is_gone_from_every_table_that_keeps_a_text():
    """Kept answers and files, subscriptions, tokens, failed log-ins: wherever a model has room for words."""
    escaped = json.dumps(NAME)[1:-1]
    kept = KeptAnswer.objects.create(
        user_id=1,
        key="k",
        digest="0" * 64,
        status=201,
        headers={"Location": NAME},
        made_at=timezone.now(),
        body=f'{{"name": "{NAME}", "again": "{escaped}"}}',
    )
    KeptFile.objects.create(
        user_id=1,
        resource="events",
        name="f.csv",
        media_type="text/csv",
        content=NAME.encode(),
        digest="0" * 64,
        made_at=timezone.now(),
    )
    token: Any = factories.TokenFactory()
    subscribe(by=token.user, resource="alliances", filters={"q": f"{NAME} 联盟"}, endpoint="https://example.com/")
    planted = []
    for model in apps.get_models():
        row = model._base_manager.first()
        if (
            row is None
            or issubclass(model, Citable | LoggedChange | ArticleText | KeptAnswer)
            or label_of(model) in LISTS
        ):
            continue
        for field in text_fields(model):
            if field != "digest" and model._meta.get_field(field).max_length in (None, *range(40, 10_000)):
                model._base_manager.filter(pk=row.pk).update(**{field: f"之前{NAME}之后"})
                planted.append(f"{model._meta.label}.{field}")
    assert {"accounts.Token.name", "webhooks.Subscription.description", "common.KeptFile.name"} <= {*planted}

    redact()

    assert database_holds(NAME) == []
    assert database_holds(escaped.replace("\\", "\\\\")) == []
    assert database_holds(NAME.encode().hex()) == []
    kept.refresh_from_db()
    assert json.loads(kept.body) == {"name": BAR, "again": BAR}
    assert kept.headers == {"Location": BAR}


def test_the_original_page_is_stored_without_the_name():
    source = article()
    cite(source, f"书记{NAME}主持会议")
    redact()

    text = attach_text(article=source, captured=PAGE)

    assert text.captured == PAGE.replace(NAME, BAR)
    source.refresh_from_db()
    assert source.captured_sha256 == spans.digest(text.captured)
    assert attach_text(article=source, captured=PAGE).captured == text.captured
    assert attach_text(article=source, captured=text.captured).captured == text.captured
    with pytest.raises(TextError):
        attach_text(article=source, captured=PAGE + "。")


def test_a_new_page_comes_in_without_the_name():
    redact()

    made = take_in(captured=PAGE, body_start=3, body_end=len(PAGE), title="新村")

    assert NAME not in made.text.captured
    assert made.captured_sha256 == spans.digest(PAGE.replace(NAME, BAR))


def test_what_is_left_does_not_give_the_name_away():
    source = article()
    cite(source, f"书记{NAME}主持会议")
    attach_text(article=source, captured=PAGE)
    made = redact()

    secrets = [NAME, spans.digest(NAME), spans.digest(PAGE), spans.digest(f"书记{NAME}主持会议")]
    stored = [*RedactedDigest.objects.values_list("original", flat=True), made.digest]
    assert not set(secrets) & set(stored)
    assert [table for secret in secrets for table in database_holds(secret)] == []


def fixture(source: Any, span: tuple[int, int, str]) -> dict[str, Any]:
    start, end, words = span
    return {
        "article": {
            "slug": source.slug,
            "title": source.title,
            "byline": NAME,
            "captured_file": source.captured_file,
            "captured_sha256": spans.digest(PAGE),
            "body_start": str(source.body_start),
            "body_end": str(source.body_end),
            "body_sha256": spans.digest(PAGE[source.body_start : source.body_end]),
        },
        "events": [
            {
                "slug": "redaction-test",
                "name": f"{NAME}主持会议",
                "kind": "conference",
                "status": "held",
                "cite": [
                    {
                        "at": [start, end],
                        "sha256": spans.digest(words),
                        "fields": ["name", "kind", "status"],
                        "read": {"kind": "会议", "status": "会议"},
                    },
                ],
            }
        ],
    }


def test_a_fixture_that_is_loaded_again_does_not_bring_it_back():
    source = article()
    body = PAGE[source.body_start : source.body_end]
    words = f"{NAME}主持会议"
    files = {"test.yaml": fixture(source, (*spans.find(body, words), words))}
    loading.load(files, ["test.yaml"])
    attach_text(article=Article.objects.get(pk=source.pk), captured=PAGE)
    redact()
    redact("主持会议")
    before = Article.objects.values().get(pk=source.pk)

    loading.load(files, ["test.yaml"])

    assert database_holds(NAME) == []
    after = Article.objects.values().get(pk=source.pk)
    assert {name: after[name] for name in ("byline", "captured_sha256", "body_sha256")} == {
        name: before[name] for name in ("byline", "captured_sha256", "body_sha256")
    }
    assert source.citation_spans.get().sha256 == spans.digest("■" * 8)
    connection.check_constraints()


def test_two_people_of_one_unit_stay_two():
    one = person()
    other = factories.ParticipationFactory(
        event=one.event, unit=one.unit, representative_name="司马测试", representative_office="副书记"
    )

    redact()
    redact("司马测试")

    names = {Participation.objects.get(pk=row.pk).representative_name for row in (one, other)}
    assert names == {BAR, BAR + "■"}


def test_a_redacted_name_is_found_in_any_text_with_the_keys_before_too():
    old, new = RedactionKeys(["old secret"]), RedactionKeys(["new secret", "old secret"])
    blacken = Redactor(new, [(4, old.digest(NAME)), (2, new.digest("张三"))])

    assert blacken(f"{NAME}和张三、张 三") == f"{BAR}和■■、张 三"
    assert redacted(NAME) == NAME


def test_overlapping_names_are_blackened_alike():
    key = RedactionKeys(["secret"])

    assert conceal("张张张张", "张张") == "■■■■" == Redactor(key, [(2, key.digest("张张"))])("张张张张")


def test_a_name_of_the_articles_goes_and_stays_away(article_texts: list[Article]):
    names = ["刘建军", "马西恒"]
    for name in names:
        assert redact(name).places >= 2

    call_command("load_fixtures", "--force", stdout=StringIO())
    for source in article_texts:
        source.refresh_from_db()
        attach_text(article=source, captured=(ARTICLES / source.captured_file).read_text(encoding="utf-8"))

    assert [table for name in names for table in database_holds(name)] == []
    connection.check_constraints()


@pytest.mark.parametrize(("name", "reason"), [("欧", "x"), ("", "x"), ("■■", "x"), ("欧" * 61, "x"), (NAME, " ")])
def test_a_whole_name_and_a_reason_are_given(name: str, reason: str):
    with pytest.raises(ValidationError):
        redact(name, reason)
