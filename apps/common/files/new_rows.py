"""New rows of a file, written by COPY, which costs a fraction of single inserts.

They go in some hundreds at a time. Where the database refuses a batch, it is halved until the rows that are wrong are
found, and each of these is tried alone, so that the answer can point at it. Whoever makes a record meanwhile does not
wait: the lock of the slugs is held only while free ones are looked up and reserved (`models.reserved_slugs`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, cast

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import Model
from django.utils.translation import gettext

from apps.common.files.row_evidence import ATTESTATIONS, CITATIONS, RowEvidence, supported_by
from apps.common.http.problems import Refusal
from apps.common.models.records import Citable, Record
from apps.common.models.reserved_slugs import Reservations, TakenAmong
from apps.common.models.slugs import RetiredSlug
from apps.common.writing.attesting import Attesting
from apps.common.writing.changes import RecordChange
from apps.common.writing.contract import MOST_ERRORS, error_at
from apps.common.writing.copying import columns_to_copy, copy_rows
from apps.common.writing.evidence import settle_evidence
from apps.common.writing.evidence_bodies import add_evidence, evidence_errors, new_attestation
from apps.common.writing.refusals import refusing, rule_errors
from apps.common.writing.writer import RESERVED, RecordWriter, refuse_drafts

BATCH = 500
PUT_OFF = "SELECT DISTINCT conname FROM pg_constraint WHERE conrelid = ANY(%s::regclass[]) AND condeferred"


class NewRow(NamedTuple):
    """A row that makes a record: its number, the pointer to it, its body, and its cells that hold evidence."""

    number: int
    pointer: str
    body: Mapping[str, Any]
    evidence: Mapping[str, dict[str, Any]]


class Made(NamedTuple):
    """A record that obeys the model's rules, not yet stored, and what is stored behind it.

    That are lists, and evidence as a body has it; of an attestation also what it will be, without its record.
    """

    row: NewRow
    record: Citable
    fields: list[str]
    many: Mapping[str, list[Model]]
    evidence: Mapping[str, Any]
    attestation: Any


class NewRows:
    """Makes the records of new rows, within the write of the caller."""

    def __init__(self, writer: RecordWriter, rows: Sequence[NewRow], evidence: RowEvidence) -> None:
        self._writer = writer
        self._evidence = evidence
        self._attesting = Attesting(writer.contract.model) if evidence.is_given else None
        self._model: Any = writer.contract.model
        # The code of a neighbourhood is made its key by the database.
        key: Any = self._model._meta.get_field(self._model.key_field)
        self._knows_keys = not key.generated
        self._table = str(self._model._meta.db_table)
        self._rows = [row._replace(body=_without_empty(row.body)) for row in rows]
        self._has_slugs = "slug" in writer.contract.inputs
        self._reservations = Reservations(self._model)
        # Slugs that this file gives or was given, and the numbers from which on a stem may be free.
        self._own = {row.body["slug"] for row in self._rows if row.body.get("slug")} if self._has_slugs else set()
        self._free_from: dict[str, int] = {}
        self._put_off: str | None = None
        self._changes: list[RecordChange] = []
        self._errors: list[dict[str, str]] = []
        self._columns = columns_to_copy(self._model)
        # References were found already; to check one again would cost a query.
        self._checkable = {
            field.name
            for field in self._model._meta.fields
            if field.editable and not field.generated and not field.is_relation
        }

    def make(
        self, progress: Callable[[int], None], *, is_refused: bool
    ) -> tuple[list[RecordChange], list[dict[str, str]]]:
        """Make all; return what was made and what is wrong. After the first wrong row nothing more is written."""
        with self._reservations:
            for start in range(0, len(self._rows), BATCH):
                made = self._checked(self._rows[start : start + BATCH])
                if not (is_refused or self._errors):
                    self._write(made)
                if len(self._errors) >= MOST_ERRORS:
                    break
                progress(min(start + BATCH, len(self._rows)))
        return self._changes, self._errors

    # Checking

    def _checked(self, rows: Sequence[NewRow]) -> list[Made]:
        """Return the records of rows that obey the model's rules; note what is wrong with the others."""
        found: list[tuple[NewRow, Citable, list[str], Mapping[str, list[Model]]]] = []
        for row in rows:
            self._writer.pointer = row.pointer
            self._writer.is_thorough = len(self._errors) < MOST_ERRORS
            body = {**row.body, ATTESTATIONS: []} if self._evidence.is_given else row.body
            try:
                found.append((row, *self._writer.made(body)))
            except Refusal as refusal:
                self._errors += refusal.errors or []
        if self._has_slugs:
            self._give_slugs([(row, cast("Record", record)) for row, record, *_rest in found])
        checked = []
        for row, record, fields, many in found:
            self._writer.pointer = row.pointer
            try:
                record.clean_fields(exclude=self._unchecked(fields))
                record.clean()
                evidence, attestation = self._evidence_of(row, record, fields, many)
                self._writer.check_place(record, evidence)
            except Refusal as refusal:
                self._errors += refusal.errors or [error_at(row.pointer, refusal.code, str(refusal.detail))]
            except ValidationError as error:
                self._errors += rule_errors(error, row.pointer, {})
            else:
                checked.append(Made(row, record, fields, many, evidence, attestation))
        return checked

    def _unchecked(self, fields: Sequence[str]) -> set[str]:
        """Return what need not be checked of a row that gives some fields: references, and what has its default."""
        return {field.name for field in self._model._meta.fields} - self._checkable.intersection(fields)

    def _evidence_of(
        self, row: NewRow, record: Citable, fields: list[str], many: Mapping[str, list[Model]]
    ) -> tuple[Mapping[str, Any], Any]:
        """Return the evidence of a row, as a body has it, and its attestation without the record. Raises Refusal."""
        if self._attesting is None:
            return {}, None
        attestation = None
        found = self._evidence.of_row(row.number, row.evidence, supported_by(record, fields, many))
        errors: list[dict[str, str]] = []
        if CITATIONS in found and not many:  # the words of lists are looked at once these are stored
            cited = {CITATIONS: found[CITATIONS]}
            errors += evidence_errors(record, cited, self._writer.finder, row.pointer)
        for item in found.get(ATTESTATIONS, ()):
            paper = self._evidence.paper
            if paper is not None and ATTESTATIONS not in row.evidence:
                attestation = paper.attestation  # which was checked
            else:
                place = f"{row.pointer}/{ATTESTATIONS}/0"
                attestation, wrong = new_attestation(record, item, self._writer.finder, place)
                errors += wrong
            if not errors:
                errors += self._attesting.refused(record, attestation, item, row.pointer)
        if errors:
            raise Refusal("bad_request", errors=errors)
        return found, attestation

    def _give_slugs(self, found: Sequence[tuple[NewRow, Record]]) -> None:
        """Give each record that has none a free slug, and check those that have one."""
        nameless: list[tuple[Record, str]] = []
        for _row, record in found:
            with suppress(ObjectDoesNotExist, ValueError):  # `clean` says why there can be no slug
                nameless += [(record, record.slug_stem())] if not record.slug else []
        given = {record.slug: row for row, record in found if record.slug}
        with self._reservations.choosing() as taken_among:
            for slug in taken_among(given) | (given.keys() & RESERVED):
                self._errors.append(self._refused(slug, given[slug].pointer))
            size = 1
            while nameless:
                nameless, size = self._numbered(nameless, size, taken_among), size * 8
            self._reservations.reserve({record.slug for _row, record in found if record.slug})
        for _row, record in found:
            record.slug_is_free = bool(record.slug)

    def _numbered(
        self, nameless: Sequence[tuple[Record, str]], size: int, taken_among: TakenAmong
    ) -> list[tuple[Record, str]]:
        """Give free slugs out of the next so many numbers of each stem; return those for whom there was none."""
        starts = {stem: self._free_from.get(stem, 1) for _record, stem in nameless}
        tried = {_slug(stem, start + number) for stem, start in starts.items() for number in range(size)}
        taken = taken_among(tried) | self._own | RESERVED
        left = []
        for record, stem in nameless:
            number, end = self._free_from.get(stem, 1), starts[stem] + size
            while number < end and _slug(stem, number) in taken:
                number += 1
            self._free_from[stem] = min(number + 1, end)
            if number < end:
                record.slug = _slug(stem, number)
                self._own.add(record.slug)
            else:
                left.append((record, stem))
        return left

    def _refused(self, slug: str, pointer: str) -> dict[str, str]:
        if slug in RESERVED:
            return error_at(f"{pointer}/slug", "reserved", gettext("This slug is an address."))
        if RetiredSlug.objects.filter(table=self._table, slug=slug).exists():
            detail = gettext("This slug belonged to a record that was deleted; slugs are not reused.")
        else:
            detail = gettext("There is such a record already.")
        return error_at(f"{pointer}/slug", "unique", detail)

    # Writing

    def _write(self, made: Sequence[Made]) -> None:
        """Store records together; where one is wrong, the others, and note what is wrong with it."""
        if not made or len(self._errors) >= MOST_ERRORS:
            return
        if self._attesting is not None and not self._knows_keys:
            for each in made:
                self._try_alone(each)
            return
        told = len(self._errors)
        try:
            with transaction.atomic():
                self._copy(made)
                self._set_many(made)
                if self._attesting is not None:
                    attested = [each for each in made if each.attestation is not None]
                    self._attesting.write(
                        {each.record.key: (each.attestation, each.evidence[ATTESTATIONS][0]) for each in attested}
                    )
                    self._cite(made)
                if len(self._errors) == told:
                    self._check()
        except OperationalError:  # no row is to blame: the time is up, a lock is held, the database is away
            raise
        except DatabaseError:
            del self._errors[told:]
            if len(made) == 1:
                self._try_alone(made[0])
                return
            half = len(made) // 2
            self._write(made[:half])
            self._write(made[half:])
        else:
            self._changes += [
                RecordChange("insert", each.record, [*each.fields, *each.evidence], pointer=each.row.pointer)
                for each in made
            ]

    def _copy(self, made: Sequence[Made]) -> None:
        # The database works on the rows that it has while the next ones are made.
        rows = ([field.pre_save(each.record, add=True) for field in self._columns] for each in made)
        copy_rows(self._table, [str(field.column) for field in self._columns], rows)

    def _set_many(self, made: Sequence[Made]) -> None:
        """Store the lists of keys, which needs the rows' own."""
        for each, row in self._stored(each for each in made if any(each.many.values())):
            for field, targets in each.many.items():
                getattr(row, field).set(targets)

    def _cite(self, made: Sequence[Made]) -> None:
        """Store the citations of rows, each of which is held to its words; note what is wrong with any."""
        for each, row in self._stored(each for each in made if CITATIONS in each.evidence):
            try:
                cited = {CITATIONS: each.evidence[CITATIONS]}
                add_evidence(row, cited, self._writer.finder, each.row.pointer)
            except Refusal as refusal:
                self._errors += refusal.errors or []

    def _stored(self, made: Iterable[Made]) -> Iterator[tuple[Made, Any]]:
        """Yield records with their rows, and give them the keys of these."""
        found = {each.record.key: each for each in made}
        if not found:
            return
        rows = self._model._base_manager.filter(**{f"{self._model.key_field}__in": [*found]}).order_by()
        for row in rows:
            found[row.key].record.pk = row.pk
            yield found[row.key], row

    def _check(self) -> None:
        """Check what the tables of the rows put off to the end of the transaction.

        What the change log puts off is left there: it lets readers of the past wait from then until the commit.
        """
        with connection.cursor() as cursor:
            if self._put_off is None:
                tables = [self._table, *(field.m2m_db_table() for field in self._model._meta.many_to_many)]
                cursor.execute(PUT_OFF, [tables])
                self._put_off = ", ".join(connection.ops.quote_name(name) for (name,) in cursor.fetchall())
            if self._put_off:
                cursor.execute(f"SET CONSTRAINTS {self._put_off} IMMEDIATE")
                cursor.execute(f"SET CONSTRAINTS {self._put_off} DEFERRED")

    def _try_alone(self, made: Made) -> None:
        self._writer.pointer = made.row.pointer
        slug = {"slug": cast("Record", made.record).slug} if self._has_slugs else {}
        try:
            with refusing(self._model, made.row.pointer), transaction.atomic():
                change = self._writer.create({**made.row.body, **slug, **made.evidence})
                change.fields += made.evidence
                refuse_drafts([change], self._writer.user)
                settle_evidence([change], self._writer.user)
                self._check()
        except Refusal as refusal:
            if "Retry-After" in refusal.headers:
                raise
            self._errors += refusal.errors or [error_at(made.row.pointer, refusal.code, str(refusal.detail))]
        else:
            self._changes.append(change)


def _without_empty(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body without its empty cells: a new record has the defaults there."""
    return {name: value for name, value in body.items() if value not in ("", None, [])}


def _slug(stem: str, number: int) -> str:
    return stem if number == 1 else f"{stem}-{number}"
