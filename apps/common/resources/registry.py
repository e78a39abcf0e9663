"""The resources of the API: the router hands its viewsets over once, and whatever needs all of them asks here."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import cast

from django.conf import settings
from rest_framework.routers import SimpleRouter

from apps.common.files.columns import columns
from apps.common.models.records import Citable
from apps.common.resources.views import RecordViewSet, Tag
from apps.common.serializers.compiler import Compilation, SqlRow, json_of

_other_tags: list[Tag] = []


def register(router: SimpleRouter, *, other_tags: Iterable[Tag]) -> None:
    """Take all viewsets from the router, and the tags of the operations that belong to no resource."""
    for name, viewset, _basename in router.registry:
        RecordViewSet.resources[name] = cast("type[RecordViewSet]", viewset)
    _other_tags[:] = other_tags


def viewsets() -> Mapping[str, type[RecordViewSet]]:
    """Return the viewsets by the name of their resource, in the order of the router."""
    if not RecordViewSet.resources:
        import_module(settings.ROOT_URLCONF)  # a command that has answered no request: this loads the router
    return RecordViewSet.resources


def viewset_of(model: type[Citable]) -> type[RecordViewSet]:
    """Return the viewset of a model."""
    return viewsets()[model.resource]


def tags() -> list[Tag]:
    """Return the tags of the API: those of the resources in the order of the router, then the others."""
    return [*dict.fromkeys(viewset.tag for viewset in viewsets().values()), *_other_tags]


def check_serializers() -> None:
    """Raise CompileError for a serializer that has no SQL, or no columns for a file.

    Called at the start, once the database is migrated.
    """
    for view in viewsets().values():
        columns(view.serializer_class(context={"labels": True}), guarded=True)
        for serializer in (view.serializer_class, view.detail_serializer_class):
            json_of(serializer(context={"labels": True}), SqlRow(Compilation(), view.queryset.model))
