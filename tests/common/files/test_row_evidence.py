"""Evidence in files: in columns of a row, and on one paper for all rows; held to what bodies are held to."""

import io
from typing import Any
from urllib.parse import urlencode

import openpyxl
import pytest
from django.test import override_settings

from apps.accounts.authentication import user_again
from apps.common.files.row_evidence import PAPER, evidence_columns
from apps.common.models.import_jobs import ImportJob
from apps.common.models.logged_change import LoggedChange
from apps.common.openapi.write_schema import PAPER_PARAMETERS
from apps.common.resources.import_runner import run_waiting
from apps.common.resources.registry import viewset_of
from apps.evidence.models import Attestation, Citation
from apps.registry.models import Membership, MemberUnit, Street
from tests.factories import (
    AllianceFactory,
    AppointmentFactory,
    MemberUnitFactory,
    NeighbourhoodFactory,
    StreetFactory,
    UserFactory,
)
from tests.saying import article_with
from tests.writing import Keeper

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def street(db: None) -> Any:
    return StreetFactory()


@pytest.fixture
def keeper(street: Street) -> Keeper:
    """The curator of the street."""
    return Keeper(AppointmentFactory(role="curator", street=street).user)


def paper(speaker: Any, **values: str) -> dict[str, str]:
    """Return the parameters of a roster for all rows."""
    given = {
        "party": f"{speaker.resource}/{speaker.key}",
        "kind": "roster",
        "title": "驻区单位名册",
        "reference": "2026-17",
        "stated_on": "2026-05",
        **values,
    }
    return {f"attestation.{name}": value for name, value in given.items() if value}


def roster(street: Street, count: int) -> str:
    """Return a file of published units."""
    rows = "".join(f"名册单位{number},company,{street.code},published\n" for number in range(count))
    return f"name,kind,street,state\n{rows}"


def send(
    keeper: Keeper, content: bytes | str, query: dict[str, str] | None = None, resource: str = "member-units"
) -> Any:
    """Return the answer to an import."""
    data = content.encode() if isinstance(content, str) else content
    path = f"/api/v1/{resource}/import?{urlencode({'change_reason': 'test', **(query or {})})}"
    return keeper.client.post(path, data, content_type="text/csv" if isinstance(content, str) else XLSX)


def workbook(content: str) -> bytes:
    """Return the rows of a CSV file as a workbook."""
    book = openpyxl.Workbook()
    for line in content.splitlines():
        book.active.append(line.split(","))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def refused(response: Any) -> dict[str, str]:
    """Return what was wrong, by pointer, of an answer after which nothing is written."""
    assert response.status_code in (400, 403, 409), response.content.decode()
    assert not MemberUnit.objects.filter(name__startswith="名册单位").exists()
    assert not Attestation.objects.filter(title="驻区单位名册").exists()
    return {each["pointer"]: each["code"] for each in response.json()["errors"]}


# A paper for all rows -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("who", ["curator", "steward"])
def test_a_roster_of_30_units_is_published_with_one_attestation_each(
    street: Street, keeper: Keeper, form: str, who: str
) -> None:
    """Done when 4."""
    if who == "steward":
        keeper = Keeper(UserFactory(is_superuser=True))
    content = roster(street, 30)
    sent = content if form == "csv" else workbook(content)
    tried = send(keeper, sent, {**paper(street), "dry_run": "true"}).json()
    assert (tried["created"], tried["attestations"]) == (30, 30)
    assert not MemberUnit.objects.filter(name__startswith="名册单位").exists()

    done = send(keeper, sent, paper(street)).json()
    assert (done["created"], done["attestations"]) == (30, 30)
    units = MemberUnit.objects.filter(name__startswith="名册单位").order_by("pk")
    assert {unit.state for unit in units} == {"published"}
    rows = [unit.attestations.get() for unit in units]
    assert [row.locator for row in rows] == [f"row {number}" for number in range(2, 32)]
    for unit, row in zip(units, rows, strict=True):
        assert (row.kind, row.party, row.title, row.reference) == ("roster", street, "驻区单位名册", "2026-17")
        assert (row.stated_on, str(row.stated_on_earliest)) == ("2026-05", "2026-05-01")
        assert row.supports == ["kind", "name", "street"]
        assert row.says == {"kind": "company", "name": unit.name, "street": street.pk}
    said = keeper.get(f"member-units/{units[0].slug}/statements")["statements"]
    assert {(each["field"], each["kind"]) for each in said} == {(name, "roster") for name in ("kind", "name", "street")}


def test_a_file_that_is_sent_again_says_nothing_new(street: Street, keeper: Keeper) -> None:
    key = {"Idempotency-Key": "once"}
    path = f"/api/v1/member-units/import?{urlencode({'change_reason': 'test', **paper(street)})}"
    answers = [keeper.client.post(path, roster(street, 3), content_type="text/csv", headers=key) for _one in range(2)]
    assert answers[0].json() == answers[1].json()
    assert Attestation.objects.filter(title="驻区单位名册").count() == 3
    other = keeper.client.post(
        path.replace("2026-17", "2026-18"), roster(street, 3), content_type="text/csv", headers=key
    )
    assert other.json()["code"] == "key_reused"

    exported = keeper.client.get(f"/api/v1/member-units?street={street.code}&format=csv&fields=slug,name,kind,street")
    logged = LoggedChange.objects.count()
    done = send(keeper, b"".join(exported.streaming_content).decode(), paper(street)).json()
    assert (done["created"], done["changed"], done["unchanged"], done["attestations"]) == (0, 0, 3, 0)
    assert LoggedChange.objects.count() == logged


def test_a_row_that_changes_a_record_attests_to_what_it_changes(street: Street, keeper: Keeper) -> None:
    changed, same = (MemberUnitFactory(street=street, kind="company") for _one in range(2))
    draft = MemberUnitFactory(street=street, state="draft", cited=False)
    rows = f"{changed.slug},school,published\n{same.slug},company,published\n{draft.slug},company,published\n"
    done = send(keeper, f"slug,kind,state\n{rows}", paper(street)).json()
    assert (done["changed"], done["unchanged"], done["attestations"]) == (2, 1, 2)


WRONG: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "no party": ({"party": ""}, {"/attestation.party": "required"}),
    "no such party": ({"party": "streets/0"}, {"/attestation.party": "unknown_key"}),
    "a party of another kind": ({"party": "projects/x"}, {"/attestation.party": "unknown_key"}),
    "an act": ({"kind": "act"}, {"/attestation.kind": "invalid"}),
    "an unknown kind": ({"kind": "rooster"}, {"/attestation.kind": "invalid_choice"}),
    "no kind": ({"kind": ""}, {"/attestation.kind": "required"}),
    "no title": ({"title": ""}, {"/attestation.title": "invalid"}),
    "a wrong date": ({"stated_on": "2026-13"}, {"/attestation.stated_on": "edtf"}),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_paper_is_refused_once(street: Street, keeper: Keeper, case: str) -> None:
    values, expected = WRONG[case]
    errors = refused(send(keeper, roster(street, 3), paper(street, **values)))
    assert errors == expected


def test_a_party_that_is_not_competent_is_refused_at_each_row(street: Street, keeper: Keeper) -> None:
    steward = Keeper(UserFactory(is_superuser=True))
    content = roster(street, 2)
    wrong = dict.fromkeys(["/rows/2/attestation.supports", "/rows/3/attestation.supports"], "not_competent")
    assert refused(send(steward, content, paper(StreetFactory()))) == wrong
    assert refused(send(steward, content, paper(NeighbourhoodFactory(street=street)))) == wrong
    assert refused(send(steward, content, paper(AllianceFactory(street=street)))) == wrong
    # What a unit is in the registry's words no street says.
    summed = content.replace("state\n", "state,summary\n").replace("published\n", "published,简介\n")
    answer = send(steward, summed, paper(street))
    assert refused(answer) == wrong
    assert "summary" in answer.json()["errors"][0]["detail"]
    # The district above the street may say it.
    assert send(steward, content, paper(street.district)).json()["attestations"] == 2


def test_rights_are_those_of_bodies(street: Street) -> None:
    unit = MemberUnitFactory(street=street)
    representative = Keeper(AppointmentFactory(role="representative", unit=unit).user)
    content = f"name,kind,parent,state\n名册单位,company,{unit.slug},published\n"
    assert refused(send(representative, content, paper(unit))) == {"/rows/2/state": "may_not_publish"}
    foreign = Keeper(AppointmentFactory(role="curator", street=StreetFactory()).user)
    assert refused(send(foreign, roster(street, 1), paper(street))) == {"/rows/2": "foreign"}


def test_a_long_file_with_a_roster_is_imported_behind_the_answer(street: Street, keeper: Keeper) -> None:
    with override_settings(IMPORT_ROWS_AT_ONCE=3):
        wrong = send(keeper, roster(street, 4), paper(street, kind="act"))
        assert wrong.status_code == 400
        accepted = send(keeper, roster(street, 4), paper(street))
        assert accepted.status_code == 202, accepted.content.decode()
        run_waiting(user_again)
        body = keeper.client.get(accepted.headers["Location"]).json()
        assert (body["state"], body["result"]["attestations"]) == ("done", 4), body
        assert Attestation.objects.filter(title="驻区单位名册", party_street=street).count() == 4
        # Where the paper holds no longer, the job is refused.
        send(keeper, roster(street, 4).replace("名册", "另一"), paper(street))
        ImportJob.objects.filter(state="waiting").update(paper=paper(street, party="streets/0"))
        run_waiting(user_again)
        problem = ImportJob.objects.latest("pk").problem
        assert problem is not None
        assert [each["pointer"] for each in problem["errors"]] == ["/attestation.party"]


def test_records_without_evidence_have_no_paper(keeper: Keeper, street: Street) -> None:
    answer = send(keeper, "article,start\nx,1\n", paper(street), "marks")
    assert answer.json()["code"] == "unknown_parameter"
    columns = send(keeper, "article,attestation.kind\nx,roster\n", resource="marks")
    assert refused(columns) == {"/columns/attestation.kind": "unknown_field"}


def test_the_document_tells_of_every_parameter() -> None:
    assert tuple(parameter.name for parameter in PAPER_PARAMETERS) == PAPER
    known = evidence_columns(viewset_of(MemberUnit).contract())
    assert {*PAPER} < known.keys()


# Columns --------------------------------------------------------------------------------------------------------------

OWN = "attestation.party,attestation.kind,attestation.title,attestation.stated_on,attestation.supports"


def own(street: Street, supports: str = "", **values: str) -> str:
    """Return a file with one new unit that brings its own attestation."""
    given = {
        "party": f"streets/{street.code}",
        "kind": "letter",
        "title": "驻区单位名册",
        "stated_on": "2026",
        **values,
    }
    cells = ",".join(given[name] for name in ("party", "kind", "title", "stated_on"))
    return f"name,kind,street,state,{OWN}\n名册单位,company,{street.code},published,{cells},{supports}\n"


def test_a_row_brings_its_own_attestation(street: Street, keeper: Keeper) -> None:
    done = send(keeper, own(street)).json()
    assert done.get("attestations") == 1, done
    unit = MemberUnit.objects.get(name="名册单位")
    row = unit.attestations.get()
    assert (row.kind, row.locator, row.supports) == ("letter", "row 2", ["kind", "name", "street"])
    row.full_clean()
    named = own(street, "name;street;kind", title="'=1+1").replace("名册单位", "另一单位")
    assert send(keeper, named).json().get("attestations") == 1
    assert MemberUnit.objects.get(name="另一单位").attestations.get().title == "=1+1"


def test_what_a_row_says_itself_goes_before_the_paper_for_all(street: Street, keeper: Keeper) -> None:
    content = "name,kind,street,state,attestation.locator,attestation.kind\n"
    content += f"名册单位,company,{street.code},published,第 7 页,letter\n"
    content += f"名册单位乙,company,{street.code},published,,\n"
    assert send(keeper, content, paper(street)).json()["attestations"] == 2
    found = Attestation.objects.filter(title="驻区单位名册").order_by("pk").values_list("locator", "kind")
    assert [*found] == [("第 7 页", "letter"), ("row 3", "roster")]


OWN_WRONG: dict[str, tuple[dict[str, str], str, dict[str, str]]] = {
    "an unknown party": ({"party": "streets/0"}, "", {"/rows/2/attestation.party": "unknown_key"}),
    "no party": ({"party": ""}, "", {"/rows/2/attestation.party": "required"}),
    "an act": ({"kind": "act"}, "", {"/rows/2/attestation.kind": ""}),
    "an unknown kind": ({"kind": "rooster"}, "", {"/rows/2/attestation.kind": "invalid_choice"}),
    "no title": ({"title": ""}, "", {"/rows/2": "invalid"}),
    "an empty field": ({}, "name;kind;street;parent", {"/rows/2/attestation.supports": "no_value"}),
    "no field": ({}, "name;kind;street;colour", {"/rows/2/attestation.supports": ""}),
    "too few fields": ({}, "name;kind", {"/rows/2/street": "no_evidence"}),
}


@pytest.mark.parametrize("case", OWN_WRONG)
def test_a_wrong_attestation_is_refused_at_row_and_column(street: Street, case: str) -> None:
    values, supports, expected = OWN_WRONG[case]
    steward = Keeper(UserFactory(is_superuser=True))  # who speaks for nobody
    errors = refused(send(steward, own(street, supports, **values)))
    assert errors.keys() == expected.keys()
    assert {code or errors[place] for place, code in expected.items()} == {*errors.values()}


def cited(street: Street, words: str, **values: object) -> str:
    """Return a file with one new unit that cites words of a new article, and what its cells say of them."""
    article = article_with(words)
    given = {"article": article.key, "start": 0, "end": len(words), "quotation": words, "supports": "name", **values}
    names = ",".join(f"citation.{name}" for name in given)
    cells = ",".join(map(str, given.values()))
    return f"name,kind,street,state,{names}\n名册单位,company,{street.code},published,{cells}\n"


def test_a_row_brings_its_own_citation_and_the_paper_supports_the_rest(street: Street, keeper: Keeper) -> None:
    content = cited(street, "名册单位到会。")
    steward = Keeper(UserFactory(is_superuser=True))
    assert refused(send(steward, content)) == dict.fromkeys(["/rows/2/kind", "/rows/2/street"], "no_evidence")
    content = cited(street, "名册单位也到会。")
    done = send(keeper, content, paper(street)).json()
    assert done.get("attestations") == 1, done
    unit = MemberUnit.objects.get(name="名册单位")
    citation = unit.citations.get()
    assert (citation.supports, citation.levels, citation.says) == (["name"], {"name": "literal"}, {"name": "名册单位"})
    assert unit.attestations.get().supports == ["kind", "street"]
    changed = cited(street, "名册学校到会。", supports="name;kind", end=7).splitlines()
    row = changed[1].replace("名册单位,company", "名册学校,school").replace("published", f"published,{unit.slug}")
    done = send(keeper, f"{changed[0].replace('state', 'state,slug')}\n{row}\n").json()
    assert done.get("changed") == 1, done
    assert {*done["changes"][0]["fields"]} == {"citations", "kind", "name"}


CITED_WRONG: dict[str, tuple[str, dict[str, object], dict[str, str]]] = {
    "says something else": ("别的单位到会。", {}, {"/rows/2/citation.supports": "says_otherwise"}),
    "an empty field": ("名册单位到会。", {"supports": "name;parent"}, {"/rows/2/citation.supports": "no_value"}),
    "outside the body": ("名册单位到会。", {"end": 99, "quotation": "x" * 99}, {"/rows/2/citation.end": ""}),
    "another digest": ("名册单位到会。", {"quotation": "名册单位到齐。"}, {"/rows/2/citation.sha256": ""}),
    "no number": ("名册单位到会。", {"start": "x"}, {"/rows/2/citation.start": "not_an_integer"}),
    "no article": ("名册单位到会。", {"article": "none"}, {"/rows/2/citation.article": "unknown_key"}),
    "no support": ("名册单位到会。", {"supports": ""}, {"/rows/2/citation.supports": "required"}),
    "an unknown column": ("名册单位到会。", {"colour": "x"}, {"/columns/citation.colour": "unknown_field"}),
}


@pytest.mark.parametrize("case", CITED_WRONG)
def test_a_wrong_citation_is_refused_at_row_and_column(street: Street, keeper: Keeper, case: str) -> None:
    words, values, expected = CITED_WRONG[case]
    errors = refused(send(keeper, cited(street, words, **values), paper(street)))
    assert errors.keys() == expected.keys()
    assert {code or errors[place] for place, code in expected.items()} == {*errors.values()}
    assert not Citation.objects.filter(object_id__in=MemberUnit.objects.filter(name="名册单位")).exists()


def test_lists_and_parties_are_attested_too(street: Street, keeper: Keeper) -> None:
    alliance = AllianceFactory(street=street)
    units = [MemberUnitFactory(street=street) for _one in range(2)]
    rows = "".join(f"{alliance.slug},{unit.slug},member,published\n" for unit in units)
    done = send(keeper, f"alliance,unit,role,state\n{rows}", paper(alliance), "memberships").json()
    assert done.get("attestations") == 2, done
    assert Membership.objects.filter(alliance=alliance, state="published").count() == 2


# Registers ------------------------------------------------------------------------------------------------------------


def test_what_a_register_says_is_for_curators(street: Street, keeper: Keeper) -> None:
    unit = MemberUnitFactory(street=street, state="draft", cited=False)
    representative = Keeper(AppointmentFactory(role="representative", unit=unit).user)
    item = {"party": f"member-units/{unit.slug}", "kind": "register", "title": "登记", "supports": ["name"]}
    body = {"attestations": [item]}
    tag = {"If-Match": keeper.tag(f"member-units/{unit.slug}")}
    wrong = {"/attestations/0/kind": "may_not_publish"}
    assert representative.refused("PATCH", f"member-units/{unit.slug}", body, 400, **tag) == wrong
    alone = {**item, "record": f"member-units/{unit.slug}"}
    assert representative.refused("POST", "attestations", alone, 403) == {"/kind": "may_not_publish"}
    content = f"slug,kind\n{unit.slug},school\n"
    assert refused(send(representative, content, paper(unit, kind="register"))) == {
        "/attestation.kind": "may_not_publish"
    }
    assert send(representative, content, paper(unit, kind="letter")).json()["attestations"] == 1
    assert keeper.write("PATCH", f"member-units/{unit.slug}", body)["attestations"][-1]["kind"] == "register"
    content = f"slug,kind\n{unit.slug},company\n"
    assert send(keeper, content, paper(unit, kind="register")).json()["attestations"] == 1
