"""How far an import is that goes on behind its answer, for who asked for it and for stewards."""

import uuid

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.http.parameters import refuse_all_but_format
from apps.common.models.import_jobs import ImportJob
from apps.common.resources import import_jobs
from apps.common.rules.permissions import is_answered
from apps.common.rules.territory import territory_of


class IsSomebody(BasePermission):
    """Everybody with an account; which jobs one sees is another question."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return not is_answered(request, view) or bool(request.user and request.user.pk)


class ImportJobView(APIView):
    """One import."""

    permission_classes = [IsSomebody]
    told_headers = {200: ("Retry-After",)}

    @extend_schema(
        operation_id="get_import_job",
        summary="See how far an import is",
        parameters=[OpenApiParameter("key", uuid.UUID, OpenApiParameter.PATH, description="Identifier of the import.")],
        responses={200: {"$ref": "#/components/schemas/ImportJob"}, 403: None},
        tags=["api"],
    )
    def get(self, request: Request, key: str) -> Response:
        """Give the state of an import that goes on behind its answer, and its result once it has ended.

        It is for who sent the file, and for stewards. `Retry-After` says when to look again.
        """
        refuse_all_but_format(request)
        job = ImportJob.objects.filter(key=key).defer("content").first()
        if job is None or not (job.user_id == request.user.pk or territory_of(request.user).everything):
            raise Http404
        return Response(import_jobs.body_of(job), headers=import_jobs.headers_of(job))
