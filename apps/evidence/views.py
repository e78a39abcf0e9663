"""Articles, citations, marks and figures over HTTP."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpResponse
from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.models import User
from apps.common.filters.sets import lists_of
from apps.common.http.parameters import Query, read_format, read_words, refuse_unknown
from apps.common.http.problems import NoRecordError, nearest, parameter_error
from apps.common.models.records import citable_models
from apps.common.models.unknown_keys import meant
from apps.common.openapi.parameters import DRY_RUN, LANGUAGE, format_parameter
from apps.common.openapi.write_schema import REASONED
from apps.common.reading.answer_cache import CachedReads
from apps.common.resources.views import RecordViewSet, Tag
from apps.common.serializers.quoting import quoting_for
from apps.common.serializers.targets import load_targets, target_of
from apps.common.writing.changes import RecordChange
from apps.common.writing.contract import REASON, error_at, escape
from apps.common.writing.refusals import raise_all
from apps.evidence import answering, filters, linked_terms, serializers
from apps.evidence.facts import statements
from apps.evidence.models import Article, Attestation, Citation, Figure, Mark
from apps.evidence.statements import statements_of
from apps.evidence.sums.adding import AddingError
from apps.evidence.sums.summary import subject_of, summarise
from apps.evidence.texts.quoting import Bodies
from apps.evidence.workbench import coverage
from apps.evidence.workbench.serializers import ArticleCoverageSerializer

TAG = Tag("evidence", "How we know: articles, the spans that support facts, reported numbers.")


class ArticleViewSet(RecordViewSet):
    """Published sources. Their texts are not part of the registry; positions and digests are."""

    queryset = Article.objects.all()
    serializer_class = serializers.ArticleSerializer
    detail_serializer_class = serializers.ArticleSerializer
    filterset_class = filters.ArticleFilterSet
    sortable = {
        "title": "title_pinyin",
        "slug": "slug",
        "issued_on": "issued_on_earliest",
        "updated_at": "updated_at",
    }
    default_sort = "-issued_on"
    tag = TAG
    linked = linked_terms.ARTICLE

    def _article(self) -> Article:
        """Return the article of the address; what is told of it takes no parameters."""
        refuse_unknown(self.request, ())
        key = self.kwargs["key"]
        if "\0" in key or (article := Article.objects.visible_to(None).filter(slug=key).first()) is None:
            raise NoRecordError(meant(Article, key, None))
        return article

    @extend_schema(
        operation_id="get_article_coverage",
        summary="Tell how much of an article the registry holds",
        responses=ArticleCoverageSerializer,
    )
    @action(detail=True, filterset_class=None, pagination_class=None, costly=True)
    def coverage(self, request: Request, key: str) -> Response:
        """Tell how much of an article the registry holds.

        Every numeral, date expression, quoted name and known name in the body, each with the citations that cover it,
        the marks that say that it states no fact, or null; and the values that no citation supports. One document,
        not paged. Where the article's text is not attached, nothing can be found in it, and only values are told.
        """
        article = self._article()
        found = coverage.examine(article, published_only=True)
        context = {"article": article, "bodies": Bodies([article.pk], quoting_for(request.user))}
        return Response(ArticleCoverageSerializer(found, context=context).data)

    @extend_schema(
        operation_id="get_article_facts",
        summary="Tell an article as facts",
        responses=serializers.ArticleFactsSerializer,
    )
    @action(detail=True, filterset_class=None, pagination_class=None, costly=True)
    def facts(self, request: Request, key: str) -> Response:
        """Tell an article as facts, in reading order: for each span what it says about which record.

        A span that supports several records stands once for each, and a record once for each of its spans. One
        document, not paged: an article has a few hundred facts.
        """
        article = self._article()
        found = {"article": article, "facts": statements(article)}
        return Response(serializers.ArticleFactsSerializer(found).data)


class CitationViewSet(RecordViewSet):
    """Which span of which article supports which fields of which record.

    A citation whose span is empty, lies outside the article's body or does not have the digest is refused.
    """

    queryset = Citation.objects.all()
    serializer_class = serializers.CitationSerializer
    detail_serializer_class = serializers.CitationSerializer
    filterset_class = filters.CitationFilterSet
    sortable = {"start": "start", "slug": "slug", "updated_at": "updated_at"}
    default_sort = "slug"
    tag = TAG
    linked = linked_terms.CITATION


class StatementsView(CachedReads, APIView):
    """Who says what of one record."""

    @extend_schema(
        operation_id="get_statements",
        summary="Tell who says what of a record",
        tags=[TAG.name],
        parameters=[
            OpenApiParameter(
                "resource", str, OpenApiParameter.PATH, description="Name of the resource, as in addresses."
            ),
            format_parameter(),
        ],
        responses={200: serializers.StatementsSerializer},
    )
    def get(self, request: Request, resource: str, key: str) -> Response:
        """List what evidence says of a record, field by field: articles and parties, what stands and what does not.

        One document, not paged. Divisions rest on the editions of their codes, and have statements only where an
        article or a party speaks of them.
        """
        model = citable_models().get(resource)
        if model is None or model in (Citation, Attestation, Mark, Article):
            raise Http404
        query = Query(request, {"format"})
        query.read(read_format)
        query.check()
        visible = model.rows().visible_to(request.user)
        record = None if "\0" in key else visible.filter(**{model.key_field: key}).first()
        if record is None or (target := target_of(record, request.user)) is None:
            raise NoRecordError(meant(model, key, request.user))
        found = {"record": target, "statements": statements_of(record, request.user)}
        return Response(serializers.StatementsSerializer(found).data)


class AttestationViewSet(RecordViewSet):
    """What parties themselves say of records: by using the service (acts), on paper, or by telephone."""

    queryset = Attestation.objects.all()
    serializer_class = serializers.AttestationSerializer
    detail_serializer_class = serializers.AttestationSerializer
    filterset_class = filters.AttestationFilterSet
    sortable = {"stated_on": "stated_on_earliest", "slug": "slug", "updated_at": "updated_at"}
    default_sort = "slug"
    tag = TAG
    linked = linked_terms.ATTESTATION

    @extend_schema(
        operation_id="confirm_attestation",
        summary="Confirm what is said in a party's name",
        parameters=[DRY_RUN, LANGUAGE],
        request={"application/json": REASONED},
        responses={200: serializers.AttestationSerializer},
    )
    @action(detail=True, methods=["post"], filterset_class=None, pagination_class=None)
    def confirm(self, request: Request, key: str) -> HttpResponse:
        """Confirm, as the party, what a paper or a call says in its name. Who recorded it does not confirm it."""
        return self._settle(key, answering.confirm)

    @extend_schema(
        operation_id="dispute_attestation",
        summary="Dispute what is said in a party's name",
        parameters=[DRY_RUN, LANGUAGE],
        request={"application/json": REASONED},
        responses={200: serializers.AttestationSerializer},
    )
    @action(detail=True, methods=["post"], filterset_class=None, pagination_class=None)
    def dispute(self, request: Request, key: str) -> HttpResponse:
        """Dispute, as the party, what is said in its name. That is shown, and takes nothing back."""
        return self._settle(key, answering.dispute)

    @extend_schema(
        operation_id="retract_attestation",
        summary="Take an attestation back",
        parameters=[DRY_RUN, LANGUAGE],
        request={"application/json": REASONED},
        responses={200: serializers.AttestationSerializer},
    )
    @action(detail=True, methods=["post"], filterset_class=None, pagination_class=None)
    def retract(self, request: Request, key: str) -> HttpResponse:
        """Take an attestation back: it supports nothing since. The last one of a published value stays (409)."""
        return self._settle(key, answering.retract)

    def _settle(self, key: str, do: Callable[[Attestation, User | AnonymousUser], None]) -> HttpResponse:
        body = self._body()
        reason = self._reason(body)

        def work() -> HttpResponse:
            detail = gettext("Only “%(name)s” is expected.") % {"name": REASON}
            unknown = (error_at(f"/{escape(name)}", "unknown_field", detail) for name in body if name != REASON)
            raise_all([*self.flaws, *unknown])
            pk = self._rows(key).values_list("pk", flat=True).first()
            attestation = Attestation.objects.select_for_update(no_key=True).filter(pk=pk).first()
            if attestation is None:
                raise self._no_record(key)
            self.conditions.check_read(attestation)
            do(attestation, self.request.user)
            return self._answer([RecordChange("update", attestation)], status=200)

        return self._write(reason, work)


class MarkViewSet(RecordViewSet):
    """Stretches of articles that a curator has found to state no fact, with the reason."""

    queryset = Mark.objects.all()
    serializer_class = serializers.MarkSerializer
    detail_serializer_class = serializers.MarkSerializer
    filterset_class = filters.MarkFilterSet
    sortable = {"start": "start", "slug": "slug", "updated_at": "updated_at"}
    default_sort = "slug"
    tag = TAG
    linked = linked_terms.MARK


class FigureViewSet(RecordViewSet):
    """Numbers that sources report, with what is needed to know what they mean."""

    queryset = Figure.objects.all()
    serializer_class = serializers.FigureSerializer
    detail_serializer_class = serializers.FigureSerializer
    filterset_class = filters.FigureFilterSet
    sortable = {
        "name": "name_pinyin",
        "slug": "slug",
        "measure": "measure",
        "value": "value",
        "updated_at": "updated_at",
    }
    default_sort = "name"
    tag = TAG
    linked = linked_terms.FIGURE

    @extend_schema(
        operation_id="get_figure_summary",
        summary="Add up the figures of one measure",
        parameters=[OpenApiParameter("measure", str, required=True, description="What is counted; one key.")],
        filters=True,
        responses=serializers.FigureSummarySerializer,
    )
    @action(detail=False, pagination_class=None, costly=True)
    def summary(self, request: Request) -> Response:
        """Add up the actual figures of one measure that the filters leave.

        Only what may be added is: the same unit, and no two figures about the same record, or about a record and one
        that it lies in, unless their periods lie apart. Comparators carry through: a sum with an “at least” is at
        least. Anything else is 400 with the reason. Targets are listed beside the sum.
        """
        filters = self.filterset_class.base_filters
        refuse_unknown(request, filters, lists_of(filters))
        measure = request.query_params.get("measure", "")
        if not measure or "," in measure:
            raise parameter_error("measure", gettext("Name one measure."))
        if Figure.Kind.TARGET in read_words(request, "kind"):
            raise parameter_error("kind", gettext("A target is a plan and never enters a sum."))
        visible = Figure.objects.visible_to(request.user)
        figures = self.filter_queryset(visible).order_by("slug")
        if not figures:
            detail = gettext("There is no figure of “%(measure)s” to add.") % {"measure": measure[:60]}
            measures = set(visible.values_list("measure", flat=True)) - {measure}
            raise parameter_error("measure", detail + nearest(measure[:60], measures))
        try:
            found = summarise(figures)
        except AddingError as error:
            raise parameter_error("measure", str(error)) from error
        listed: list[Any] = [*found.figures, *found.targets]
        # Looked up together; a subject that is not published stays out.
        targets = load_targets(map(subject_of, listed), None)
        for figure in listed:
            figure.target = targets.get(subject_of(figure))
        return Response(serializers.FigureSummarySerializer(found).data)
