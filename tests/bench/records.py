"""The generated records: who belongs to what, in fixed proportions, from one seed."""

import hashlib
import random
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from django.apps import apps

from apps.common.values import pinyin
from tests.bench import names
from tests.bench.copying import EPOCH, Loader

SEED = 20130627
PROJECTS, EVENTS, UNITS, ALLIANCES = 500_000, 500_000, 200_000, 5_000
ARTICLES, VENUES, CATEGORIES, FIGURES, ALIASES = 2_000, 10_000, 5_000, 50_000, 50_000
MEMBERS = 60  # of one alliance
STRIDE = 7_919  # prime, so that neighbours in a list are different units
DRAFTS = 50  # one in so many projects is a draft: seen by nobody, and nothing points at it
PROJECT_KINDS = ("service", "brand", "research", "pilot", "campaign", "education", "culture")
PROJECT_STATUS = ("under_way",) * 5 + ("completed",) * 3 + ("planned", "proposed")
EVENT_KINDS = ("conference", "signing", "unveiling", "launch", "activity", "commendation")
UNIT_KINDS = ("hospital", "school", "school", "government", "garrison", "company", "company", "company", "company")
ROLES = ("organiser", "attendee", "speaker", "signatory")
Row = tuple[Any, ...]


def slug_of(name: str, number: int) -> str:
    """Return a slug as the model makes it, with the row's number to keep it apart from its namesakes."""
    return f"{_stem(name)}-{number}"


@cache
def _stem(name: str) -> str:
    return pinyin.slugify_name(name, 60)


class Places:
    """Streets by number from 1, with their districts and neighbourhoods; rows lie where their number says."""

    def __init__(self, streets: Sequence[tuple[str, str]], districts: Sequence[tuple[str, str]]) -> None:
        self.names = [name for _code, name in streets]
        numbers = {code: number for number, (code, _name) in enumerate(districts, 1)}
        self.districts = [numbers[code[:6]] for code, _name in streets]
        self.neighbourhoods: list[list[int]] = [[] for _street in streets]

    def at(self, rng: random.Random) -> tuple[int, int, int | None]:
        """Return a random street with its district and, half the time, one of its neighbourhoods."""
        street = rng.randrange(len(self.names))
        inside = self.neighbourhoods[street]
        neighbourhood = rng.choice(inside) if inside and rng.random() < 0.5 else None
        return street + 1, self.districts[street], neighbourhood


class Generator:
    """Rows of all tables for one size."""

    def __init__(self, loader: Loader, places: Places, scale: float) -> None:
        self.loader = loader
        self.places = places
        self.scale = scale
        self.units = self.size(UNITS)
        self.alliances = self.size(ALLIANCES)
        self.projects = self.size(PROJECTS)
        self.events = self.size(EVENTS)
        self.venues = self.size(VENUES)
        self.categories = self.size(CATEGORIES)
        self.articles = self.size(ARTICLES)

    def size(self, count: int) -> int:
        """Return how many rows there are of what is `count` at scale 1."""
        return max(10, round(count * self.scale))

    def some(self, first: int, count: int) -> list[int]:
        """Return the numbers of different units."""
        return [(first + step * STRIDE) % self.units + 1 for step in range(count)]

    def project_rows(self) -> Iterator[Row]:
        """Yield the projects; every tenth has parts, which follow it."""
        rng = random.Random(SEED + 1)
        for number in range(1, self.projects + 1):
            street, district, neighbourhood = self.places.at(rng)
            name = names.project_name(self.places.names[street - 1], street * 31 + number % names.PER_STREET)
            first = (number - 1) // 10 * 10 + 1
            draft = number % DRAFTS == 0
            year, month = 2006 + rng.randrange(19), rng.randrange(1, 13)
            yield (
                number,
                slug_of(name, number),
                "draft" if draft else "published",
                name,
                "programme" if number == first else PROJECT_KINDS[number % len(PROJECT_KINDS)],
                rng.choice(PROJECT_STATUS),
                first if number - first in (1, 2, 3) else None,
                rng.randrange(1, self.categories + 1) if rng.random() < 0.3 else None,
                rng.randrange(1, self.alliances + 1) if rng.random() < 0.8 else None,
                district,
                street,
                neighbourhood,
                f"{year}-{month:02}" if number % 3 else str(year),
                f"{year + 1}" if number % 4 == 0 else "",
                "同心共建" if number % 5 == 0 else "",
                names.SUMMARY,
            )

    def claim_rows(self) -> Iterator[Row]:
        """Yield the claims of the projects: none, one or two each."""
        rng = random.Random(SEED + 2)
        number = 0
        for project in range(1, self.projects + 1):
            count = 0 if project % DRAFTS == 0 else (0, 1, 1, 2)[project % 4]
            for unit in self.some(rng.randrange(self.units), count):
                number += 1
                claimed = f"{2010 + number % 14}-{number % 12 + 1:02}"
                yield number, f"claim-{number}", "published", project, unit, "accepted", claimed

    def partner_rows(self) -> Iterator[Row]:
        """Yield the partners of the projects: every second has one."""
        rng = random.Random(SEED + 3)
        for number, project in enumerate(range(1, self.projects + 1, 2), 1):
            yield number, f"partner-{number}", "published", project, rng.randrange(self.units) + 1, "lead"

    def event_rows(self) -> Iterator[Row]:
        """Yield the events."""
        rng = random.Random(SEED + 4)
        for number in range(1, self.events + 1):
            street, district, neighbourhood = self.places.at(rng)
            name = names.event_name(self.places.names[street - 1], street * 17 + number % names.PER_STREET)
            yield (
                number,
                slug_of(name, number),
                "published",
                name,
                EVENT_KINDS[number % len(EVENT_KINDS)],
                "held",
                (number - 1) // 10 * 10 + 1 if number % 10 in (2, 3) else None,
                # Few different days: EDTF is read slowly.
                f"{2008 + rng.randrange(16)}-{rng.randrange(1, 13):02}-{rng.choice((5, 20)):02}",
                rng.randrange(1, self.alliances + 1) if rng.random() < 0.6 else None,
                rng.randrange(1, self.venues + 1) if rng.random() < 0.3 else None,
                district,
                street,
                neighbourhood,
                names.SUMMARY,
            )

    def participation_rows(self) -> Iterator[Row]:
        """Yield who took part: two units in each event."""
        rng = random.Random(SEED + 5)
        for event in range(1, self.events + 1):
            for place, unit in enumerate(self.some(rng.randrange(self.units), 2)):
                number = event * 2 - 1 + place
                role = ROLES[(event + place) % 4]
                yield number, f"participation-{number}", "published", event, unit, role, "attended"

    def presented_rows(self) -> Iterator[Row]:
        """Yield which projects were presented at which event: none, one or two."""
        rng = random.Random(SEED + 6)
        number = 0
        for event in range(1, self.events + 1):
            first = rng.randrange(self.projects)
            for step in range((0, 1, 2)[event % 3]):
                project = (first + step * STRIDE) % self.projects + 1
                if project % DRAFTS:
                    number += 1
                    yield number, event, project

    def unit_rows(self) -> Iterator[Row]:
        """Yield the units."""
        rng = random.Random(SEED + 7)
        for number in range(1, self.units + 1):
            street, district, neighbourhood = self.places.at(rng)
            name = names.unit_name(self.places.names[street - 1], street * 13 + number % (names.PER_STREET + 1))
            kind = UNIT_KINDS[number % len(UNIT_KINDS)]
            yield number, slug_of(name, number), "published", name, kind, district, street, neighbourhood

    def alliance_rows(self) -> Iterator[Row]:
        """Yield the alliances."""
        rng = random.Random(SEED + 8)
        for number in range(1, self.alliances + 1):
            street, district, _neighbourhood = self.places.at(rng)
            name = names.alliance_name(self.places.names[street - 1], number)
            founded = str(2004 + rng.randrange(20))
            yield number, slug_of(name, number), "published", name, "alliance", "active", district, street, founded

    def membership_rows(self) -> Iterator[Row]:
        """Yield the members of the alliances."""
        rng = random.Random(SEED + 9)
        count = min(MEMBERS, self.units)
        for alliance in range(1, self.alliances + 1):
            for place, unit in enumerate(self.some(rng.randrange(self.units), count)):
                number = (alliance - 1) * count + place + 1
                role = "convenor" if place == 0 else "member"
                joined = str(2008 + number % 15)
                yield number, f"membership-{number}", "published", alliance, unit, role, "member", joined

    def named_rows(self, count: int, ending: str) -> Iterator[tuple[int, str, str, str, int]]:
        """Yield number, slug, state, name and street of small things that have little more than a name."""
        rng = random.Random(f"{SEED}{ending}")
        for number in range(1, count + 1):
            street = rng.randrange(len(self.places.names))
            name = self.places.names[street] + ending
            yield number, slug_of(name, number), "published", name, street + 1


# What the second citations of each kind of record support; the first one supports every value.
SUPPORTS = {
    "registry.MemberUnit": ["name", "kind"],
    "registry.UnitName": ["name", "kind"],
    "registry.Alliance": ["name", "founded_on"],
    "registry.Membership": ["unit", "role"],
    "registry.Venue": ["name", "street"],
    "projects.Category": ["name", "alliance"],
    "projects.Project": ["name", "summary"],
    "projects.ProjectPartner": ["unit", "role"],
    "projects.Claim": ["unit", "project"],
    "events.Event": ["name", "held_on"],
    "events.Participation": ["unit", "role"],
    "evidence.Figure": ["value", "unit"],
}
FACT = ("id", "slug", "state")


def generate(
    loader: Loader,
    districts: list[tuple[str, str]],
    streets: list[tuple[str, str]],
    neighbourhoods: list[tuple[str, str]],
    scale: float,
) -> None:
    """Fill an empty database."""
    places = Places(streets, districts)
    _divisions(loader, districts, streets, neighbourhoods, places)
    make = Generator(loader, places, scale)
    _registry(loader, make)
    _activities(loader, make)
    _evidence(loader, make)


def _divisions(loader: Loader, districts: Any, streets: Any, neighbourhoods: Any, places: Places) -> None:
    columns = ("id", "code", "name", "kind", "editions")
    rows = ((n, code, name, _level(name), [2023]) for n, (code, name) in enumerate(districts, 1))
    loader.copy("registry.District", columns, rows)
    numbers = {code: number for number, (code, _name) in enumerate(streets, 1)}
    loader.copy(
        "registry.Street",
        (*columns, "district_id"),
        (
            (n, code, name, "subdistrict" if name.endswith("街道") else "town", [2023], places.districts[n - 1])
            for n, (code, name) in enumerate(streets, 1)
        ),
    )

    def committees() -> Iterator[Row]:
        for number, (code, name) in enumerate(neighbourhoods, 1):
            street = numbers[code[:9]]
            places.neighbourhoods[street - 1].append(number)
            kind = "village_committee" if name.endswith("村委会") else "residents_committee"
            yield number, code, name, kind, [2023], street

    loader.copy("registry.Neighbourhood", (*columns, "street_id"), committees())


def _level(name: str) -> str:
    return "district" if name.endswith("区") else "county"


def _registry(loader: Loader, make: Generator) -> None:
    place = ("district_id", "street_id", "neighbourhood_id")
    loader.copy("registry.MemberUnit", (*FACT, "name", "kind", *place), make.unit_rows())
    loader.copy(
        "registry.UnitName",
        (*FACT, "name", "unit_id", "kind"),
        (
            (number, slug, state, name, number % make.units + 1, "short")
            for number, slug, state, name, _street in make.named_rows(make.size(ALIASES), "社区医院")
        ),
    )
    columns = (*FACT, "name", "kind", "status", "district_id", "street_id", "founded_on")
    loader.copy("registry.Alliance", columns, make.alliance_rows())
    columns = (*FACT, "alliance_id", "unit_id", "role", "status", "joined_on")
    loader.copy("registry.Membership", columns, make.membership_rows())
    venues = ((*row[:4], "service_centre", row[4]) for row in make.named_rows(make.venues, "党群服务中心"))
    loader.copy("registry.Venue", (*FACT, "name", "kind", "street_id"), venues)


def _activities(loader: Loader, make: Generator) -> None:
    headings = ((*row[:4], row[0] % make.alliances + 1) for row in make.named_rows(make.categories, "便民类"))
    loader.copy("projects.Category", (*FACT, "name", "alliance_id"), headings)
    place = ("district_id", "street_id", "neighbourhood_id")
    columns = (*FACT, "name", "kind", "status", "parent_id", "category_id", "alliance_id", *place)
    loader.copy("projects.Project", (*columns, "starts_on", "ends_on", "slogan", "summary"), make.project_rows())
    loader.copy("projects.ProjectPartner", (*FACT, "project_id", "unit_id", "role"), make.partner_rows())
    columns = (*FACT, "project_id", "unit_id", "status", "claimed_on")
    loader.copy("projects.Claim", columns, make.claim_rows())
    columns = (*FACT, "name", "kind", "status", "parent_id", "held_on", "alliance_id", "venue_id", *place, "summary")
    loader.copy("events.Event", columns, make.event_rows())
    columns = (*FACT, "event_id", "unit_id", "role", "status")
    loader.copy("events.Participation", columns, make.participation_rows())
    loader.copy("events.Event_projects", ("id", "event_id", "project_id"), make.presented_rows())


def _evidence(loader: Loader, make: Generator) -> None:
    rows = loader.connection.execute("SELECT app_label || '.' || model, id FROM django_content_type").fetchall()
    types: dict[str, int] = dict(rows)
    digest = hashlib.sha256(b"").hexdigest()
    loader.copy(
        "evidence.Article",
        (
            *("id", "slug", "title", "issued_on", "captured_file"),
            *("captured_sha256", "body_start", "body_end", "body_sha256"),
        ),
        (
            (
                n,
                f"gaojian-{n}",
                f"区域化党建纪实之{n}",
                f"{2008 + n % 16}-0{n % 9 + 1}-11",
                f"{n}.txt",
                digest,
                0,
                6_000,
                digest,
            )
            for n in range(1, make.articles + 1)
        ),
    )
    loader.copy(
        "evidence.Figure",
        (
            *(*FACT, "name", "measure", "comparator", "value", "unit", "kind"),
            *("content_type_id", "object_id", "as_written"),
        ),
        (
            (
                *(number, slug, state, name, "integration_fields" if number % 2 else "persons_served", ">="),
                *(number % 900 + 1, "item" if number % 2 else "person", "actual"),
                *(types["projects.project"], (number * 10 - 9) % make.projects + 1, f"{number % 900 + 1}余"),
            )
            for number, slug, state, name, _street in make.named_rows(make.size(FIGURES), "惠及人数")
        ),
    )
    _citations(loader, make, types)


# Written by the database from its own rows: `says` holds the values as each kind of record states them.
CITATIONS = """
    INSERT INTO evidence_citation
        (id, slug, article_id, start, "end", sha256, supports, says, levels, read, content_type_id, object_id,
         created_at, updated_at)
    SELECT number, format('gaojian-%%s-%%s-%%s-%%s', article, start, %(kind)s, to_hex(row_id)), article, start, behind,
           encode(sha256(convert_to(format('%%s %%s %%s', article, start, behind), 'UTF8')), 'hex'),
           CASE turn WHEN 0 THEN ARRAY(SELECT jsonb_object_keys(stated) AS name ORDER BY name)
                     ELSE (%(supports)s::text[])[:1 + row_id %% 2] END,
           stated, '{{}}', '{{}}', %(kind)s, row_id, instant, instant
    FROM (
        SELECT r.id AS row_id, turn, stated, (r.id * 31 + %(kind)s + turn * 7) %% %(articles)s + 1 AS article,
               (r.id * 97 + %(kind)s * 13 + turn * 211) %% 5000 AS start,
               (r.id * 97 + %(kind)s * 13 + turn * 211) %% 5000 + 20 + r.id %% 80 AS behind,
               %(before)s + row_number() OVER (ORDER BY r.id, turn) AS number
        FROM {table} AS r
        JOIN (VALUES (0), (1)) AS turns (turn) ON turn = 0 OR (%(twice)s AND r.id %% 10 < 3)
        CROSS JOIN LATERAL (SELECT {stated} AS stated OFFSET 0) AS said
    ) AS cited, LATERAL (SELECT %(epoch)s + make_interval(secs => number)) AS stamped (instant)
    ORDER BY number
"""


def _citations(loader: Loader, make: Generator, types: dict[str, int]) -> None:
    """Give each record a citation that says all its values; of projects and events, three in ten have a second."""
    from apps.common.rules.evidence import stated_sql  # cannot be imported before the settings

    run, before = loader.connection.execute, 0
    run("CREATE INDEX bench_presented ON events_event_projects (event_id, project_id)")  # the others are made last
    for label, supports in SUPPORTS.items():
        model = apps.get_model(label)
        statement = CITATIONS.format(table=model._meta.db_table, stated=stated_sql(model, "r").replace("%", "%%"))
        values = {
            "kind": types[label.lower()],
            "supports": supports,
            "articles": make.articles,
            "before": before,
            "twice": label in ("projects.Project", "events.Event"),
            "epoch": EPOCH,
        }
        before += run(statement.encode(), values).rowcount
    run("DROP INDEX bench_presented")
    run("SELECT setval(pg_get_serial_sequence('evidence_citation', 'id'), max(id)) FROM evidence_citation")
    loader.counts["evidence.Citation"] = before
    loader.say(f"{before:,} evidence.Citation")
