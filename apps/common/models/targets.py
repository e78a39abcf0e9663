"""The records that generic references point at."""

from typing import NamedTuple

from django.contrib.contenttypes.models import ContentType

from apps.common.models.records import Citable


class Target(NamedTuple):
    """A record as another one points at it: enough to name it and to link to it."""

    resource: str
    key: str
    name: str


def model_of(content_type_id: int) -> type[Citable]:
    """Return the model of the records that generic references with this content type point at."""
    model = ContentType.objects.get_for_id(content_type_id).model_class()
    if model is None or not issubclass(model, Citable):
        raise LookupError(f"content type {content_type_id} is not that of a record")
    return model
