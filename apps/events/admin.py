"""Curators' pages of events, who took part in them, and awards."""

from django.contrib import admin

from apps.common.admin.columns import PLACE, EvidenceFilter, date_column, dates, name_column, place_column
from apps.common.admin.records import PartInline, RecordAdmin, RecordInline
from apps.events.models import Award, Event, Participation
from apps.registry.admin import PARTY, DistrictFilter, ResolvedFilter, party_column
from apps.registry.models import PARTY_KEYS


class EventPartInline(PartInline):
    model = Event
    fields = ["name", "kind", "status", "held_on"]


class ParticipationInline(RecordInline):
    model = Participation
    fields = [
        *PARTY_KEYS,
        "as_written",
        "group",
        "role",
        "status",
        "representative_name",
        "representative_office",
        "award",
        "contribution",
    ]
    list_select_related = PARTY_KEYS


@admin.register(Event)
class EventAdmin(RecordAdmin):
    list_display = [name_column, "kind", "status", "parent", "alliance", place_column, date_column(Event, "held_on")]
    list_filter = ["kind", "status", DistrictFilter, EvidenceFilter]
    list_select_related = ["parent", "alliance", "in_district", "in_street", "in_neighbourhood"]
    date_hierarchy = "held_on_earliest"
    inlines = [EventPartInline, ParticipationInline]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("name", "name_given", "slug"),
                    ("kind", "status", "parent"),
                    ("alliance", "venue", "series"),
                    "projects",
                    "slogan",
                    "summary",
                ]
            },
        ),
        PLACE,
        dates("held_on"),
    ]


@admin.register(Award)
class AwardAdmin(RecordAdmin):
    list_display = [name_column, "giver", "district"]
    list_filter = [DistrictFilter, EvidenceFilter]
    list_select_related = ["giver", "district"]
    fieldsets = [(None, {"fields": [("name", "slug"), ("giver", "district"), "summary"]})]


@admin.register(Participation)
class ParticipationAdmin(RecordAdmin):
    list_display = [party_column, "role", "status", "event", "representative_office", "award", "contribution"]
    list_filter = ["role", "status", ResolvedFilter, EvidenceFilter]
    list_select_related = ["event", *PARTY_KEYS, "award"]
    search_fields = ["event", *PARTY_KEYS, "award", "as_written"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("event", "role", "status", "slug"),
                    ("representative_name", "representative_office"),
                    ("award", "contribution"),
                ]
            },
        ),
        PARTY,
    ]
