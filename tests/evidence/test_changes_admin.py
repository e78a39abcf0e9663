"""Curators correct dates of issue and redact names."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from apps.evidence.models import IssueDateCorrection, Redaction
from tests import factories

pytestmark = pytest.mark.django_db

FORMSET = {"TOTAL_FORMS": "0", "INITIAL_FORMS": "0", "MIN_NUM_FORMS": "0", "MAX_NUM_FORMS": "0"}


@pytest.fixture
def curator(client: Client) -> Client:
    client.force_login(factories.UserFactory(is_staff=True, is_superuser=True))
    return client


def save(client: Client, article: Any, **values: str) -> Any:
    """Save the page of an article as the browser would."""
    address = f"/admin/evidence/article/{article.pk}/change/"
    page = client.get(address)
    form = page.context["adminform"].form
    given = {name: form[name].value() or "" for name in form.fields}
    for inline in page.context["inline_admin_formsets"]:
        given |= {f"{inline.formset.prefix}-{name}": value for name, value in FORMSET.items()}
    return client.post(address, given | values)


def errors(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200
    found: dict[str, Any] = answer.context["adminform"].form.errors
    return found


def dated_event(article: Any, wording: str) -> Any:
    event = factories.EventFactory(
        held_on="2013-06-27", held_on_wording=wording, held_on_relative_to="2013-06-27", cited=False, state="draft"
    )
    factories.CitationFactory(article=article, record=event, supports=["held_on"])
    return event


def test_a_new_date_of_issue_moves_dates_and_is_written_down(curator: Client):
    article = factories.ArticleFactory(issued_on="2013-06-27")
    event = dated_event(article, "今天")

    answer = save(curator, article, issued_on="2013-06-28", correction_reason="印错了")

    assert answer.status_code == 302, errors(answer)
    event.refresh_from_db()
    article.refresh_from_db()
    assert (event.held_on, article.issued_on) == ("2013-06-28", "2013-06-28")
    assert IssueDateCorrection.objects.get(article__pk=article.pk).reason == "印错了"
    page = curator.get(f"/admin/evidence/article/{article.pk}/change/").content.decode()
    assert "印错了" in page
    assert f"events/{event.slug} held_on 今天: 2013-06-27 → 2013-06-28" in page


def test_a_new_date_of_issue_needs_a_reason(curator: Client):
    article = factories.ArticleFactory(issued_on="2013-06-27")

    assert set(errors(save(curator, article, issued_on="2013-06-28"))) == {"correction_reason"}


def test_a_wording_that_is_not_known_is_named(curator: Client):
    article = factories.ArticleFactory(issued_on="2013-06-27")
    event = dated_event(article, "端午前后")

    found = errors(save(curator, article, issued_on="2013-06-28", correction_reason="印错了"))

    assert f"events/{event.slug}" in str(found["issued_on"])


def test_other_changes_need_no_reason(curator: Client):
    article = factories.ArticleFactory(issued_on="2013-06-27")

    assert save(curator, article, publisher="测试报").status_code == 302
    article.refresh_from_db()
    assert article.publisher == "测试报"
    assert not IssueDateCorrection.objects.filter(article__pk=article.pk).exists()


def test_a_name_is_removed_after_a_look_at_its_places(curator: Client):
    name = "欧阳测试"
    event = factories.EventFactory(summary=f"{name}、{name}")
    given = {"name": name, "reason": "本人要求"}

    looked = curator.post("/admin/evidence/redaction/add/", given)

    assert "2" in str(errors(looked)["confirmed"])
    event.refresh_from_db()
    assert name in event.summary

    done = curator.post("/admin/evidence/redaction/add/", {**given, "confirmed": "on"})

    assert done.status_code == 302
    event.refresh_from_db()
    assert event.summary == "■■■■、■■■■"
    made = Redaction.objects.get()
    assert made.places == 2
    assert not LogEntry.objects.filter(object_repr__contains=name).exists()
    for address in ("", f"{made.pk}/change/"):
        page = curator.get(f"/admin/evidence/redaction/{address}")
        assert page.status_code == 200
        assert name not in page.content.decode()


@pytest.mark.parametrize("name", ["", "欧", "■■■"])
def test_what_is_no_name_is_refused(curator: Client, name: str):
    answer = curator.post("/admin/evidence/redaction/add/", {"name": name, "reason": "x", "confirmed": "on"})

    assert "name" in errors(answer)


def test_a_redaction_is_neither_changed_nor_deleted(curator: Client):
    curator.post("/admin/evidence/redaction/add/", {"name": "欧阳测试", "reason": "x", "confirmed": "on"})
    made = Redaction.objects.get()

    assert curator.post(f"/admin/evidence/redaction/{made.pk}/change/", {"reason": "y"}).status_code == 403
    assert curator.post(f"/admin/evidence/redaction/{made.pk}/delete/", {"post": "yes"}).status_code == 403
