"""Cited values of published records, falsified one at a time: by the API, by SQL, by the pages of the admin.

Without new evidence each is refused, also with a steward's token, and nothing is changed. With the old span offered
again the words decide; what passes is told at the end of the run.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, cast

import pytest
from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import DataError, IntegrityError, connection, models, transaction
from django.test import Client

from apps.common.models.records import Citable
from apps.common.rules.evidence import HAS_EVIDENCE, NO_EVIDENCE
from apps.common.values.columns import EDTFField
from apps.evidence.models import Article, Citation
from apps.evidence.spans import normalise
from apps.evidence.support_levels import Case
from apps.projects.models import Project
from tests import factories
from tests.common.admin.test_records import change_address, errors, filled_in
from tests.conftest import problem_of
from tests.evidence.falsifying import LEAST, FalseCase, all_cases, falsified, sample
from tests.full import FULL, share
from tests.plugin import Told

REASON = {"change_reason": "test"}
GROUPED = {"number": 0, "date": 0, "name": 0, "text": 0, "reference": 3, "choice": 3}  # what a sample may lie below


class Falsehood(NamedTuple):
    """A false value of a published record, the citation of the true one, and how the value is written."""

    false: FalseCase
    record: Citable
    field: Any
    citation: Citation

    @property
    def group(self) -> str:
        """The kind of value."""
        return self.false.group

    @property
    def name(self) -> str:
        """The field."""
        return self.false.case.rule.name

    @property
    def other(self) -> Citable:
        """The record at which a false reference points."""
        (target,) = self.false.case.context.targets
        found: Citable = apps.get_model(target.label)._base_manager.get(pk=target.key)
        return found

    @property
    def is_list(self) -> bool:
        """Whether the field is a list of records."""
        return isinstance(self.field, models.ManyToManyField)

    @property
    def value(self) -> Any:
        """The false value as the column holds it: of a reference the key."""
        if self.group == "reference":
            return self.other.pk
        value: Any = self.false.case.value
        return value["value"] if isinstance(self.field, EDTFField) else value

    def member(self) -> Any:
        """Return the false value as a body gives it."""
        if self.group == "reference":
            other = self.other
            if isinstance(self.field, GenericForeignKey):
                return f"{other.resource}/{other.key}"
            return [other.key] if self.is_list else other.key
        value = self.value
        return float(value) if isinstance(value, Decimal) else value

    def typed(self) -> dict[str, Any]:
        """Return the false value as a form of the admin sends it."""
        if isinstance(self.field, GenericForeignKey):
            return {"target": self.member()}
        return {self.name: [self.value] if self.is_list else self.value}

    def __str__(self) -> str:
        return str(self.false)


FOUND: list[Falsehood] = []  # by the first test of a worker; no test leaves the registry changed


@pytest.fixture
def falsehoods(article_pages: dict[Article, str]) -> list[Falsehood]:
    """All false values of what citations of the five articles support, of each value once."""
    if not FOUND:
        bodies = {each.pk: normalise(page)[each.body_start : each.body_end] for each, page in article_pages.items()}
        cases: dict[tuple[int, int, str], Case] = {}
        for case in all_cases(article_pages, bodies):
            cases.setdefault((case.citation.content_type_id, case.citation.object_id, case.rule.name), case)
        FOUND.extend(held(list(falsified(list(cases.values())))))
    return FOUND


def held(false: Sequence[FalseCase]) -> Iterator[Falsehood]:
    """Yield what is false of records whose values need evidence: of what is published, and of estates."""
    keys: dict[str, set[int]] = defaultdict(set)
    for each in false:
        keys[each.case.rule.model].add(each.true.citation.object_id)
    rows = {label: apps.get_model(label)._base_manager.in_bulk(keys[label]) for label in keys}
    for each in false:
        record = cast("Citable", rows[each.case.rule.model][each.true.citation.object_id])
        if getattr(record, "state", "") == "published" or getattr(record, "kind", "") == "estate":
            yield Falsehood(each, record, field_of(record, each.case.rule.name), each.true.citation)


def field_of(record: Citable, name: str) -> Any:
    fields = (*record._meta.get_fields(), *record._meta.private_fields)
    return next(field for field in fields if field.name == name)


def state_of(record: Citable) -> Any:
    """Return all that a refused write could have changed of a record, and the newest entry of the log."""
    table = record._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT to_jsonb(r), stated_in_{table}(r.id), (SELECT max(number) FROM common_loggedchange)"  # noqa: S608 - a table's name
            f' FROM "{table}" AS r WHERE id = %s',
            [record.pk],
        )
        return cursor.fetchone()


# The API --------------------------------------------------------------------------------------------------------------


class Steward:
    """A client with a steward's token."""

    def __init__(self) -> None:
        appointed: Any = factories.AppointmentFactory()
        token = factories.TokenFactory.build(user=appointed.user, scopes=["read", "write", "steward"])
        self.headers = {"Authorization": f"Bearer {token.set_secret()}", "If-Match": "*", "Accept-Language": "en"}
        token.save()
        token.appointments.set([appointed])
        self.client = Client(SERVER_NAME="localhost")

    def patch(self, record: Citable, body: dict[str, Any]) -> Any:
        """Return the answer to a change of a record."""
        return self.client.patch(address_of(record), json.dumps(body), "application/json", headers=self.headers)

    def refusal(self, attempt: Falsehood, *, affirmed: bool = False) -> set[str]:
        """Write a false value; return the codes of the errors, none where it is taken. What was written is undone."""
        body: dict[str, Any] = {attempt.name: attempt.member(), **REASON}
        if affirmed:
            body["citations"] = [{"url": address_of(attempt.citation), "affirms": [attempt.name]}]
        with transaction.atomic():
            before = state_of(attempt.record)
            answer = self.patch(attempt.record, body)
            if answer.status_code == 200:
                transaction.set_rollback(True)
                return set()
            assert answer.status_code in (400, 409), (attempt, answer.content.decode())
            assert state_of(attempt.record) == before, attempt
        return {error["code"] for error in problem_of(answer)["errors"]}


def address_of(record: Citable) -> str:
    return f"/api/v1/{record.resource}/{record.key}"


def test_without_evidence_the_api_refuses_every_false_value(
    falsehoods: list[Falsehood], told: Told, settings: Any
) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "token": None}
    steward = Steward()
    tried = share(0, sample(falsehoods, 1), 2)
    refusals = [steward.refusal(each) for each in tried]
    told(f"by the API, without evidence: {told_of(tried, refusals)}")
    told_apart(tried, refusals, "no_evidence")


def test_with_the_old_citation_affirmed_the_api_asks_its_words(
    falsehoods: list[Falsehood], article_texts: list[Article], told: Told, settings: Any
) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "token": None}
    steward = Steward()
    refused: dict[str, list[bool]] = defaultdict(list)
    tried = sample(falsehoods, 2)
    for attempt in share(0, tried, 3):
        is_refused = bool(steward.refusal(attempt, affirmed=True))
        refused[attempt.group].append(is_refused)
        if not is_refused:
            told(f"passes where it is affirmed: {attempt}")
    for group, found in refused.items():
        told(f"{group}: {sum(found)} of {len(found)} refused where the old citation is affirmed")
        assert 100 * sum(found) / len(found) >= LEAST[group] - (0 if FULL else GROUPED[group]), group


def told_of(tried: list[Falsehood], refusals: list[set[str]]) -> str:
    """Return how many false values there were of each group, and how often each reason was given."""
    codes = Counter(" ".join(sorted(codes)) or "taken" for codes in refusals)
    return f"{dict(Counter(each.group for each in tried))}: {dict(codes)}"


def told_apart(tried: list[Falsehood], refusals: list[set[str]], code: str) -> None:
    """Check that all were refused, and that most of each group were for want of evidence alone."""
    assert [str(each) for each, codes in zip(tried, refusals, strict=True) if not codes] == []
    for group in LEAST:
        own = [codes == {code} for each, codes in zip(tried, refusals, strict=True) if each.group == group]
        assert sum(own) > len(own) / 2, group


@pytest.mark.parametrize(("notes", "status"), [({}, 400), ({"read": {"kind": "读作品牌。"}}, 200)])
def test_what_a_person_read_is_read_again_once_the_value_changed(
    article_texts: list[Article], notes: dict[str, Any], status: int
) -> None:
    steward = Steward()
    project = Project.objects.get(slug="boke-keji-shupu")
    citation = project.citations.get(read__has_key="kind")
    asked = {"url": address_of(citation), "affirms": ["kind"], **notes}
    body = {"kind": "brand" if project.kind != "brand" else "pilot", "citations": [asked], **REASON}
    answer = steward.patch(project, body)
    assert answer.status_code == status, answer.content.decode()
    if status == 400:
        assert [each["code"] for each in answer.json()["errors"]] == ["says_otherwise"]
    else:
        citation.refresh_from_db()
        assert (citation.read["kind"], citation.levels["kind"]) == (notes["read"]["kind"], "read")


def test_a_value_that_breaks_a_rule_is_refused_where_a_citation_is_affirmed_for_it(db: None) -> None:
    unit: Any = factories.MemberUnitFactory(street=factories.StreetFactory())
    citation = factories.CitationFactory(record=unit, supports=["street"])
    asked = {"url": address_of(cast("Any", citation)), "affirms": ["street"]}
    elsewhere: Any = factories.NeighbourhoodFactory()
    answer = Steward().patch(unit, {"neighbourhood": elsewhere.key, "citations": [asked], **REASON})
    assert answer.status_code == 400, answer.content.decode()
    assert {each["code"] for each in answer.json()["errors"]} == {"place_contradicts"}


# SQL ------------------------------------------------------------------------------------------------------------------


def statement(attempt: Falsehood) -> tuple[str, list[Any]]:
    """Return the UPDATE that writes a false value, and its parameters."""
    record, field = attempt.record, attempt.field
    if attempt.is_list:
        link: Any = field.remote_field.through._meta.db_table
        own, other = field.m2m_column_name(), field.m2m_reverse_name()
        one = f'SELECT min(id) FROM "{link}" WHERE "{own}" = %s'  # noqa: S608 - names of columns
        return f'UPDATE "{link}" SET "{other}" = %s WHERE id = ({one})', [attempt.value, record.pk]  # noqa: S608
    values = {getattr(field, "column", None): attempt.value}
    if isinstance(field, GenericForeignKey):
        kind = ContentType.objects.get_for_model(attempt.other).pk
        columns = {name: vars(record._meta.get_field(name))["column"] for name in (field.ct_field, field.fk_field)}
        values = {columns[field.ct_field]: kind, columns[field.fk_field]: attempt.value}
    told = ", ".join(f'"{column}" = %s' for column in values)
    return f'UPDATE "{record._meta.db_table}" SET {told} WHERE id = %s', [*values.values(), record.pk]  # noqa: S608


def refusal_by_sql(attempt: Falsehood) -> set[str]:
    """Write a false value by SQL; return the rule that refuses it, none where it is taken. All of it is undone."""
    with transaction.atomic():
        before = state_of(attempt.record)
        text, values = statement(attempt)
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(text, values)
                assert cursor.rowcount == 1, attempt
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except (IntegrityError, DataError) as error:
            cause: Any = error.__cause__
            name = cause.diag.constraint_name or ""
            assert state_of(attempt.record) == before, attempt
            return {HAS_EVIDENCE if name.endswith(HAS_EVIDENCE) else name or cause.sqlstate}
        transaction.set_rollback(True)
        return set()


def test_without_evidence_the_database_refuses_every_false_value(falsehoods: list[Falsehood], told: Told) -> None:
    tried = sample(falsehoods, 3)
    refusals = [refusal_by_sql(each) for each in tried]
    told(f"by SQL, without evidence: {told_of(tried, refusals)}")
    told_apart(tried, refusals, HAS_EVIDENCE)


# The pages of the admin -----------------------------------------------------------------------------------------------


def test_without_evidence_the_pages_refuse_a_false_value_of_every_field(
    falsehoods: list[Falsehood], told: Told
) -> None:
    client = Client(raise_request_exception=False, headers={"accept-language": "en"})
    client.force_login(factories.UserFactory(is_staff=True, is_superuser=True))
    fields = {(type(each.record), each.name): each for each in falsehoods}
    tried = share(1, [fields[key] for key in sorted(fields, key=str)], 10)
    refusals = [refusal_by_page(client, each) for each in tried]
    told(f"by the pages of the admin: {told_of(tried, refusals)}")
    assert [str(each) for each, why in zip(tried, refusals, strict=True) if not why] == []
    assert sum(why == {"no_evidence"} for why in refusals) > 3 * len(tried) / 4


NOT_ON_THE_PAGE = {("neighbourhoods", "kind")}  # a page of a division never changes its kind


def refusal_by_page(client: Client, attempt: Falsehood) -> set[str]:
    """Type a false value into a page; return whether it was refused for want of evidence, or why else."""
    place = change_address(attempt.record)
    with transaction.atomic():
        before = state_of(attempt.record)
        page = client.get(place)
        typed = attempt.typed()
        if not {*typed} <= {*page.context["adminform"].form.fields}:
            assert (attempt.record.resource, attempt.name) in NOT_ON_THE_PAGE, attempt
            return {"not on the page"}
        answer: Any = client.post(place, {**filled_in(page), **typed})
        if answer.status_code == 302:
            transaction.set_rollback(True)
            return set()
        found = {str(text) for texts in errors(answer).values() for text in texts}
        assert found, attempt
        assert state_of(attempt.record) == before, attempt
    return {"no_evidence" if text == str(NO_EVIDENCE) else text for text in found}
