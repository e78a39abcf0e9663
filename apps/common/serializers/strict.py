"""Bodies that are read by a serializer of Django REST framework and not by the contract of a resource."""

from typing import Any

from django.utils.translation import gettext
from rest_framework import serializers

from apps.common.http.problems import nearest


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses members that it does not know, and says so together with all else that is wrong."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the values of a body. Raises ValidationError."""
        unknown: dict[str, Any] = {}
        for name in data if isinstance(data, dict) else ():
            if name not in self.fields:
                detail = gettext("There is no field “%(name)s”.") % {"name": str(name)[:100]}
                detail += nearest(str(name)[:100], list(self.fields))
                unknown[str(name)[:100]] = [serializers.ErrorDetail(detail, "unknown_field")]
        try:
            found = super().to_internal_value(data)
        except serializers.ValidationError as error:
            wrong: Any = error.detail
            raise serializers.ValidationError({**wrong, **unknown}) from error
        if unknown:
            raise serializers.ValidationError(unknown)
        return found
