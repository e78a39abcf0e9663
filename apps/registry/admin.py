"""Curators' pages of divisions, units, alliances and venues."""

from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.common.admin.columns import PLACE, EvidenceFilter, date_column, dates, list_link, name_column, place_column
from apps.common.admin.records import CitableAdmin, PartInline, RecordAdmin, RecordInline
from apps.common.models.records import RecordQuerySet
from apps.registry.models import (
    PARTY_KEYS,
    Alliance,
    District,
    Identifier,
    Membership,
    MemberUnit,
    Neighbourhood,
    Party,
    Street,
    UnitName,
    Venue,
    VenueService,
)
from apps.registry.models.divisions import DivisionQuerySet

# Divisions ------------------------------------------------------------------------------------------------------------


class ValidityFilter(admin.SimpleListFilter):
    """Divisions of the newest edition, and those that only earlier editions have."""

    title = _("validity")
    parameter_name = "validity"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str | Promise]]:
        return [("current", _("in the newest edition")), ("former", _("in earlier editions only"))]

    def queryset(self, request: HttpRequest, queryset: DivisionQuerySet) -> DivisionQuerySet:
        if self.value() == "current":
            return queryset.current()
        return queryset.exclude(abolished_on="") if self.value() == "former" else queryset


class DistrictFilter(admin.SimpleListFilter):
    """Records that lie in a district."""

    title = _("district")
    parameter_name = "in"
    paths = ("in_district", "district", "street__district")  # the last two of divisions

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(code, name) for code, name in District.objects.current().values_list("code", "name")]

    def queryset(self, request: HttpRequest, queryset: RecordQuerySet) -> RecordQuerySet:
        if not self.value():
            return queryset
        fields = {field.name for field in queryset.model._meta.concrete_fields}
        path = next(path for path in self.paths if path.partition("__")[0] in fields)
        return queryset.filter(**{f"{path}__code": self.value()})


# Parties of projects and events ---------------------------------------------------------------------------------------


@admin.display(description=_("party"))
def party_column(row: Party) -> str:
    """The name of the party, as written where it is not resolved."""
    return row.party_name


PARTY = (
    _("Party: one of these, or the name as written"),
    {"fields": [("unit", "alliance"), PARTY_KEYS[2:], ("as_written", "group")]},
)


class ResolvedFilter(admin.SimpleListFilter):
    """Rows whose party is on record, those of groups, and those whose name as written is still to be resolved."""

    title = _("party")
    parameter_name = "resolved"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str | Promise]]:
        return [("yes", _("on record")), ("group", _("group")), ("no", _("to be resolved"))]

    def queryset(self, request: HttpRequest, queryset: RecordQuerySet) -> RecordQuerySet:
        unresolved = Q(**dict.fromkeys(PARTY_KEYS))
        match self.value():
            case "yes":
                return queryset.exclude(unresolved)
            case "group":
                return queryset.filter(group=True)
            case "no":
                return queryset.filter(unresolved, group=False)
        return queryset


class DivisionAdmin(CitableAdmin):
    """Pages of divisions. Curators do not change values of the official codes; they set the successor of a division."""

    search_help_text = _("By name or another spelling of it: Chinese, pinyin or initials, of any length.")

    def has_delete_permission(self, request: HttpRequest, obj: District | Street | Neighbourhood | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.code)

    def option_label(self, record: District | Street | Neighbourhood) -> str:
        """Return the division with those in which it lies and, for a former one, the editions that list it."""
        names = [record.name]
        if isinstance(record, Neighbourhood):
            names += [record.street.name, record.street.district.name]
        elif isinstance(record, Street):
            names.append(record.district.name)
        label = " · ".join(names)
        return f"{label} ({', '.join(map(str, record.editions))})" if record.abolished_on else label


@admin.register(District)
class DistrictAdmin(DivisionAdmin):
    list_display = [
        name_column,
        "code",
        "kind",
        date_column(District, "established_on"),
        date_column(District, "abolished_on"),
        "successor",
    ]
    list_filter = ["kind", ValidityFilter, EvidenceFilter]
    list_select_related = ["successor"]
    fixed_fields = ["code", "name", "kind", "editions"]
    readonly_fields = ["streets"]
    change_fieldsets = [(_("Streets"), {"fields": ["streets"]})]
    fieldsets = [
        (None, {"fields": [("name", "code", "kind"), ("editions", "successor")]}),
        dates("established_on", "abolished_on"),
    ]

    @admin.display(description=_("streets"))
    def streets(self, district: District) -> SafeString:
        return list_link(Street, "district__id__exact", district.pk, district.streets.count())


@admin.register(Street)
class StreetAdmin(DivisionAdmin):
    list_display = [
        name_column,
        "code",
        "kind",
        "district",
        date_column(Street, "established_on"),
        date_column(Street, "abolished_on"),
        "successor",
    ]
    list_filter = ["kind", ValidityFilter, DistrictFilter, EvidenceFilter]
    list_select_related = ["district", "successor"]
    linked_lookups = ["district__id__exact"]
    fixed_fields = ["code", "name", "kind", "editions", "district"]
    readonly_fields = ["neighbourhoods"]
    change_fieldsets = [(_("Neighbourhoods"), {"fields": ["neighbourhoods"]})]
    fieldsets = [
        (None, {"fields": [("name", "code", "kind"), ("district", "editions", "successor")]}),
        dates("established_on", "abolished_on"),
    ]

    @admin.display(description=_("neighbourhoods"))
    def neighbourhoods(self, street: Street) -> SafeString:
        return list_link(Neighbourhood, "street__id__exact", street.pk, street.neighbourhoods.count())


@admin.register(Neighbourhood)
class NeighbourhoodAdmin(DivisionAdmin):
    list_display = [name_column, "key", "kind", "street", "district", date_column(Neighbourhood, "abolished_on")]
    list_filter = ["kind", ValidityFilter, DistrictFilter, EvidenceFilter]
    list_select_related = ["street__district", "committee", "successor"]
    linked_lookups = ["street__id__exact", "committee__id__exact"]
    fixed_fields = ["code", "slug", "kind"]
    readonly_fields = ["estates"]
    change_fieldsets = [(_("Estates"), {"fields": ["estates"]})]
    fieldsets = [
        (None, {"fields": [("name", "kind"), ("code", "slug"), ("street", "committee"), ("editions", "successor")]}),
        dates("established_on", "abolished_on"),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Neighbourhood | None = None) -> list[str]:
        # An estate is known from articles and maps, so that a curator may correct its name and place.
        official = ["name", "street", "editions"] if obj and obj.code else []
        return [*super().get_readonly_fields(request, obj), *official]

    @admin.display(description=_("district"), ordering="street__district__code")
    def district(self, neighbourhood: Neighbourhood) -> str:
        return neighbourhood.street.district.name

    @admin.display(description=_("estates"))
    def estates(self, committee: Neighbourhood) -> SafeString:
        return list_link(Neighbourhood, "committee__id__exact", committee.pk, committee.estates.count())


# Units ----------------------------------------------------------------------------------------------------------------


class UnitNameInline(RecordInline):
    model = UnitName
    fields = ["name", "kind", "valid_from", "valid_until"]


class IdentifierInline(RecordInline):
    model = Identifier
    fields = ["scheme", "value"]


class UnitPartInline(PartInline):
    model = MemberUnit
    fields = ["name", "kind"]


@admin.register(MemberUnit)
class MemberUnitAdmin(RecordAdmin):
    list_display = [name_column, "kind", "parent", place_column]
    list_filter = ["kind", DistrictFilter, EvidenceFilter]
    list_select_related = ["parent", "in_district", "in_street", "in_neighbourhood"]
    inlines = [UnitNameInline, IdentifierInline, UnitPartInline]
    fieldsets = [
        (None, {"fields": [("name", "slug"), ("kind", "parent"), "summary"]}),
        PLACE,
    ]


@admin.register(UnitName)
class UnitNameAdmin(RecordAdmin):
    list_display = [
        name_column,
        "kind",
        "unit",
        date_column(UnitName, "valid_from"),
        date_column(UnitName, "valid_until"),
    ]
    list_filter = ["kind", EvidenceFilter]
    list_select_related = ["unit"]
    search_fields = ["search_text", "unit"]
    fieldsets = [
        (None, {"fields": [("name", "slug"), ("unit", "kind")]}),
        dates("valid_from", "valid_until"),
    ]


@admin.register(Identifier)
class IdentifierAdmin(RecordAdmin):
    list_display = ["value", "scheme", "unit"]
    list_filter = ["scheme", EvidenceFilter]
    list_select_related = ["unit"]
    search_fields = ["search_text", "unit"]
    fieldsets = [(None, {"fields": [("scheme", "value"), ("unit", "slug")]})]


# Alliances ------------------------------------------------------------------------------------------------------------


class MembershipInline(RecordInline):
    model = Membership
    fields = ["unit", "as_written", "role", "status", "joined_on", "left_on"]
    list_select_related = ["unit"]


class AlliancePartInline(PartInline):
    model = Alliance
    fields = ["name", "kind", "status"]


@admin.register(Alliance)
class AllianceAdmin(RecordAdmin):
    list_display = [
        name_column,
        "kind",
        "status",
        "parent",
        place_column,
        "member_count",
        date_column(Alliance, "founded_on"),
    ]
    list_filter = ["kind", "status", DistrictFilter, EvidenceFilter]
    list_select_related = ["parent", "in_district", "in_street", "in_neighbourhood"]
    ordering = ["name_pinyin", "slug"]  # spelled out, since a count of members drops the order of the model
    inlines = [AlliancePartInline, MembershipInline]
    fieldsets = [
        (None, {"fields": [("name", "name_given", "slug"), ("kind", "status", "parent"), "slogan", "summary"]}),
        PLACE,
        dates("founded_on", "dissolved_on"),
    ]

    def get_queryset(self, request: HttpRequest) -> RecordQuerySet:
        return (
            super()
            .get_queryset(request)
            .annotate(members=Count("memberships", filter=Membership.public("memberships")))
        )

    @admin.display(description=_("members"), ordering="members")
    def member_count(self, alliance: Alliance) -> int:
        return int(alliance.members)


@admin.register(Membership)
class MembershipAdmin(RecordAdmin):
    list_display = [
        "member",
        "alliance",
        "role",
        "status",
        date_column(Membership, "joined_on"),
        date_column(Membership, "left_on"),
    ]
    list_filter = ["role", "status", ("unit", admin.EmptyFieldListFilter), EvidenceFilter]
    list_select_related = ["unit", "alliance"]
    search_fields = ["unit", "alliance", "as_written"]
    fieldsets = [
        (None, {"fields": [("alliance", "unit"), ("as_written", "role", "status", "slug")]}),
        dates("joined_on", "left_on"),
    ]

    @admin.display(description=_("member"), ordering="unit__name_pinyin")
    def member(self, membership: Membership) -> str:
        return str(membership.unit or membership.as_written)


# Venues ---------------------------------------------------------------------------------------------------------------


class VenueServiceInline(RecordInline):
    model = VenueService
    fields = ["name", "category", "provider", "offered_since"]


class VenuePartInline(PartInline):
    model = Venue
    fields = ["name", "kind", "opened_on"]


@admin.register(Venue)
class VenueAdmin(RecordAdmin):
    list_display = [
        name_column,
        "kind",
        "parent",
        "operator",
        place_column,
        "opening_hours",
        date_column(Venue, "opened_on"),
    ]
    list_filter = ["kind", DistrictFilter, EvidenceFilter]
    list_select_related = ["parent", "operator", "in_district", "in_street", "in_neighbourhood"]
    inlines = [VenuePartInline, VenueServiceInline]
    fieldsets = [
        (None, {"fields": [("name", "slug"), ("kind", "parent"), ("operator", "opening_hours"), "summary"]}),
        PLACE,
        dates("opened_on", "closed_on"),
    ]


@admin.register(VenueService)
class VenueServiceAdmin(RecordAdmin):
    list_display = [name_column, "category", "venue", "provider", date_column(VenueService, "offered_since")]
    list_filter = ["category", EvidenceFilter]
    list_select_related = ["venue", "provider"]
    search_fields = ["search_text", "venue", "provider"]
    fieldsets = [
        (None, {"fields": [("name", "slug"), ("venue", "category", "provider"), "summary"]}),
        dates("offered_since"),
    ]
