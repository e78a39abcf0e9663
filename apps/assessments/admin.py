"""Curators' pages of rubrics and ratings."""

from django.contrib import admin

from apps.assessments.models import Assessment, Dimension, Framework, Score
from apps.common.admin.columns import EvidenceFilter, date_column, dates, name_column
from apps.common.admin.records import RecordAdmin, RecordInline
from apps.registry.admin import DistrictFilter


class DimensionInline(RecordInline):
    model = Dimension
    fields = ["position", "name", "capability"]
    ordering = ["position"]


@admin.register(Framework)
class FrameworkAdmin(RecordAdmin):
    list_display = [name_column, "version", "owner", "street", date_column(Framework, "adopted_on")]
    list_filter = [DistrictFilter, EvidenceFilter]
    list_select_related = ["owner", "street"]
    inlines = [DimensionInline]
    fieldsets = [
        (None, {"fields": [("name", "slug"), ("version", "owner", "street"), "summary"]}),
        dates("adopted_on"),
    ]


@admin.register(Dimension)
class DimensionAdmin(RecordAdmin):
    list_display = [name_column, "framework", "position", "capability"]
    list_select_related = ["framework"]
    search_fields = ["search_text", "framework"]
    fieldsets = [(None, {"fields": [("name", "slug"), ("framework", "position", "capability")]})]

    def option_label(self, record: Dimension) -> str:
        return f"{record} · {record.framework}"


class ScoreInline(RecordInline):
    model = Score
    fields = ["dimension", "value"]
    list_select_related = ["dimension"]


@admin.register(Assessment)
class AssessmentAdmin(RecordAdmin):
    list_display = ["subject", "framework", "status", "assessor", date_column(Assessment, "assessed_on")]
    list_filter = ["status", "framework", EvidenceFilter]
    list_select_related = ["framework", "neighbourhood", "unit", "street", "assessor"]
    search_fields = ["framework", "neighbourhood", "unit", "street"]
    inlines = [ScoreInline]
    fieldsets = [
        (None, {"fields": [("framework", "slug"), ("status", "assessor"), "summary"]}),
        (None, {"fields": [("neighbourhood", "unit", "street")]}),
        dates("assessed_on"),
    ]

    @admin.display(description="")
    def subject(self, assessment: Assessment) -> str:
        return str(assessment.neighbourhood or assessment.unit or assessment.street)


@admin.register(Score)
class ScoreAdmin(RecordAdmin):
    list_display = ["assessment", "dimension", "value"]
    list_select_related = [
        "dimension",
        "assessment__framework",
        "assessment__neighbourhood",
        "assessment__unit",
        "assessment__street",
    ]
    search_fields = ["dimension"]
    fieldsets = [(None, {"fields": [("assessment", "dimension"), ("value", "slug")]})]
