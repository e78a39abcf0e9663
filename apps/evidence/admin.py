"""Curators' pages of articles, citations and figures."""

from collections.abc import Iterator

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import InlineModelAdmin
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AdminTextInputWidget
from django.contrib.contenttypes.models import ContentType
from django.contrib.contenttypes.prefetch import GenericPrefetch
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.common.admin.columns import (
    EvidenceFilter,
    admin_link,
    date_column,
    dates,
    list_link,
    name_column,
    row_name_column,
)
from apps.common.admin.forms import RecordForm
from apps.common.admin.records import RecordAdmin, words_of
from apps.common.models.records import Citable, RecordQuerySet, citable_models
from apps.common.models.row_names import references_of
from apps.common.serializers.targets import load_targets
from apps.evidence import admin_views
from apps.evidence.actions import publish
from apps.evidence.admin_changes import ANSWERS, CorrectsIssueDate
from apps.evidence.models import Article, Attestation, Citation, Figure, Mark
from apps.evidence.models.figures import REPORTER_KEYS
from apps.evidence.texts.upload import AttachForm, attach_view
from apps.registry.models.parties import PARTY_KEYS

# Records named as in the API ------------------------------------------------------------------------------------------


def find_record(path: str) -> Citable | None:
    """Return the record of a path such as projects/jiankang-zhitongche; a whole address that ends in one will do."""
    resource, _slash, key = path.strip().rstrip("/").rpartition("/")
    if (model := citable_models().get(resource.rpartition("/")[2])) is None:
        return None
    found: Citable | None = model._default_manager.filter(**{model.key_field: key}).first()
    return found


class RecordPathField(forms.CharField):
    """A record of any kind, written as the API addresses it."""

    widget = AdminTextInputWidget(attrs={"placeholder": "projects/jiankang-zhitongche"})
    default_error_messages = {
        "unknown": _("There is no record “%(path)s”. Write resource/key, such as projects/jiankang-zhitongche."),
    }

    def __init__(self, **kwargs: object) -> None:
        help_text = _("The record as the API addresses it: resource/key, such as alliances/… or streets/310110009.")
        super().__init__(**{"help_text": help_text, "max_length": 300, **kwargs})

    def prepare_value(self, value: object) -> object:
        return f"{value.resource}/{value.key}" if isinstance(value, Citable) else value

    def has_changed(self, initial: object, data: object) -> bool:
        if self.disabled:
            return False
        try:
            value = self.to_python(data)
        except ValidationError:
            return True
        return self.prepare_value(value) != (self.prepare_value(initial) or None)

    def to_python(self, value: object) -> Citable | None:
        if not (path := super().to_python(value)):
            return None
        if "\0" not in path and (record := find_record(path)):
            return record
        raise ValidationError(self.error_messages["unknown"], code="unknown", params={"path": path[:100]})

    def run_validators(self, value: object) -> None:
        """Pass: the value is a record, no text."""


class TargetForm(RecordForm):
    """A form that takes the target of a generic foreign key as a path. (Django wants another name than the key's.)"""

    relation: str
    target = RecordPathField(label=_("record"))

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.object_id:
            self.initial.setdefault("target", getattr(self.instance, self.relation))

    def clean_target(self) -> Citable | None:
        """Return the record; one that the user may not see is as unknown as one that is not there."""
        record: Citable | None = self.cleaned_data["target"]
        if record is not None and not type(record).rows().visible_to(self.user).filter(pk=record.pk).exists():
            path = RecordPathField().prepare_value(record)
            raise ValidationError(RecordPathField.default_error_messages["unknown"], "unknown", {"path": path})
        return record

    def clean(self) -> dict[str, object] | None:
        cleaned = super().clean()
        if cleaned and cleaned.get("target"):
            setattr(self.instance, self.relation, cleaned["target"])
        return cleaned


class CitationForm(TargetForm):
    relation = "record"
    is_checked_untouched = False


class FigureForm(TargetForm):
    relation = "subject"


class TargetChangeList(ChangeList):
    """A list whose rows know the records that they point at, all looked up in one query."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        targets = load_targets(((row.content_type_id, row.object_id) for row in self.result_list), request.user)
        for row in self.result_list:
            row.target = targets.get((row.content_type_id, row.object_id))


class TargetAdmin(RecordAdmin):
    """Pages of rows that point at a record of any kind. A path such as projects/jiankang-zhitongche finds its rows."""

    search_help_text = _("By name, or by the record: resource/key, such as projects/jiankang-zhitongche.")

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        return TargetChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: RecordQuerySet, search_term: str
    ) -> tuple[RecordQuerySet, bool]:
        if "/" in search_term and (record := find_record(search_term)):
            content_type = ContentType.objects.get_for_model(record)
            return queryset.filter(content_type=content_type, object_id=record.pk), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description=_("record"))
    def target_link(self, row: Citation | Figure) -> str:
        if row.target is None:
            return ""
        content_type = ContentType.objects.get_for_id(row.content_type_id)
        return admin_link(content_type.model_class(), row.object_id, f"{content_type.name}: {row.target.name}")


class ValuesFilter(admin.AllValuesFieldListFilter):
    """The values of a column; the empty one is a link with a text, too."""

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, object]]:
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"] or self.empty_value_display}


# Pages ----------------------------------------------------------------------------------------------------------------


@admin.register(Article)
class ArticleAdmin(CorrectsIssueDate, RecordAdmin):
    shown_to_all = True
    list_display = [
        "title_column",
        "publisher",
        "republisher",
        "byline",
        "citation_count",
        "workbench_link",
        date_column(Article, "issued_on"),
    ]
    list_filter = [("publisher", ValuesFilter), ("republisher", ValuesFilter)]
    ordering = ["slug"]  # spelled out, since a count of citations drops the order of the model
    fixed_fields = ["slug", "captured_file", "captured_sha256", "body_start", "body_end", "body_sha256"]
    readonly_fields = ["statements", "text_attached", "publication"]
    change_fieldsets = [
        (_("Correction"), {"fields": ["correction_reason"]}),
        (_("Citations"), {"fields": ["statements", "text_attached", "publication"]}),
    ]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("title", "slug"),
                    ("publisher", "republisher"),
                    ("byline", "editor"),
                    "page",
                    "canonical_url",
                ]
            },
        ),
        dates("issued_on"),
        (
            _("Text"),
            {
                "description": _("Fixed once the article is made, because citations are measured against it."),
                "fields": ["captured_file", "captured_sha256", ("body_start", "body_end"), "body_sha256"],
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> RecordQuerySet:
        return super().get_queryset(request).annotate(citation_total=Count("citation_spans"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("intake/", view(admin_views.take_in_view), name="evidence_article_intake"),
            path("<int:pk>/workbench/", view(admin_views.workbench), name="evidence_article_workbench"),
            path("<int:pk>/attach/", view(attach_view), name="evidence_article_attach"),
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        article = Article.objects.filter(pk=object_id, text=None).first() if object_id.isdecimal() else None
        if article and self.has_change_permission(request, article):
            extra_context = {**(extra_context or {}), "attach_form": AttachForm(article=article)}
        return super().change_view(request, object_id, form_url, extra_context)

    @admin.display(description=_("text attached"), boolean=True)
    def text_attached(self, article: Article) -> bool:
        return hasattr(article, "text")

    @admin.display(description=_("publication"))
    def publication(self, article: Article) -> str:
        address = article.canonical_url
        link = '<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>'
        return format_html(link, address, address) if address else "–"

    @admin.display(description=_("workbench"))
    def workbench_link(self, article: Article) -> SafeString:
        address = reverse("admin:evidence_article_workbench", args=[article.pk])
        return format_html('<a href="{}">{}</a>', address, _("Open"))

    @admin.display(description=_("title"), ordering="title_pinyin")
    def title_column(self, article: Article) -> str:
        return article.title

    @admin.display(description=_("citations"), ordering="citation_total")
    def citation_count(self, article: Article) -> int:
        return int(article.citation_total)

    @admin.display(description=_("citations made from the article"))
    def statements(self, article: Article) -> SafeString:
        return list_link(Citation, "article__id__exact", article.pk, article.citation_total)


@admin.register(Citation)
class CitationAdmin(TargetAdmin):
    form = CitationForm
    list_display = [row_name_column, "target_link", "supported_fields", "words"]
    readonly_fields = ["words"]
    list_filter = ["article", ("content_type", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["article"]
    search_fields = ["article", "slug"]
    fieldsets = [
        (None, {"fields": ["target", "supports", "read"]}),
        (_("Span"), {"fields": ["article", ("start", "end"), "sha256", "slug", "words"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> RecordQuerySet:
        # The records with all of which their names are made, since each row is called by its record's name.
        kinds = (model for model in citable_models().values() if model.row_name)
        rows = [model.rows().select_related(*references_of(model)) for model in kinds]
        return super().get_queryset(request).with_words().prefetch_related(GenericPrefetch("record", rows))

    def get_inlines(self, request: HttpRequest, obj: object) -> list[type[InlineModelAdmin]]:
        """Return none: a citation needs no citation."""
        return []

    @admin.display(description=_("words"))
    def words(self, citation: Citation) -> str:
        return words_of(citation)

    @admin.display(description=_("supports"))
    def supported_fields(self, citation: Citation) -> str:
        return ", ".join(citation.supports)


class AttestationForm(TargetForm):
    relation = "record"


@admin.register(Attestation)
class AttestationAdmin(TargetAdmin):
    form = AttestationForm
    list_display = [row_name_column, "target_link", "kind", "supported_fields", "retracted_at"]
    list_filter = ["kind", ("content_type", admin.RelatedOnlyFieldListFilter)]
    list_select_related = PARTY_KEYS
    search_fields = [*PARTY_KEYS, "title", "slug"]
    readonly_fields = ["confirmed_at", "disputed_at", "retracted_at"]
    actions = ANSWERS
    fieldsets = [
        (None, {"fields": ["target", "supports", "kind"]}),
        (_("Party: one of these"), {"fields": [PARTY_KEYS[:2], PARTY_KEYS[2:]]}),
        (_("Paper"), {"fields": [("title", "reference"), "locator", "slug"]}),
        dates("stated_on"),
        (_("Answer of the party"), {"fields": [("confirmed_at", "disputed_at", "retracted_at")]}),
    ]

    def get_queryset(self, request: HttpRequest) -> RecordQuerySet:
        kinds = (model for model in citable_models().values() if model.row_name)
        rows = [model.rows().select_related(*references_of(model)) for model in kinds]
        return super().get_queryset(request).prefetch_related(GenericPrefetch("record", rows))

    def get_inlines(self, request: HttpRequest, obj: object) -> list[type[InlineModelAdmin]]:
        """Return none: an attestation needs no evidence."""
        return []

    @admin.display(description=_("supports"))
    def supported_fields(self, attestation: Attestation) -> str:
        return ", ".join(attestation.supports)


@admin.register(Figure)
class FigureAdmin(TargetAdmin):
    form = FigureForm
    list_display = [
        name_column,
        "reading",
        "kind",
        "target_link",
        "reported_by",
        date_column(Figure, "period"),
        "as_written",
    ]
    list_filter = ["kind", "unit", ("content_type", admin.RelatedOnlyFieldListFilter), EvidenceFilter]
    list_select_related = REPORTER_KEYS
    search_fields = ["search_text", "measure", *REPORTER_KEYS]
    readonly_fields = ["reading"]
    fieldsets = [
        (None, {"fields": [("name", "name_given", "slug"), "target", "measure"]}),
        (_("Number"), {"fields": ["as_written", ("comparator", "value", "unit", "kind"), "reading"]}),
        (_("Reported by: one of these, or nobody but the article"), {"fields": [REPORTER_KEYS[:2], REPORTER_KEYS[2:]]}),
        dates("period"),
    ]

    @admin.display(description=_("reported by"), empty_value="–")
    def reported_by(self, figure: Figure) -> object:
        return figure.reported_by

    @admin.display(description=_("reading"), ordering="value", empty_value="–")
    def reading(self, figure: Figure) -> str:
        return figure.reading if figure.value is not None else ""


@admin.register(Mark)
class MarkAdmin(RecordAdmin):
    list_display = [row_name_column, "note"]
    list_filter = ["reason", "article"]
    list_select_related = ["article"]
    search_fields = ["article", "note"]
    fieldsets = [
        (None, {"fields": [("reason", "note")]}),
        (_("Span"), {"fields": ["article", ("start", "end"), "sha256", "slug"]}),
    ]

    def get_inlines(self, request: HttpRequest, obj: object) -> list[type[InlineModelAdmin]]:
        """Return none: a mark states no fact and needs no citation."""
        return []


# Publishing -----------------------------------------------------------------------------------------------------------


@admin.action(description=_("Publish the selected records"), permissions=["change"])
def publish_selected(page: RecordAdmin, request: HttpRequest, queryset: RecordQuerySet) -> None:
    """Publish the drafts among the selected records, all or none."""
    try:
        number = publish(records=queryset.editable_by(request.user), by=request.user)
    except ValidationError as error:
        for message in error.messages:
            messages.error(request, message)
    else:
        messages.success(request, _("Published: %(number)s.") % {"number": number})


# The pages of facts lie in apps that may not import this one.
RecordAdmin.fact_actions = [publish_selected]
