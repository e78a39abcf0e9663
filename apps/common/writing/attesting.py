"""Attestations of many new records, written by COPY beside them."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from apps.common.models.records import Citable
from apps.common.rules.competence import NOT_COMPETENT, Speaker
from apps.common.rules.evidence import stated_sql
from apps.common.writing.contract import error_at
from apps.common.writing.copying import columns_to_copy, copy_rows

OF_RECORD = ("slug", "supports", "locator", "object_id", "says")  # what is not the same in all of one paper
STATED = "SELECT r.{key}::text, r.id, {stated}::text FROM {quoted} AS r WHERE r.{key}::text = ANY(%s)"


class Attesting:
    """Attests to new records of one kind, each by an attestation of its own.

    Attestations that differ in record, `supports` and `locator` alone may be one object, which costs less.
    """

    def __init__(self, model: type[Citable]) -> None:
        self._model: Any = model
        self._evidence: Any = model._meta.get_field("attestations").related_model
        self._columns = columns_to_copy(self._evidence)
        self._kind = ContentType.objects.get_for_model(model).pk
        self._speakers: dict[Any, Speaker] = {}
        self._speaking: dict[int, tuple[Any, Speaker]] = {}  # by the identity of the attestation, which is kept
        parts = {field.fk_field for field in model._meta.private_fields if isinstance(field, GenericForeignKey)}
        # What a new record points at, which decides who may speak of it.
        self._references = [
            field.attname for field in model._meta.concrete_fields if field.is_relation or field.name in parts
        ]
        self._wrong: dict[tuple[Any, ...], list[str]] = {}
        self._cells: dict[int, tuple[Any, dict[str, Any]]] = {}  # by the identity of the attestation, which is kept

    def refused(self, record: Citable, attestation: Any, item: Mapping[str, Any], pointer: str) -> list[dict[str, str]]:
        """Return why the party may not say of a record, which is not stored yet, what the item supports."""
        if id(attestation) not in self._speaking:
            party = attestation.party
            self._speaking[id(attestation)] = attestation, self._speakers.setdefault(party, Speaker(party))
        _attestation, speaker = self._speaking[id(attestation)]
        asked = speaker, *item["supports"], *(getattr(record, name) for name in self._references)
        if asked not in self._wrong:
            self._wrong[asked] = speaker.may_not_say(record, item["supports"])
        if wrong := self._wrong[asked]:
            detail = NOT_COMPETENT % {"party": speaker.party, "names": ", ".join(wrong)}
            return [error_at(f"{pointer}/attestations/0/supports", "not_competent", detail)]
        return []

    def write(self, due: Mapping[str, tuple[Any, Mapping[str, Any]]]) -> None:
        """Store attestations, each with its item of a body, by the keys of the records, which are stored by now."""
        if not due:
            return
        quote = connection.ops.quote_name
        key = quote(str(self._model._meta.get_field(self._model.key_field).column))
        quoted = quote(str(self._model._meta.db_table))
        with connection.cursor() as cursor:
            cursor.execute(STATED.format(key=key, stated=stated_sql(self._model, "r"), quoted=quoted), [[*due]])
            stored = cursor.fetchall()
        copy_rows(
            self._evidence._meta.db_table,
            [str(field.column) for field in self._columns],
            (self._row(*due[key], pk, stated) for key, pk, stated in stored),
        )

    def _row(self, attestation: Any, item: Mapping[str, Any], pk: int, stated: str) -> list[Any]:
        """Return the columns of an attestation; of what the record states the database keeps what is supported."""
        if id(attestation) not in self._cells:
            attestation.content_type_id, attestation.slug = self._kind, "-"
            cells = {field.name: self._cell(field, attestation) for field in self._columns}
            self._cells[id(attestation)] = attestation, cells
        _attestation, cells = self._cells[id(attestation)]
        own = {
            "slug": f"{attestation.kind}-{uuid4().hex[:16]}",
            "supports": f"{{{','.join(item['supports'])}}}",  # names of fields
            "locator": item["locator"],
            "object_id": pk,
            "says": stated,
        }
        return [*{**cells, **own}.values()]

    @staticmethod
    def _cell(field: Any, attestation: Any) -> Any:
        value = None if field.name in OF_RECORD else field.pre_save(attestation, add=True)
        return value if value is None else field.get_db_prep_save(value, connection)
