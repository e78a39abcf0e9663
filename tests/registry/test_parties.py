"""Parties over HTTP: units, bodies and divisions, whichever of five references names them, read, written and asked for.

Each test runs for all five kinds of party. Figures have the same five under other names, for who reports them.
"""

import json
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NamedTuple

import pytest
from django.db import connection
from django.test import Client

from apps.common.models.records import Citable
from apps.events.models import Participation
from apps.evidence.models import Figure
from apps.identity.merging import merge
from apps.projects.models import ProjectPartner
from apps.registry.models import PARTY_KEYS
from tests.common.admin.test_records import address, change_address, errors, filled_in
from tests.conftest import Api
from tests.factories import (
    AllianceFactory,
    AppointmentFactory,
    ArticleFactory,
    CitationFactory,
    DistrictFactory,
    EventFactory,
    FigureFactory,
    MemberUnitFactory,
    NeighbourhoodFactory,
    ParticipationFactory,
    ProjectFactory,
    ProjectPartnerFactory,
    StreetFactory,
    UserFactory,
    rest,
)
from tests.full import pairs
from tests.writing import Keeper

pytestmark = pytest.mark.django_db

FACTORIES: tuple[Any, ...] = (
    MemberUnitFactory,
    AllianceFactory,
    DistrictFactory,
    StreetFactory,
    NeighbourhoodFactory,
)
KINDS = tuple(range(5))
DIVISIONS = (2, 3, 4)
# What a text may say of a party that is none.
WRONG: dict[str, tuple[Any, str, str]] = {
    "another resource": ("projects/jiankang-zhitongche", "unknown_key", "neighbourhoods"),
    "no resource": ("street/310110101", "unknown_key", "streets"),
    "no such key": ("streets/000000000", "unknown_key", "streets/000000000"),
    "a name": ("member-units/长海医院", "unknown_key", "changhai-yiyuan"),
    "no slash": ("310110101", "unknown_key", ""),
    "no key": ("streets/", "unknown_key", ""),
    "a number": (310110101, "not_a_key", ""),
    "a list": (["streets/310110101"], "not_a_key", ""),
    "empty": ("", "not_a_key", ""),
    "half an object": ({"key": "310110101"}, "not_a_key", ""),
    "an object of objects": ({"resource": {}, "key": []}, "not_a_key", ""),
    "NUL": ("streets/31011\0", "invalid_text", ""),
    "half a surrogate pair": ("streets/\ud800", "invalid_text", ""),
    "a truth": (False, "not_a_key", ""),
}


class Case(NamedTuple):
    """A model with parties: its factory, the member that shows them, their references, and what a row hangs on."""

    model: type[Citable]
    make: Callable[..., Any]
    member: str
    keys: tuple[str, ...]
    whole: str

    @property
    def resource(self) -> str:
        return self.model.resource

    def row(self, party: Any = None, **values: Any) -> Any:
        """Return a row that has this party, or none."""
        own: dict[str, Any] = {"subject": AllianceFactory()} if self.model is Figure else {"as_written": "某街道"}
        own |= dict.fromkeys(self.keys) | ({self.key_of(party): party} if party else {})
        return self.make(**{**own, **values})

    def key_of(self, party: Any) -> str:
        """Return the reference that points at a party."""
        fields: list[Any] = [self.model._meta.get_field(key) for key in self.keys]
        return next(field.name for field in fields if isinstance(party, field.related_model))

    def body(self) -> dict[str, Any]:
        """Return what a new row needs beside its party and its evidence."""
        if self.model is Figure:
            own = {"name": "报名数", "measure": "signed_up", "comparator": "=", "value": 3, "unit": "item"}
            own |= {"kind": "actual", "subject": f"alliances/{AllianceFactory().slug}", "as_written": "3个"}
            return {**own, "state": "published"}
        whole = {"event": EventFactory, "project": ProjectFactory}[self.whole]().slug
        role = {"event": "organiser", "project": "lead"}[self.whole]
        moved = {"status": "attended"} if self.model is Participation else {}  # as a source reports it
        return {self.whole: whole, "role": role, **moved, "as_written": "某街道", "state": "published"}


CASES = (
    Case(Participation, ParticipationFactory, "party", PARTY_KEYS, "event"),
    Case(ProjectPartner, ProjectPartnerFactory, "party", PARTY_KEYS, "project"),
    Case(Figure, FigureFactory, "reported_by", Figure.parties["reported_by"], ""),
)
every_case = pytest.mark.parametrize("case", CASES, ids=[case.resource for case in CASES])
NUMBERS = count()
every_kind = pytest.mark.parametrize("kind", KINDS, ids=PARTY_KEYS)
every_division = pytest.mark.parametrize("kind", DIVISIONS, ids=PARTY_KEYS[2:])


def every_case_and(name: str, values: Sequence[Any], ids: Sequence[str]) -> pytest.MarkDecorator:
    """Run a test for each case and value; the usual run takes each value with one of the cases, by turns."""
    chosen = pairs(next(NUMBERS), CASES, values)
    named = [f"{case.resource}-{ids[values.index(value)]}" for case, value in chosen]
    return pytest.mark.parametrize(("case", name), chosen, ids=named)


@pytest.fixture
def keeper() -> Keeper:
    return Keeper(UserFactory(is_staff=True, is_superuser=True))


def path_of(record: Any) -> str:
    return f"{record.resource}/{record.key}"


def told(record: Any) -> dict[str, str]:
    """Return how an answer tells of a party."""
    url = f"/api/v1/{path_of(record)}"
    return {"resource": record.resource, "key": record.key, "name": record.name, "url": url}


def keys_of(row: Any, case: Case) -> dict[str, int | None]:
    """Return the references of a stored row."""
    row.refresh_from_db()
    return {key: getattr(row, f"{key}_id") for key in case.keys}


def urls(answer: Any) -> set[str]:
    return {row["url"].removeprefix("/api/v1/") for row in answer["results"]}


def linked(api: Api, path: str, **parameters: str) -> Any:
    """Return a record as linked data."""
    return api.ask(path, format="jsonld", **parameters).json()


# Read -----------------------------------------------------------------------------------------------------------------


@every_case_and("kind", KINDS, PARTY_KEYS)
def test_a_party_is_told_whichever_reference_names_it(api: Api, case: Case, kind: int) -> None:
    party = FACTORIES[kind]()
    row = case.row(party)
    record = api.get(path_of(row))
    assert record[case.member] == told(party)
    shown = {key: record[key] and record[key]["key"] for key in case.keys}
    assert shown == {**dict.fromkeys(case.keys), case.key_of(party): party.key}
    assert api.get(case.resource, sort="-updated_at", page_size=1)["results"][0][case.member] == told(party)
    expanded = api.get(path_of(row), expand=case.key_of(party))[case.key_of(party)]
    assert expanded == {**expanded, "key": party.key, "name_pinyin": party.name_pinyin}


@every_case
def test_a_name_that_is_not_resolved_has_no_party_and_may_stand_for_a_group(api: Api, case: Case) -> None:
    row = case.row() if case.model is Figure else case.row(group=True)
    record = api.get(path_of(row))
    assert record[case.member] is None
    assert [record[key] for key in case.keys] == [None] * 5
    assert record.get("group") is (None if case.model is Figure else True)


@every_kind
def test_rows_nested_in_an_event_a_project_an_award_and_any_subject_tell_it_too(api: Api, kind: int) -> None:
    party = FACTORIES[kind]()
    participation = CASES[0].row(party)
    [nested] = api.get(path_of(participation.event))["participations"]
    assert (nested["party"], nested["group"]) == (told(party), False)
    [nested] = api.get(path_of(CASES[1].row(party).project))["partners"]
    assert (nested["party"], nested["group"]) == (told(party), False)
    figure = CASES[2].row(party)
    assert [each["reported_by"] for each in api.get(path_of(figure.subject))["figures"]] == [told(party)]


@every_division
def test_the_page_of_a_division_says_what_it_does_itself(api: Api, kind: int) -> None:
    party = FACTORIES[kind]()
    organised = CASES[0].row(party, role="organiser", contribution="主持会议")
    led, reported = CASES[1].row(party, role="lead"), CASES[2].row(party)
    draft = CASES[0].row(party, role="host", state="draft", cited=False)
    CASES[0].row(FACTORIES[kind]())
    page = api.get(path_of(party))
    [row] = page["participations"]
    assert (row["event"]["key"], row["role"], row["contribution"]) == (organised.event.slug, "organiser", "主持会议")
    assert row["url"] == f"/api/v1/{path_of(organised)}" != f"/api/v1/{path_of(draft)}"
    [row] = page["project_roles"]
    assert (row["project"]["key"], row["role"], row["as_written"]) == (led.project.slug, "lead", "某街道")
    assert [row["key"] for row in page["reported_figures"]] == [reported.slug]
    # Nothing of it lies there for that.
    assert [page.get(name, []) for name in ("projects", "events", "figures")] == [[], [], []]


def test_whether_a_name_was_given_is_shown_and_written(keeper: Keeper) -> None:
    for make in (AllianceFactory, ProjectFactory, EventFactory, lambda: FigureFactory(subject=AllianceFactory())):
        path = path_of(make())
        assert keeper.get(path)["name_given"] is False
        assert keeper.write("PATCH", path, {"name_given": True})["name_given"] is True
        assert keeper.refused("PATCH", path, {"name_given": 1}, 400, **{"If-Match": keeper.tag(path)}) == {
            "/name_given": "not_a_boolean"
        }


# Written --------------------------------------------------------------------------------------------------------------


@every_case_and("kind", KINDS, PARTY_KEYS)
@pytest.mark.parametrize("form", ["text", "object"])
def test_a_party_sets_its_own_reference_and_empties_the_others(
    keeper: Keeper, case: Case, kind: int, form: str
) -> None:
    party, before = FACTORIES[kind](), FACTORIES[kind - 1]()
    given = path_of(party) if form == "text" else told(party)
    expected = {**dict.fromkeys(case.keys), case.key_of(party): party.pk}
    row = case.row(before)
    assert keeper.write("PATCH", path_of(row), {case.member: given})[case.member] == told(party)
    assert keys_of(row, case) == expected
    made = keeper.write("POST", case.resource, {**case.body(), case.member: given}, 201)
    assert made[case.member] == told(party)
    row = case.row(before)
    whole = {name: value for name, value in keeper.get(path_of(row)).items() if name not in case.keys}
    assert keeper.write("PUT", path_of(row), {**whole, case.member: given})[case.member] == told(party)
    assert keys_of(row, case) == expected


@every_case_and("kind", KINDS, PARTY_KEYS)
def test_the_body_of_a_get_is_a_put_and_null_empties_all_five(keeper: Keeper, case: Case, kind: int) -> None:
    row = case.row(FACTORIES[kind]())
    before, path = keys_of(row, case), path_of(row)
    dry = keeper.write("PUT", f"{path}?dry_run=true", keeper.get(path))
    assert dry["changes"][0]["fields"] == []
    assert keys_of(row, case) == before
    assert keeper.write("PATCH", path, {case.member: None})[case.member] is None
    assert keys_of(row, case) == dict.fromkeys(case.keys)


@every_case_and("kind", KINDS, PARTY_KEYS)
def test_a_party_and_a_reference_that_say_different_things_are_refused(keeper: Keeper, case: Case, kind: int) -> None:
    party, other = FACTORIES[kind](), FACTORIES[kind]()
    row = case.row(other)
    before, path, key = keys_of(row, case), path_of(row), case.key_of(party)
    for body in (
        {case.member: path_of(party), key: other.key},
        {case.member: path_of(party), key: None},
        {case.member: None, key: other.key},
        {**keeper.get(path), case.member: path_of(party)},
        {case.member: path_of(party), case.keys[kind - 1]: FACTORIES[kind - 1]().key},
    ):
        for method in ("PATCH", "PUT"):
            refused = keeper.refused(method, path, body, 400, **{"If-Match": keeper.tag(path)})
            assert refused[f"/{case.member}"] == "contradiction"
    assert keys_of(row, case) == before
    same = {case.member: path_of(party), key: party.key}
    assert keeper.write("PATCH", path, same)[case.member] == told(party)


@every_case_and("kind", KINDS, PARTY_KEYS)
def test_two_references_are_refused_with_the_sentence_of_the_rule(keeper: Keeper, case: Case, kind: int) -> None:
    row = case.row(FACTORIES[kind]())
    before, path = keys_of(row, case), path_of(row)
    second = case.keys[kind - 1]
    response = keeper.send(
        "PATCH",
        path,
        {second: FACTORIES[kind - 1]().key, "change_reason": "test"},
        **{"If-Match": keeper.tag(path)},
    )
    assert response.status_code == 400
    [error] = response.json()["errors"]
    rule = next(each for each in case.model._meta.constraints if each.name.endswith(("_one_party", "_one_reporter")))
    assert (error["code"], error["detail"]) == ("invalid", str(rule.violation_error_message))
    assert keys_of(row, case) == before


@every_case_and("wrong", [*WRONG], [*WRONG])
def test_what_is_no_party_is_refused_at_its_place_and_changes_nothing(keeper: Keeper, case: Case, wrong: str) -> None:
    value, code, named = WRONG[wrong]
    row = case.row(StreetFactory())
    before, path = keys_of(row, case), path_of(row)
    body = {"change_reason": "test", case.member: value}
    for method, place, sent in (
        ("PATCH", path, body),
        ("PUT", path, {**keeper.get(path), **dict.fromkeys(case.keys), **body}),
        ("POST", case.resource, {**case.body(), "state": "draft", **body}),
    ):
        headers = {} if method == "POST" else {"If-Match": keeper.tag(path)}
        response = keeper.send(method, place, json.dumps(sent), **headers)
        assert response.status_code == 400, response.content.decode()
        [error] = response.json()["errors"]
        assert (error["pointer"], error["code"]) == (f"/{case.member}", code)
        assert named in error["detail"]
    assert keys_of(row, case) == before


@every_case
def test_an_object_that_contradicts_its_record_and_a_draft_are_refused_at_the_member(
    keeper: Keeper, case: Case
) -> None:
    street, draft = StreetFactory(), MemberUnitFactory(state="draft", cited=False)
    row = case.row(street)
    path = path_of(row)
    tag = {"If-Match": keeper.tag(path)}
    wrong = {**told(street), "name": "别的街道"}
    assert keeper.refused("PATCH", path, {case.member: wrong}, 400, **tag) == {f"/{case.member}/name": "read_only"}
    assert keeper.refused("PATCH", path, {case.member: path_of(draft)}, 400, **tag) == {f"/{case.member}": "draft"}
    assert keeper.refused("PATCH", path, {case.keys[0]: draft.slug, case.keys[3]: None}, 400, **tag) == {
        f"/{case.keys[0]}": "draft"
    }


@every_case
def test_parties_are_written_in_bulk(keeper: Keeper, case: Case) -> None:
    parties = [make() for make in FACTORIES]
    items = [{**case.body(), case.member: path_of(party)} for party in parties]
    made = keeper.write("POST", f"{case.resource}/bulk", {"items": items}, 201)
    paths = [f"{case.resource}/{change['key']}" for change in made["changes"] if change["resource"] == case.resource]
    assert [keeper.get(path)[case.member] for path in paths] == [told(party) for party in parties]
    turned = [
        {"slug": path.partition("/")[2], "updated_at": keeper.get(path)["updated_at"], case.member: path_of(party)}
        for path, party in zip(paths, reversed(parties), strict=True)
    ]
    keeper.write("PATCH", f"{case.resource}/bulk", {"items": turned})
    assert [keeper.get(path)[case.member] for path in paths] == [told(party) for party in reversed(parties)]
    wrong: list[dict[str, Any]] = [{case.member: "projects/x"}, {case.member: None, case.keys[2]: "000000"}]
    drafts: list[dict[str, Any]] = [{**case.body(), "state": "draft", **each} for each in wrong]
    found = keeper.refused("POST", f"{case.resource}/bulk", {"items": drafts}, 400)
    assert found == {f"/items/0/{case.member}": "unknown_key", f"/items/1/{case.keys[2]}": "unknown_key"}


@every_case
@pytest.mark.parametrize("form", ["csv", "xlsx", "ndjson"])
def test_parties_go_out_in_files(keeper: Keeper, case: Case, form: str) -> None:
    party = StreetFactory()
    row = case.row(party)
    answer = keeper.client.get(f"/api/v1/{case.resource}?format={form}&{case.member}={path_of(party)}")
    content = b"".join(answer.streaming_content)
    if form == "ndjson":
        [record] = map(json.loads, content.splitlines())
        assert (record["slug"], record[case.member]) == (row.slug, told(party))
    if form == "csv":
        heading, line = (text.split(",") for text in content.decode("utf-8-sig").splitlines())
        cells = dict(zip(heading, line, strict=False))
        assert cells[case.member] == path_of(party)
        assert cells[f"{case.member}_name"] == party.name
        assert cells[case.keys[3]] == party.code
    send = keeper.client.post(
        f"/api/v1/{case.resource}/import?change_reason=test",
        data=content,
        content_type={"csv": "text/csv", "xlsx": answer.headers["Content-Type"], "ndjson": "text/csv"}[form],
    )
    if form != "ndjson":
        assert send.status_code == 200, send.content.decode()
        assert (send.json()["changed"], send.json()["unchanged"]) == (0, 1)


@every_case_and("kind", KINDS, PARTY_KEYS)
def test_a_column_of_a_file_sets_the_party(keeper: Keeper, case: Case, kind: int) -> None:
    party = FACTORIES[kind]()
    # Drafts: a file of rows brings no evidence.
    row, cleared = (case.row(FACTORIES[kind - 1](), state="draft") for _ in range(2))

    def send(text: str) -> Any:
        path = f"/api/v1/{case.resource}/import?change_reason=test"
        return keeper.client.post(path, data=text.encode(), content_type="text/csv")

    answer = send(f"slug,{case.member}\n{row.slug},{path_of(party)}\n{cleared.slug},\n")
    assert answer.status_code == 200, answer.content.decode()
    assert answer.json()["changed"] == 2
    assert keys_of(row, case) == {**dict.fromkeys(case.keys), case.key_of(party): party.pk}
    assert keys_of(cleared, case) == dict.fromkeys(case.keys)
    answer = send(f"slug,{case.member}\n{row.slug},projects/x\n{cleared.slug},streets/000000000\n")
    assert {each["pointer"]: each["code"] for each in answer.json()["errors"]} == {
        f"/rows/2/{case.member}": "unknown_key",
        f"/rows/3/{case.member}": "unknown_key",
    }
    answer = send(f"slug,{case.member},{case.key_of(party)}\n{row.slug},{path_of(party)},\n")
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
        (f"/rows/2/{case.member}", "contradiction")
    ]


def test_a_column_of_a_file_makes_rows_and_says_whether_they_are_groups(keeper: Keeper) -> None:
    event, street = EventFactory(), StreetFactory()
    text = (
        "event,role,as_written,party,group\n"
        f"{event.slug},organiser,某街道,{path_of(street)},FALSE\n"
        f"{event.slug},attendee,驻区单位,,TRUE\n"
        f"{event.slug},speaker,某单位,,\n"
    )
    path = "/api/v1/participations/import?change_reason=test"
    answer = keeper.client.post(path, data=text.encode(), content_type="text/csv")
    assert answer.status_code == 200, answer.content.decode()
    found = Participation.objects.filter(event=event).order_by("pk").values_list("party_street", "group")
    assert list(found) == [(street.pk, False), (None, True), (None, False)]
    wrong = text.replace("FALSE", "perhaps").replace(path_of(street), "")
    answer = keeper.client.post(path, data=wrong.replace("某", "又一").encode(), content_type="text/csv")
    assert next((each["pointer"], each["code"]) for each in answer.json()["errors"]) == (
        "/rows/2/group",
        "not_a_boolean",
    )


# Asked for ------------------------------------------------------------------------------------------------------------


@every_case_and("kind", KINDS, PARTY_KEYS)
def test_rows_are_found_by_their_party(api: Api, case: Case, kind: int) -> None:
    party, second, stranger = FACTORIES[kind](), FACTORIES[kind](), FACTORIES[kind]()
    other = FACTORIES[kind - 1]()
    rows = [case.row(each) for each in (party, second, other)]
    case.row(stranger)
    case.row()
    ask = {name: urls(api.get(case.resource, **{case.member: name})) for name in (path_of(party), path_of(second))}
    assert ask == {path_of(party): {path_of(rows[0])}, path_of(second): {path_of(rows[1])}}
    three = ",".join(map(path_of, (party, second, other)))
    assert urls(api.get(case.resource, **{case.member: three})) == set(map(path_of, rows))
    repeated = "&".join(f"{case.member}={path_of(each)}" for each in (party, second, other))
    assert urls(api.get(f"{case.resource}?{repeated}")) == set(map(path_of, rows))


@every_kind
def test_projects_and_events_are_found_by_who_takes_part_in_whatever_role(api: Api, kind: int) -> None:
    party = FACTORIES[kind]()
    for case, many in ((CASES[0], "events"), (CASES[1], "projects")):
        first, second = case.row(party), case.row(party, role="host")
        whole = getattr(first, case.whole)
        case.row(party, **{case.whole: whole, "role": "host"})  # twice there, and listed once
        case.row(party, state="draft", cited=False)
        case.row(FACTORIES[kind]())
        expected = {path_of(whole), path_of(getattr(second, case.whole))}
        assert urls(api.get(many, party=path_of(party))) == expected
        assert api.get(many, party=path_of(party), count="true")["count"] == 2


def test_what_a_place_holds_is_not_what_its_division_does(api: Api) -> None:
    street = StreetFactory()
    lying = ProjectFactory(street=street)
    led = CASES[1].row(street).project
    assert urls(api.get("projects", street=street.code)) == {path_of(lying)}
    assert urls(api.get("projects", party=path_of(street))) == {path_of(led)}


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ("participations", "party"),
        ("project-partners", "party"),
        ("events", "party"),
        ("projects", "party"),
        ("figures", "reported_by"),
    ],
)
def test_a_party_that_there_is_not_is_refused_with_the_nearest(api: Api, resource: str, name: str) -> None:
    for given, hint in {
        "street/310110101": "“streets”",
        "projects/jiankang-zhitongche": "member-units, alliances, districts, streets, neighbourhoods",
        "streets/000000000": "streets/000000000",
        "member-units/长海医院": "changhai-yiyuan",
        "310110101": "member-units",
        "streets/310110101,": "",
        "streets/310110101,alliances/nobody": "alliances/nobody",
        "streets/" + "长" * 200: "streets/长",
        "/": "",
    }.items():
        answer = api.ask(resource, **{name: given})
        assert answer.status_code == 400, (given, answer.content.decode())
        [error] = answer.json()["errors"]
        assert error["parameter"] == name
        assert hint in error["detail"], error["detail"]
    assert api.ask(resource, **{name: "streets/a\0b"}).status_code == 400
    most = ",".join(f"streets/{number:09}" for number in range(200))
    assert api.ask(resource, **{name: most}).status_code == 400


@pytest.mark.parametrize("case", CASES[:2], ids=["participations", "project-partners"])
def test_groups_are_found_and_the_filter_takes_true_and_false_alone(api: Api, case: Case) -> None:
    group, one = case.row(group=True), case.row(StreetFactory())
    assert path_of(group) in urls(api.get(case.resource, group="true", page_size=200))
    assert path_of(one) not in urls(api.get(case.resource, group="true", page_size=200))
    found = [urls(api.get(case.resource, sort="-updated_at", group=text)) for text in ("false", "true")]
    assert [path_of(one) in each for each in found] == [True, False]
    for wrong in ("True", "1", "yes", "true,false", "null"):
        assert api.ask(case.resource, group=wrong).json()["errors"][0]["parameter"] == "group"


@every_kind
def test_rows_are_found_by_the_name_of_their_party(api: Api, kind: int) -> None:
    party = FACTORIES[kind](name="丰谷镇第九")
    for case in CASES[:2]:
        row = case.row(party)
        for q in ("丰谷镇", "fengguzhen", "fgzdj"):
            assert urls(api.get(case.resource, q=q)) == {path_of(row)}, q


def test_who_organised_and_led_is_answered_from_the_articles(api: Api) -> None:
    town, district = "streets/310110101", "districts/310107"
    organised = api.get("participations", party=town, role="organiser")["results"]
    assert organised
    assert {row["party"]["name"] for row in organised} == {"五角场镇"}
    told_there = {row["url"] for row in api.get(town)["participations"] if row["role"] == "organiser"}
    assert told_there == {row["url"] for row in organised}
    led = api.get("project-partners", party=district, role="lead", page_size=200)["results"]
    assert led
    projects = api.get("projects", party=district, page_size=200)["results"]
    assert {row["project"]["url"] for row in led} <= {row["url"] for row in projects}
    roles = api.get(district)["project_roles"]
    assert {row["project"]["url"] for row in roles} == {row["url"] for row in projects}


# Of a past day, of drafts, in other forms -----------------------------------------------------------------------------


@every_division
def test_drafts_are_shown_to_those_who_may_edit_them_alone(api: Api, kind: int) -> None:
    party = FACTORIES[kind]()
    project = ProjectFactory(street=StreetFactory())
    draft = CASES[1].row(party, project=project, state="draft", cited=False)
    assert api.get(path_of(party))["project_roles"] == []
    assert urls(api.get("projects", party=path_of(party))) == set()
    client = Client()
    client.force_login(AppointmentFactory(role="curator", street=project.street).user)
    page = client.get(f"/api/v1/{path_of(party)}").json()
    assert [row["url"] for row in page["project_roles"]] == [f"/api/v1/{path_of(draft)}"]
    assert urls(client.get(f"/api/v1/projects?party={path_of(party)}").json()) == {path_of(project)}


@every_kind
def test_a_hidden_unit_or_body_is_no_party_to_a_curator_who_may_not_see_it(kind: int) -> None:
    if kind in DIVISIONS:
        pytest.skip("a division is never hidden")
    street = StreetFactory()
    hidden = FACTORIES[kind](state="draft", cited=False)
    row = CASES[1].row(hidden, project=ProjectFactory(street=street), state="draft", cited=False)
    client = Client()
    client.force_login(AppointmentFactory(role="curator", street=street).user)
    record = client.get(f"/api/v1/{path_of(row)}").json()
    assert (record["party"], record[CASES[1].key_of(hidden)]) == (None, None)
    assert client.get(f"/api/v1/project-partners?party={path_of(hidden)}").status_code == 400


@every_case_and("kind", KINDS, PARTY_KEYS)
def test_linked_data_name_each_party_once(api: Api, case: Case, kind: int) -> None:
    party = FACTORIES[kind]()
    row = case.row(party)
    term = "prov:wasAttributedTo" if case.model is Figure else "prov:agent"
    expected = {"@id": f"http://testserver/api/v1/{path_of(party)}", "schema:name": party.name}
    for parameters in ({}, {"fields": f"url,{case.member}"}, {"fields": f"url,{case.key_of(party)}"}):
        document = linked(api, path_of(row), **parameters)
        assert {**document[term], "@id": expected["@id"]} == expected, parameters
        assert document[term]["@id"].endswith(f"/api/v1/{path_of(party)}")
    whole = linked(api, path_of(row), expand=case.key_of(party))[term]
    assert (whole["@id"].rpartition("/api/v1/")[2], isinstance(whole, dict)) == (path_of(party), True)
    assert whole["@type"]
    if case.model is not Figure:
        assert linked(api, path_of(row))["pb:group"] is False


@every_division
def test_the_linked_data_of_a_division_lead_to_what_it_does(api: Api, kind: int) -> None:
    party = FACTORIES[kind]()
    row, figure = CASES[0].row(party), CASES[2].row(party)
    reverse = linked(api, path_of(party))["@reverse"]
    assert reverse["prov:agent"]["@id"].endswith(path_of(row))
    assert reverse["prov:wasAttributedTo"]["@id"].endswith(path_of(figure))


@every_division
def test_the_network_has_the_edges_of_a_division_and_nobody_is_reached_through_it(api: Api, kind: int) -> None:
    party = FACTORIES[kind]()
    alliance = AllianceFactory()
    led = CASES[1].row(party, project=ProjectFactory(alliance=alliance), role="lead")
    organised = CASES[0].row(party, event=EventFactory(alliance=alliance), role="organiser")
    elsewhere = CASES[1].row(party)
    hidden = CASES[1].row(party, project=led.project, role="host", state="draft", cited=False)
    for depth in (1, 3):
        network = api.get("network", alliance=alliance.slug, include="events", depth=depth)
        edges = {edge["id"]: edge for edge in network["edges"]}
        for row, whole, name in ((led, led.project, "partner"), (organised, organised.event, "participation")):
            edge = edges[path_of(row)]
            ends = (edge["source"], edge["target"], edge["kind"], edge["role"])
            assert ends == (path_of(party), path_of(whole), name, row.role)
            assert edge["evidence"]
        assert path_of(elsewhere.project) not in {node["id"] for node in network["nodes"]}
        assert path_of(hidden) not in edges
    narrow = api.get("network", alliance=alliance.slug, edge="partner", depth=2)
    assert path_of(party) not in {node["id"] for node in narrow["nodes"]}  # nothing leads to the project any more
    narrow = api.get("network", alliance=alliance.slug, edge="partner,project_of", depth=1)
    assert path_of(party) in {node["id"] for node in narrow["nodes"]}
    kept = api.get("network", alliance=alliance.slug, kind="projects,alliances")
    assert path_of(party) not in {node["id"] for node in kept["nodes"]}
    for form in ("graphml", "gexf"):
        answer = api.ask("network", alliance=alliance.slug, format=form)
        assert path_of(party) in answer.content.decode()


def test_a_division_that_has_ended_is_no_party_in_the_network_of_a_later_day(api: Api) -> None:
    street = StreetFactory(abolished_on="2015")
    project = CASES[1].row(street).project
    ProjectFactory(parent=project)
    for day, there in (("2014-01-01", True), ("2020-01-01", False)):
        network = api.get("network", kind="projects,streets", edge="partner,part_of", as_of=day)
        assert (path_of(street) in {node["id"] for node in network["nodes"]}) is there


@every_kind
def test_the_history_of_a_row_names_its_parties_by_key(keeper: Keeper, kind: int) -> None:
    party, row = FACTORIES[kind](), CASES[0].row(FACTORIES[kind - 1]())
    keeper.write("PATCH", path_of(row), {"party": path_of(party)})
    entry = keeper.get(f"{path_of(row)}/history")["results"][0]
    assert {"field": CASES[0].key_of(party), "before": None, "after": party.key} in entry["changes"]


def test_facts_of_an_article_show_the_division_that_a_span_supports(api: Api) -> None:
    street, article = StreetFactory(), ArticleFactory()
    row = CASES[0].row(street)
    CitationFactory(record=row, article=article, supports=["party_street"])
    [fact] = api.get(f"articles/{article.slug}/facts")["facts"]
    assert fact["values"] == {"party_street": {name: told(street)[name] for name in ("key", "name", "url")}}


# Curators' pages and merges -------------------------------------------------------------------------------------------


@every_case_and("kind", KINDS, PARTY_KEYS)
def test_a_curator_sets_one_party_and_is_told_where_two_are_set(keeper: Keeper, case: Case, kind: int) -> None:
    party, row = FACTORIES[kind](), case.row(FACTORIES[kind - 1](), state="draft")
    page = keeper.client.get(change_address(row))
    assert set(case.keys) <= set(page.context["adminform"].form.fields)
    key = case.key_of(party)
    values = filled_in(page) | {key: str(party.pk)}
    refused = errors(keeper.client.post(change_address(row), values))
    rule = next(each for each in case.model._meta.constraints if each.name.endswith(("_one_party", "_one_reporter")))
    assert [str(rule.violation_error_message)] in refused.values()
    answer = keeper.client.post(change_address(row), values | {case.keys[kind - 1]: ""})
    assert answer.status_code == 302, errors(answer)
    assert keys_of(row, case) == {**dict.fromkeys(case.keys), key: party.pk}
    listed = keeper.client.get(address(case.model, "changelist"), {"q": party.name})
    assert party.name in listed.content.decode()
    assert list(listed.context["cl"].queryset) == [row]


@pytest.mark.parametrize("case", CASES[:2], ids=["participations", "project-partners"])
def test_a_curator_finds_the_names_that_are_to_be_resolved(keeper: Keeper, case: Case) -> None:
    rows = {"yes": case.row(NeighbourhoodFactory()), "no": case.row(), "group": case.row(group=True)}
    for value, row in rows.items():
        listed = keeper.client.get(address(case.model, "changelist"), {"resolved": value})
        assert {row} == set(listed.context["cl"].queryset) & set(rows.values())


@every_case
@pytest.mark.parametrize("kind", [0, 1], ids=["unit", "alliance"])
def test_rows_of_two_that_are_merged_fold_where_they_say_the_same(case: Case, kind: int) -> None:
    loser, winner, street = FACTORIES[kind](), FACTORIES[kind](), StreetFactory()
    moved = case.row(loser)
    shared: dict[str, Any] = (
        {"subject": AllianceFactory(), "name": "报名数"}
        if case.model is Figure
        else {case.whole: getattr(moved, case.whole), "role": "host"}
    )
    if case.model is Participation:
        shared["role"] = "organiser"
    twin, standing, other = case.row(loser, **shared), case.row(winner, **shared), case.row(street, **shared)
    merge(loser=loser, winner=winner, reason="the same", request_id="test")
    connection.check_constraints()
    key = case.key_of(winner)
    assert keys_of(moved, case) == {**dict.fromkeys(case.keys), key: winner.pk}
    assert keys_of(standing, case) == {**dict.fromkeys(case.keys), key: winner.pk}
    assert keys_of(other, case) == {**dict.fromkeys(case.keys), case.keys[3]: street.pk}
    assert not case.model.rows().filter(pk=twin.pk).exists()


@every_case_and("kind", KINDS, PARTY_KEYS)
def test_the_past_tells_parties_as_the_present_does(api: Api, case: Case, kind: int) -> None:
    row = case.row(FACTORIES[kind]())
    day = "2013-06-27"
    assert api.get(path_of(row), as_of=day) == api.get(path_of(row))
    text = json.dumps(api.get(case.resource, as_of=day, sort="-updated_at", page_size=1)["results"])
    assert json.dumps(api.get(path_of(row))[case.member]) in text


def test_what_the_registry_named_itself_is_no_value_without_a_source(api: Api) -> None:
    article = ArticleFactory()
    for given in (True, False):
        project = ProjectFactory(name_given=given, cited=False)
        CitationFactory(record=project, article=article, supports=["kind"])
        found = api.get(f"articles/{article.slug}/coverage")["values_without_evidence"]
        fields = {value["field"] for value in found if value["record"]["key"] == project.slug}
        assert ("name" in fields, "name_given" in fields) == (not given, False)
        rest(project)
