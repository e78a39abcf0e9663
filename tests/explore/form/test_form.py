"""The claim form: of the articles' joint conference, of a round, in each format, and for whom."""

import csv
import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from apps.projects.models import Claim
from tests import factories
from tests.conftest import problem_of
from tests.parties import ROOT, Town, codes

pytestmark = pytest.mark.django_db
CONFERENCE = f"{ROOT}/alliances/wujiaochang-zhen-lianxihui/form"


@pytest.fixture
def town() -> Town:
    return Town()


def body_of(answer: Any) -> bytes:
    """Return the whole of an answer that may be streamed."""
    assert answer.status_code == 200, answer.content.decode()
    return b"".join(answer) if answer.streaming else bytes(answer.content)


def total(form: Any, about: str, measure: str) -> Any:
    """Return one of a form's totals."""
    return next(each for each in form["totals"] if (each["about"]["key"], each["measure"]) == (about, measure))


def test_the_form_of_the_conference_has_the_articles_totals_beside_what_is_on_record() -> None:
    form = Client().get(CONFERENCE).json()
    assert form["of"]["key"] == "wujiaochang-zhen-lianxihui"
    units = total(form, "wujiaochang-zhen-lianxihui", "units_claiming")
    projects = total(form, "wujiaochang-zhen-lianxihui", "projects_claimed")
    record = Client().get(f"{ROOT}/alliances/wujiaochang-zhen-lianxihui").json()
    assert [each["as_written"] for each in units["reported"]] == [record["reported_unit_count"]["as_written"]]
    assert [each["reading"].split()[0] for each in projects["reported"]] == ["118"]
    assert [each["reading"].split()[0] for each in units["reported"]] == ["48"]
    assert (units["attested"], projects["attested"]) == ([], [])
    assert units["recorded"] == record["recorded_unit_count"] == 6
    assert projects["recorded"] == record["recorded_project_count"]
    claims = [claim["slug"] for row in form["rows"] for claim in row["claims"]]
    assert sorted(claims) == sorted(
        Claim.objects.filter(project__alliance__slug=form["of"]["key"]).values_list("slug", flat=True)
    )
    bodies = [each["about"]["key"] for each in form["totals"] if each["measure"] == "units_claiming"]
    assert len(bodies) >= 1 + 5  # the conference and its sub-conferences
    places = [(row["category"] is None, row["category"] and row["category"]["key"]) for row in form["rows"]]
    assert [each for number, each in enumerate(places) if each not in places[:number]] == list(dict.fromkeys(places))


def test_what_a_party_attests_stands_beside_what_articles_report(town: Town) -> None:
    body: Any = factories.AllianceFactory(street=town.street)
    figure: Any = factories.FigureFactory(
        subject=body,
        measure="units_claiming",
        value=3,
        unit="organisation",
        kind="actual",
        comparator="=",
        cited=False,
        state="draft",
    )
    factories.AttestationFactory(
        record=figure,
        unit=None,
        party_street=town.street,
        kind="roster",
        title="名册",
        supports=["subject", "measure", "comparator", "value", "unit", "kind", "as_written", "name"],
    )
    figure.state = "published"
    figure.save()
    units = total(Client().get(f"{ROOT}/alliances/{body.slug}/form").json(), body.slug, "units_claiming")
    assert units["reported"] == []
    assert [(each["by"]["key"], each["figure"]["key"]) for each in units["attested"]] == [
        (town.street.code, figure.slug)
    ]
    assert units["recorded"] == 0


def test_a_form_shows_what_its_reader_may_see_and_what_nobody_has_claimed(town: Town) -> None:
    found, place = town.open_round(places=3)
    claim = town.claim(0, place).json()
    path = f"rounds/{found['slug']}/form"

    def shown(reader: Any) -> list[list[str]]:
        return [[each["slug"] for each in row["claims"]] for row in reader.get(f"{ROOT}/{path}").json()["rows"]]

    readers = [Client(), town.speakers[1].client, town.speakers[0].client, town.curator.client]
    assert [shown(each) for each in readers] == [[[]], [[]], [[claim["slug"]]], [[claim["slug"]]]]
    assert (
        total(town.curator.get(path).json(), found["slug"], "units_claiming")["recorded"] == 0
    )  # asked for, not given
    town.curator.act(f"claims/{claim['slug']}/accept")
    assert shown(Client()) == [[claim["slug"]]]
    form = Client().get(f"{ROOT}/{path}").json()
    assert form["rows"][0]["places"] == 3
    assert form["rows"][0]["claims"][0]["status_label"] == str(Claim.Status.ACCEPTED.label)
    assert [total(form, found["slug"], name)["recorded"] for name in ("units_claiming", "projects_claimed")] == [1, 1]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_form_as_a_file_goes_back_as_no_change_and_no_status_is_moved_by_one(town: Town, form: str) -> None:
    found, place = town.open_round()
    slugs = [town.claim(number, place).json()["slug"] for number in range(2)]
    town.curator.act(f"claims/{slugs[0]}/accept")
    sent = body_of(town.curator.get(f"rounds/{found['slug']}/form?format={form}"))

    def back(content: bytes) -> Any:
        file = SimpleUploadedFile(f"form.{form}", content)
        return town.curator.client.post(f"{ROOT}/claims/import?change_reason=test", {"file": file})

    answer = back(sent)
    assert answer.status_code == 200, answer.content.decode()
    assert [answer.json()[name] for name in ("created", "changed", "unchanged")] == [0, 0, 2]
    if form == "xlsx":
        book = load_workbook(io.BytesIO(sent))
        sheet = book.worksheets[0]
        heading = [str(cell.value) for cell in sheet[1]]
        column = next(place for place, name in enumerate(heading, 1) if name.endswith("(status)"))
        for row in range(2, sheet.max_row + 1):
            sheet.cell(row, column).value = "completed"
        file = io.BytesIO()
        book.save(file)
        changed = file.getvalue()
    else:
        rows = list(csv.reader(io.StringIO(sent.decode("utf-8-sig"))))
        assert sorted(
            row[rows[0].index(next(each for each in rows[0] if "(slug)" in each))] for row in rows[1:]
        ) == sorted(slugs)
        column = next(place for place, name in enumerate(rows[0]) if name.endswith("(status)"))
        text = io.StringIO()
        csv.writer(text).writerows([rows[0], *([*row[:column], "completed", *row[column + 1 :]] for row in rows[1:])])
        changed = text.getvalue().encode()
    refused = back(changed)
    assert set(codes(refused)) == {"by_action"}
    assert sorted(Claim.objects.filter(slug__in=slugs).values_list("status", flat=True)) == ["accepted", "requested"]


def test_the_page_is_chinese_first_and_english_on_request(town: Town) -> None:
    found, place = town.open_round()
    claim = town.claim(0, place).json()
    town.curator.act(f"claims/{claim['slug']}/accept")
    address = f"{ROOT}/rounds/{found['slug']}/form?format=html"
    page = Client().get(address)
    assert page["Content-Type"] == "text/html; charset=utf-8"
    assert "认领表" in page.content.decode()
    assert str(town.units[0]) in page.content.decode()
    english = Client().get(address, headers={"Accept-Language": "en"}).content.decode()
    assert "Claim form" in english
    assert "认领表" not in english
    browser = Client().get(address.partition("?")[0], headers={"Accept": "text/html,*/*;q=0.8"})
    assert browser["Content-Type"] == "text/html; charset=utf-8"


def test_wrong_forms_are_refused() -> None:
    assert Client().get(f"{ROOT}/rounds/nicht/form").status_code == 404
    assert Client().get(f"{ROOT}/rounds/%00/form").status_code == 400
    for query in ("format=pdf", "page_size=2", "format=csv&format=xlsx"):
        assert problem_of(Client().get(f"{CONFERENCE}?{query}"))["status"] == 400
    assert Client().get(f"{CONFERENCE}?format=ndjson").status_code == 406
    assert Client().get(CONFERENCE, headers={"Accept": "image/png"}).status_code == 406


def test_a_form_costs_as_many_statements_however_long_it_is(town: Town) -> None:
    found, place = town.open_round()
    path = f"rounds/{found['slug']}/form"
    slugs = [town.claim(0, place).json()["slug"]]
    town.curator.get(path)
    with CaptureQueriesContext(connection) as few:
        town.curator.get(path)
    slugs.append(town.claim(1, place).json()["slug"])
    for slug in slugs:
        town.curator.act(f"claims/{slug}/accept")
    with CaptureQueriesContext(connection) as many:
        assert len(town.curator.get(path).json()["rows"][0]["claims"]) == 2
    assert len(many) == len(few)
