"""The peers' SQL: rows for Python to build JSON from, and the JSON of projects as PostgreSQL builds it.

Written by hand, as one would for these few resources alone: the keys of a page are chosen in a subquery, to-one
references are joined, to-many ones are arrays of records. $1 is the content type of the resource.
"""

PUBLISHED = "state = 'published'"
# Records that move by a workflow, and that everybody sees in some statuses alone.
MOVED = ("projects_claim", "events_event", "events_participation")


def citations(owner: str, kind: str = "$1") -> str:
    """Return the citations of a row, as an array of records."""
    return f"""ARRAY(
        SELECT ROW(article.slug, article.title, c.start, c."end", c.sha256, c.supports::text[], c.slug)
        FROM evidence_citation AS c JOIN evidence_article AS article ON article.id = c.article_id
        WHERE c.content_type_id = {kind} AND c.object_id = {owner}.id
        ORDER BY article.slug, c.start, c."end", c.slug)"""


def references(table: str, where: str, columns: str = "x.slug, x.name") -> str:
    """Return records that point at a row, as an array of records in the order of their names."""
    return (
        f"ARRAY(SELECT ROW({columns}) FROM {table} AS x WHERE {where} AND x.{PUBLISHED} ORDER BY x.name_pinyin, x.slug)"
    )


def count(table: str, where: str) -> str:
    """Return how many published rows there are that everybody sees."""
    if table in MOVED:
        where += " AND x.is_public"
    return f"(SELECT count(*) FROM {table} AS x WHERE {where} AND x.{PUBLISHED})"


def edtf(owner: str, name: str) -> str:
    """Return the columns of a partial date."""
    parts = ("", "_earliest", "_latest", "_wording", "_relative_to")
    return ", ".join(f"{owner}.{name}{part}" for part in parts)


PROJECT = f"""
    p.slug, p.name, p.name_pinyin, p.name_given, p.kind, p.status,
    parent.slug, parent.name, category.slug, category.name, alliance.slug, alliance.name,
    district.code, district.name, street.code, street.name, neighbourhood.key, neighbourhood.name,
    {edtf("p", "starts_on")}, {edtf("p", "ends_on")}, p.slogan, p.summary,
    {count("projects_project", "x.parent_id = p.id")},
    {count("projects_projectpartner", "x.project_id = p.id")},
    {count("projects_claim", "x.project_id = p.id")},
    {citations("p")}, p.updated_at
"""
PROJECT_JOINS = """
    LEFT JOIN projects_project AS parent ON parent.id = p.parent_id
    LEFT JOIN projects_category AS category ON category.id = p.category_id
    LEFT JOIN registry_alliance AS alliance ON alliance.id = p.alliance_id
    LEFT JOIN registry_district AS district ON district.id = p.district_id
    LEFT JOIN registry_street AS street ON street.id = p.street_id
    LEFT JOIN registry_neighbourhood AS neighbourhood ON neighbourhood.id = p.neighbourhood_id
"""


def project_keys(conditions: str, limit: str) -> str:
    """Return the subquery that chooses the projects of a page."""
    return f"""(
        SELECT id FROM projects_project WHERE {PUBLISHED}{conditions} ORDER BY name_pinyin, slug {limit}) AS page
    JOIN projects_project AS p USING (id)"""


def project_page(conditions: str = "") -> str:
    """Return the statement for a page of projects; $2 is its size and one more."""
    keys = project_keys(conditions, "LIMIT $2")
    return f"SELECT {PROJECT} FROM {keys} {PROJECT_JOINS} ORDER BY p.name_pinyin, p.slug"


BEHIND = " AND (name_pinyin, slug) > ({}, {})"
FILTERED = " AND in_district_id = (SELECT id FROM registry_district WHERE code = $3) AND status = $4"

PARTIES = (
    ("registry_memberunit", "unit", "slug"),
    ("registry_alliance", "body", "slug"),
    ("registry_district", "district", "code"),
    ("registry_street", "street", "code"),
    ("registry_neighbourhood", "neighbourhood", "key"),
)
PARTY = ", ".join([f"{alias}.{key}" for _, alias, key in PARTIES] + [f"{alias}.name" for _, alias, _key in PARTIES])


def party_joins(owner: str, keys: tuple[str, ...]) -> str:
    """Return the joins of the five kinds of party."""
    return " ".join(
        f"LEFT JOIN {table} AS {alias} ON {alias}.id = {owner}.{key}_id"
        for (table, alias, _key), key in zip(PARTIES, keys, strict=True)
    )


PARTY_KEYS = ("unit", "alliance", "party_district", "party_street", "party_neighbourhood")
REPORTER_KEYS = ("reporter", "reporter_alliance", "reporter_district", "reporter_street", "reporter_neighbourhood")
FIGURES = f"""ARRAY(
    SELECT ROW(f.slug, f.name, f.measure, f.comparator, f.value, f.unit, f.kind, f.as_written, ARRAY(
        SELECT ROW(article.slug, article.title, c.start, c."end", c.sha256, c.supports::text[], c.slug,
                   article.issued_on_latest)
        FROM evidence_citation AS c JOIN evidence_article AS article ON article.id = c.article_id
        WHERE c.content_type_id = $2 AND c.object_id = f.id
        ORDER BY article.slug, c.start, c."end", c.slug), {PARTY})
    FROM evidence_figure AS f {party_joins("f", REPORTER_KEYS)}
    WHERE f.content_type_id = $1 AND f.object_id = p.id AND f.{PUBLISHED}
    ORDER BY f.name_pinyin, f.slug)"""
PARTNERS = f"""ARRAY(
    SELECT ROW({PARTY}, x.as_written, x."group", x.role, x.slug)
    FROM projects_projectpartner AS x {party_joins("x", PARTY_KEYS)}
    WHERE x.project_id = p.id AND x.{PUBLISHED} ORDER BY x.slug)"""
CLAIMS = f"""ARRAY(
    SELECT ROW(unit.slug, unit.name, x.as_written, x.status, {edtf("x", "claimed_on")}, x.summary, x.slug)
    FROM projects_claim AS x JOIN registry_memberunit AS unit ON unit.id = x.unit_id
    WHERE x.project_id = p.id AND x.{PUBLISHED} AND x.is_public ORDER BY x.slug)"""
DELIVERABLES = f"""ARRAY(
    SELECT ROW(x.name, x.kind, x.status, {edtf("x", "released_on")}, x.slug)
    FROM projects_deliverable AS x WHERE x.project_id = p.id AND x.{PUBLISHED} ORDER BY x.name_pinyin, x.slug)"""
EVENTS_OF_PROJECT = f"""ARRAY(
    SELECT ROW(x.slug, x.name) FROM events_event_projects AS link JOIN events_event AS x ON x.id = link.event_id
    WHERE link.project_id = p.id AND x.{PUBLISHED} AND x.is_public ORDER BY x.name_pinyin, x.slug)"""
BRANDS = f"""(SELECT count(*) FROM projects_project AS x JOIN projects_project AS part ON part.id = x.parent_id
    WHERE part.parent_id = p.id AND part.{PUBLISHED} AND x.{PUBLISHED} AND x.kind = 'brand')"""
# One project by its slug, $3; $2 is the content type of figures.
PROJECT_DETAIL = f"""
    SELECT {PROJECT},
        {references("projects_project", "x.parent_id = p.id")},
        {references("projects_category", "x.programme_id = p.id")},
        {PARTNERS}, {CLAIMS}, {DELIVERABLES}, {EVENTS_OF_PROJECT},
        {count("projects_project", "x.parent_id = p.id AND x.kind = 'brand'")} + {BRANDS},
        {count("projects_project", "x.parent_id = p.id AND x.kind = 'method'")},
        {FIGURES}
    FROM projects_project AS p {PROJECT_JOINS} WHERE p.slug = $3 AND p.{PUBLISHED}
"""

EVENT_PAGE = f"""
    SELECT e.slug, e.name, e.name_pinyin, e.name_given, e.kind, e.status, parent.slug, parent.name,
        e.series, {edtf("e", "held_on")},
        alliance.slug, alliance.name, venue.slug, venue.name, district.code, district.name,
        street.code, street.name, neighbourhood.key, neighbourhood.name,
        ARRAY(SELECT ROW(x.slug, x.name) FROM events_event_projects AS link
              JOIN projects_project AS x ON x.id = link.project_id
              WHERE link.event_id = e.id AND x.{PUBLISHED} ORDER BY x.name_pinyin, x.slug),
        e.slogan, e.summary,
        {count("events_event", "x.parent_id = e.id")},
        {count("events_participation", "x.event_id = e.id")},
        {citations("e")}, e.updated_at
    FROM (SELECT id FROM events_event WHERE {PUBLISHED} AND is_public
          ORDER BY held_on_earliest DESC NULLS LAST, slug LIMIT $2) AS page
    JOIN events_event AS e USING (id)
    LEFT JOIN events_event AS parent ON parent.id = e.parent_id
    LEFT JOIN registry_alliance AS alliance ON alliance.id = e.alliance_id
    LEFT JOIN registry_venue AS venue ON venue.id = e.venue_id
    LEFT JOIN registry_district AS district ON district.id = e.district_id
    LEFT JOIN registry_street AS street ON street.id = e.street_id
    LEFT JOIN registry_neighbourhood AS neighbourhood ON neighbourhood.id = e.neighbourhood_id
    ORDER BY e.held_on_earliest DESC NULLS LAST, e.slug
"""


def _reference_json(alias: str, resource: str, key: str = "slug") -> str:
    return f"""CASE WHEN {alias}.id IS NOT NULL THEN json_build_object('key', {alias}.{key}, 'name', {alias}.name,
        'url', '/api/v1/{resource}/' || {alias}.{key}) END AS {alias}"""


def _project_json(kind: str) -> str:
    places = (
        _reference_json("parent", "projects"),
        _reference_json("category", "categories"),
        _reference_json("alliance", "alliances"),
        _reference_json("district", "districts", "code"),
        _reference_json("street", "streets", "code"),
        _reference_json("neighbourhood", "neighbourhoods", "key"),
    )
    return f"""
        '/api/v1/projects/' || p.slug AS url, p.slug, p.name, p.name_pinyin, p.name_given, p.kind, p.status,
        {", ".join(places)},
        {edtf("p", "starts_on")}, {edtf("p", "ends_on")}, p.slogan, p.summary,
        {count("projects_project", "x.parent_id = p.id")} AS part_count,
        {count("projects_projectpartner", "x.project_id = p.id")} AS partner_count,
        {count("projects_claim", "x.project_id = p.id")} AS claim_count,
        (SELECT coalesce(json_agg(row_to_json(found)), '[]') FROM (
            SELECT json_build_object('key', article.slug, 'name', article.title,
                                     'url', '/api/v1/articles/' || article.slug) AS article,
                   c.start, c."end", c.sha256, c.supports, NULL AS quotation, '/api/v1/citations/' || c.slug AS url
            FROM evidence_citation AS c JOIN evidence_article AS article ON article.id = c.article_id
            WHERE c.content_type_id = {kind} AND c.object_id = p.id
            ORDER BY article.slug, c.start, c."end", c.slug) AS found) AS citations,
        p.updated_at"""


def project_page_json(conditions: str = "", kind: str = "$1", limit: str = "LIMIT $2") -> str:
    """Return the statement for projects as JSON, a row each; without a limit it is what an export has to say."""
    return f"""SELECT row_to_json(found)::text FROM (
        SELECT {_project_json(kind)} FROM {project_keys(conditions, limit)} {PROJECT_JOINS}
        ORDER BY p.name_pinyin, p.slug) AS found"""
