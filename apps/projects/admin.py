"""Curators' pages of needs, resources, projects, and what belongs to a project."""

from django.contrib import admin

from apps.common.admin.columns import PLACE, EvidenceFilter, date_column, dates, name_column, place_column
from apps.common.admin.records import PartInline, RecordAdmin, RecordInline
from apps.projects.models import (
    Category,
    Claim,
    Deliverable,
    Match,
    Need,
    Project,
    ProjectPartner,
    Resource,
    Round,
    RoundProject,
)
from apps.registry.admin import PARTY, DistrictFilter, ResolvedFilter, party_column
from apps.registry.models import PARTY_KEYS


@admin.register(Category)
class CategoryAdmin(RecordAdmin):
    list_display = [name_column, "alliance", "programme", "position"]
    list_select_related = ["alliance", "programme"]
    search_fields = ["search_text", "alliance", "programme"]
    fieldsets = [(None, {"fields": [("name", "slug"), ("alliance", "programme", "position")]})]

    def option_label(self, record: Category) -> str:
        return f"{record} · {record.alliance or record.programme}"


class OfferAdmin(RecordAdmin):
    """Pages of needs and of resources, which have the same columns."""

    list_filter = ["status", DistrictFilter, EvidenceFilter]
    list_select_related = ["alliance", "unit", "street", "neighbourhood"]
    fieldsets = [
        (None, {"fields": [("name", "name_given", "slug"), ("status", "category", "capacity"), "summary"]}),
        (None, {"fields": [("alliance", "unit"), ("street", "neighbourhood")]}),
        dates("published_on", "closes_on"),
    ]


@admin.register(Need)
class NeedAdmin(OfferAdmin):
    fieldsets = [*OfferAdmin.fieldsets, (None, {"fields": ["project", "outcome"]})]
    list_display = [
        name_column,
        "status",
        "alliance",
        "unit",
        "street",
        "neighbourhood",
        date_column(Need, "published_on"),
    ]


@admin.register(Resource)
class ResourceAdmin(OfferAdmin):
    list_display = [
        name_column,
        "status",
        "unit",
        "alliance",
        "street",
        "neighbourhood",
        date_column(Resource, "published_on"),
    ]


@admin.register(Match)
class MatchAdmin(RecordAdmin):
    list_display = ["need", "offer", "status", "broker"]
    list_filter = ["status", EvidenceFilter]
    list_select_related = ["need", "offer", "broker"]
    search_fields = ["need", "offer"]
    fieldsets = [(None, {"fields": [("need", "offer"), ("broker", "status", "slug"), "note"]})]


# Projects -------------------------------------------------------------------------------------------------------------


class ProjectPartInline(PartInline):
    model = Project
    fields = ["name", "kind", "status"]


class CategoryInline(RecordInline):
    model = Category
    fk_name = "programme"
    fields = ["position", "name"]


class ProjectPartnerInline(RecordInline):
    model = ProjectPartner
    fields = [*PARTY_KEYS, "as_written", "group", "role"]
    list_select_related = PARTY_KEYS


class ClaimInline(RecordInline):
    model = Claim
    fields = ["unit", "as_written", "status", "claimed_on"]
    list_select_related = ["unit"]


class DeliverableInline(RecordInline):
    model = Deliverable
    fields = ["name", "kind", "status", "released_on"]


@admin.register(Project)
class ProjectAdmin(RecordAdmin):
    list_display = [
        name_column,
        "kind",
        "status",
        "parent",
        "category",
        "alliance",
        place_column,
        date_column(Project, "starts_on"),
    ]
    list_filter = ["kind", "status", DistrictFilter, EvidenceFilter]
    list_select_related = ["parent", "category", "alliance", "in_district", "in_street", "in_neighbourhood"]
    inlines = [ProjectPartInline, CategoryInline, ProjectPartnerInline, ClaimInline, DeliverableInline]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("name", "name_given", "slug"),
                    ("kind", "status", "parent"),
                    ("alliance", "category"),
                    "slogan",
                    "summary",
                ]
            },
        ),
        PLACE,
        dates("starts_on", "ends_on"),
    ]


@admin.register(ProjectPartner)
class ProjectPartnerAdmin(RecordAdmin):
    list_display = [party_column, "role", "project"]
    list_filter = ["role", ResolvedFilter, EvidenceFilter]
    list_select_related = ["project", *PARTY_KEYS]
    search_fields = ["project", *PARTY_KEYS, "as_written"]
    fieldsets = [(None, {"fields": [("project", "role", "slug")]}), PARTY]


class RoundProjectInline(RecordInline):
    model = RoundProject
    fields = ["project", "places", "category"]
    list_select_related = ["project", "category"]


@admin.register(Round)
class RoundAdmin(RecordAdmin):
    list_display = [name_column, "status", "mode", "alliance", "street", date_column(Round, "opens_on")]
    list_filter = ["status", "mode", DistrictFilter, EvidenceFilter]
    list_select_related = ["alliance", "street"]
    inlines = [RoundProjectInline]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("name", "slug"),
                    ("status", "mode"),
                    ("alliance", "street"),
                    ("most_claims", "lease_days"),
                    "summary",
                ]
            },
        ),
        dates("opens_on", "closes_on"),
    ]


@admin.register(RoundProject)
class RoundProjectAdmin(RecordAdmin):
    list_display = ["project", "round", "places", "category"]
    list_filter = [EvidenceFilter]
    list_select_related = ["project", "round", "category"]
    search_fields = ["project", "round"]
    fieldsets = [(None, {"fields": [("round", "project", "slug"), ("places", "category")]})]


@admin.register(Claim)
class ClaimAdmin(RecordAdmin):
    list_display = ["unit", "project", "status", date_column(Claim, "claimed_on")]
    list_filter = ["status", EvidenceFilter]
    list_select_related = ["unit", "project", "round_project", "body"]
    search_fields = ["project", "unit", "as_written"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("project", "round_project"),
                    ("unit", "body"),
                    ("as_written", "status", "slug"),
                    "summary",
                    "outcome",
                ]
            },
        ),
        dates("claimed_on", "accepted_on", "lapses_on"),
    ]


@admin.register(Deliverable)
class DeliverableAdmin(RecordAdmin):
    list_display = [name_column, "kind", "status", "project", date_column(Deliverable, "released_on")]
    list_filter = ["kind", "status", EvidenceFilter]
    list_select_related = ["project"]
    search_fields = ["search_text", "project"]
    fieldsets = [
        (None, {"fields": [("name", "slug"), ("project", "kind", "status"), "summary"]}),
        dates("released_on"),
    ]
