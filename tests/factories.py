"""One factory a model: required fields only, numbered and not random."""

# mypy: allow-untyped-calls
# (the declarations of factory_boy have no types)

import hashlib
from itertools import count
from typing import Any, Generic, TypeVar

from django.contrib.auth.models import Group
from factory import post_generation
from factory.declarations import LazyAttribute, LazyFunction, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory, Password

from apps.accounts.models import Appointment, Token, User
from apps.accounts.models.tokens import default_expiry
from apps.assessments.models import Assessment, Dimension, Framework, Score
from apps.common.models.records import Fact
from apps.common.rules.evidence import stated_values
from apps.events.models import Award, Event, Participation
from apps.evidence.models import Article, Attestation, Citation, Figure, Mark
from apps.identity.models import Merge
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
from apps.registry.models import (
    Alliance,
    District,
    Identifier,
    Membership,
    MemberUnit,
    Neighbourhood,
    Street,
    UnitName,
    Venue,
    VenueService,
)

T = TypeVar("T")

NUMBERS = count(1)
DIGEST_OF_X = hashlib.sha256(b"x").hexdigest()


def stated_names(record: Any) -> list[str]:
    """Return the fields of a stored record that have values."""
    return [] if isinstance(record, Merge) else sorted(stated_values(record))


def names_to_cite(record: Any) -> list[str]:
    """Return the fields of a stored record that have values, and those in the registry's own words, had they any."""
    own_words = {field.name for field in record._meta.fields} & getattr(record, "own_words", set())
    return sorted({*names, *own_words}) if (names := stated_names(record)) else [record.name_field]


def cite(record: Any) -> None:
    """Give a record a citation, in the one article that stands behind all records of tests."""
    article = Article.objects.filter(slug="evidence-of-tests").first() or ArticleFactory(slug="evidence-of-tests")
    slug = f"evidence-of-tests-{next(NUMBERS)}"  # one that is given need not be looked for
    CitationFactory(record=record, article=article, supports=names_to_cite(record), slug=slug)


def rest(*records: Any) -> None:
    """Give published records that were changed the evidence that their new values need."""
    for record in records:
        if isinstance(record, Fact | Neighbourhood):
            cite(record)


class FactFactory(DjangoModelFactory[T], Generic[T]):
    """A published record with the citation that it needs; `cited=False, state="draft"` makes one without."""

    class Meta:
        abstract = True
        skip_postgeneration_save = True

    state = "published"

    @post_generation
    def cited(self, create: bool, extracted: bool | None, **_options: Any) -> None:
        """Give the record a citation."""
        if create and extracted is not False:
            cite(self)


# Accounts ----------------------------------------------------------------------------------------------------------


class UserFactory(DjangoModelFactory[User]):
    """An account without a usable password: tests log in with `client.force_login`."""

    class Meta:
        model = User

    username = Sequence(lambda n: f"user{n}")
    password = Password(None)


class GroupFactory(DjangoModelFactory[Group]):
    class Meta:
        model = Group

    name = Sequence(lambda n: f"测试组{n}")


class AppointmentFactory(DjangoModelFactory[Appointment]):
    """A steward. For others: `AppointmentFactory(role="curator", street=street)`."""

    class Meta:
        model = Appointment

    user = SubFactory(UserFactory)
    role = "steward"
    from_day = "2020-01-01"


class TokenFactory(DjangoModelFactory[Token]):
    """A token that nobody knows the secret of; `token.set_secret()` gives it one."""

    class Meta:
        model = Token

    user = SubFactory(UserFactory)
    name = Sequence(lambda n: f"测试程序{n}")
    key = Sequence(lambda n: f"{n:012}")
    digest = DIGEST_OF_X
    scopes = ["read"]
    expires_at = LazyFunction(default_expiry)


# Registry ----------------------------------------------------------------------------------------------------------


class DistrictFactory(DjangoModelFactory[District]):
    class Meta:
        model = District

    name = Sequence(lambda n: f"测试{n}区")
    code = Sequence(lambda n: f"99{n:04}")
    kind = "district"


class StreetFactory(DjangoModelFactory[Street]):
    class Meta:
        model = Street

    name = Sequence(lambda n: f"测试{n}街道")
    code = Sequence(lambda n: f"99{n:07}")
    kind = "subdistrict"
    district = SubFactory(DistrictFactory)


class NeighbourhoodFactory(DjangoModelFactory[Neighbourhood]):
    """A residents' committee. For an estate: `NeighbourhoodFactory(kind="estate", code=None, slug="some-estate")`."""

    class Meta:
        model = Neighbourhood
        skip_postgeneration_save = True

    name = Sequence(lambda n: f"测试{n}居委会")
    code = Sequence(lambda n: f"99{n:010}")
    kind = "residents_committee"
    street = SubFactory(StreetFactory)

    @post_generation
    def cited(self, create: bool, extracted: bool | None, **_options: Any) -> None:
        """Give an estate the citation that it needs."""
        if create and extracted is not False and self.kind == "estate":  # type: ignore[attr-defined]
            cite(self)


class MemberUnitFactory(FactFactory[MemberUnit]):
    class Meta:
        model = MemberUnit

    name = Sequence(lambda n: f"测试单位{n}")
    kind = "company"


class UnitNameFactory(FactFactory[UnitName]):
    class Meta:
        model = UnitName

    name = Sequence(lambda n: f"单位别名{n}")
    kind = "short"
    unit = SubFactory(MemberUnitFactory)


class IdentifierFactory(FactFactory[Identifier]):
    class Meta:
        model = Identifier

    scheme = "wikidata"
    value = Sequence(lambda n: f"Q{990000000 + n}")
    unit = SubFactory(MemberUnitFactory)


class MergeFactory(FactFactory[Merge]):
    """The record of a merge; `apps.identity.merging.merge` makes one."""

    class Meta:
        model = Merge

    record = SubFactory(MemberUnitFactory)
    merged_key = Sequence(lambda n: f"merged-{n}")
    merged_name = Sequence(lambda n: f"并入单位{n}")
    reason = "the same"
    request_id = "req"


class AllianceFactory(FactFactory[Alliance]):
    class Meta:
        model = Alliance

    name = Sequence(lambda n: f"测试联盟{n}")
    kind = "alliance"
    status = "active"


class MembershipFactory(FactFactory[Membership]):
    class Meta:
        model = Membership

    alliance = SubFactory(AllianceFactory)
    unit = SubFactory(MemberUnitFactory)
    role = "member"
    status = "member"


class VenueFactory(FactFactory[Venue]):
    class Meta:
        model = Venue

    name = Sequence(lambda n: f"测试阵地{n}")
    kind = "service_centre"


class VenueServiceFactory(FactFactory[VenueService]):
    class Meta:
        model = VenueService

    name = Sequence(lambda n: f"测试服务{n}")
    category = "culture"
    venue = SubFactory(VenueFactory)


# Projects ----------------------------------------------------------------------------------------------------------


class CategoryFactory(FactFactory[Category]):
    class Meta:
        model = Category

    name = Sequence(lambda n: f"测试类别{n}")
    alliance = SubFactory(AllianceFactory)


class NeedFactory(FactFactory[Need]):
    class Meta:
        model = Need

    name = Sequence(lambda n: f"测试需求{n}")
    status = "open"
    alliance = SubFactory(AllianceFactory)


class ResourceFactory(FactFactory[Resource]):
    class Meta:
        model = Resource

    name = Sequence(lambda n: f"测试资源{n}")
    status = "offered"
    unit = SubFactory(MemberUnitFactory)


class MatchFactory(FactFactory[Match]):
    class Meta:
        model = Match

    need = SubFactory(NeedFactory)
    offer = SubFactory(ResourceFactory)
    reported = True  # it rests on a citation: otherwise nobody but the parties sees it


class ProjectFactory(FactFactory[Project]):
    class Meta:
        model = Project

    name = Sequence(lambda n: f"测试项目{n}")
    kind = "service"
    status = "under_way"


class ProjectPartnerFactory(FactFactory[ProjectPartner]):
    class Meta:
        model = ProjectPartner

    project = SubFactory(ProjectFactory)
    unit = SubFactory(MemberUnitFactory)
    role = "partner"


class RoundFactory(FactFactory[Round]):
    class Meta:
        model = Round

    name = Sequence(lambda n: f"测试批次{n}")
    status = "open"
    mode = "approval"
    street = SubFactory(StreetFactory)


class RoundProjectFactory(FactFactory[RoundProject]):
    class Meta:
        model = RoundProject

    round = SubFactory(RoundFactory)
    project = SubFactory(ProjectFactory)


class ClaimFactory(FactFactory[Claim]):
    class Meta:
        model = Claim

    round_project = None
    project = LazyAttribute(lambda row: row.round_project.project if row.round_project else ProjectFactory())
    unit = SubFactory(MemberUnitFactory)
    status = "accepted"


class DeliverableFactory(FactFactory[Deliverable]):
    class Meta:
        model = Deliverable

    name = Sequence(lambda n: f"测试成果{n}")
    kind = "book"
    status = "announced"
    project = SubFactory(ProjectFactory)


# Events ----------------------------------------------------------------------------------------------------------


class EventFactory(FactFactory[Event]):
    class Meta:
        model = Event

    name = Sequence(lambda n: f"测试会议{n}")
    kind = "conference"
    status = "held"


class ParticipationFactory(FactFactory[Participation]):
    class Meta:
        model = Participation

    event = SubFactory(EventFactory)
    unit = SubFactory(MemberUnitFactory)
    role = "attendee"
    status = "attended"


class AwardFactory(FactFactory[Award]):
    class Meta:
        model = Award

    name = Sequence(lambda n: f"测试奖{n}")


# Evidence ----------------------------------------------------------------------------------------------------------


class ArticleFactory(DjangoModelFactory[Article]):
    """An article with a body of 1,000 characters; there is no such text, the digests are those of "x"."""

    class Meta:
        model = Article

    title = Sequence(lambda n: f"测试稿件{n}")
    captured_file = Sequence(lambda n: f"test-{n}.txt")
    captured_sha256 = DIGEST_OF_X
    body_start = 0
    body_end = 1000
    body_sha256 = DIGEST_OF_X


class CitationFactory(DjangoModelFactory[Citation]):
    """A citation of one character. Give the record that it supports as `record`."""

    class Meta:
        model = Citation

    article = SubFactory(ArticleFactory)
    record = SubFactory(AllianceFactory)
    start = Sequence(lambda n: n % 1000)
    end = LazyAttribute(lambda citation: citation.start + 1)
    sha256 = DIGEST_OF_X
    supports = LazyAttribute(lambda citation: stated_names(citation.record) or [citation.record.name_field])


class AttestationFactory(DjangoModelFactory[Attestation]):
    """A letter of a unit, of itself if nothing else is given as `record`."""

    class Meta:
        model = Attestation

    unit = SubFactory(MemberUnitFactory)
    record = LazyAttribute(lambda letter: letter.unit or AllianceFactory())
    kind = "letter"
    title = Sequence(lambda n: f"测试函{n}")
    supports = LazyAttribute(lambda letter: stated_names(letter.record) or [letter.record.name_field])


class MarkFactory(DjangoModelFactory[Mark]):
    class Meta:
        model = Mark

    article = SubFactory(ArticleFactory)
    start = Sequence(lambda n: n % 1000)
    end = LazyAttribute(lambda mark: mark.start + 1)
    sha256 = DIGEST_OF_X
    reason = "slogan"


class FigureFactory(FactFactory[Figure]):
    """A number. Give the record that it is about as `subject`."""

    class Meta:
        model = Figure

    name = Sequence(lambda n: f"测试数据{n}")
    measure = "services_provided"
    comparator = ">="
    value = 31700
    unit = "person_time"
    kind = "actual"
    subject = SubFactory(AllianceFactory)
    as_written = "31700余人次"


# Assessments ----------------------------------------------------------------------------------------------------------


class FrameworkFactory(FactFactory[Framework]):
    class Meta:
        model = Framework

    name = Sequence(lambda n: f"测试指数{n}")


class DimensionFactory(FactFactory[Dimension]):
    class Meta:
        model = Dimension

    name = Sequence(lambda n: f"测试维度{n}")
    framework = SubFactory(FrameworkFactory)
    position = Sequence(lambda n: n + 1)


class AssessmentFactory(FactFactory[Assessment]):
    class Meta:
        model = Assessment

    framework = SubFactory(FrameworkFactory)
    neighbourhood = SubFactory(NeighbourhoodFactory)
    status = "completed"


class ScoreFactory(FactFactory[Score]):
    class Meta:
        model = Score

    assessment = SubFactory(AssessmentFactory)
    dimension = SubFactory(DimensionFactory, framework=SelfAttribute("..assessment.framework"))
    value = 80
