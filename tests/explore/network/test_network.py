"""The network as it is asked for over HTTP: what is in it, how it is narrowed, bounded and written."""

from hashlib import sha256
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import networkx
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.evidence.models import ArticleText
from apps.evidence.texts.quoting import settle
from apps.explore.network import walk
from apps.explore.network.formats import gexf, graphml
from tests.conftest import Api, problem_of
from tests.factories import (
    AllianceFactory,
    ArticleFactory,
    CitationFactory,
    DistrictFactory,
    EventFactory,
    MembershipFactory,
    MemberUnitFactory,
    NeighbourhoodFactory,
    ParticipationFactory,
    ProjectFactory,
    ProjectPartnerFactory,
    StreetFactory,
    rest,
)

CONFERENCE = "alliances/wujiaochang-zhen-lianxihui"


def ids(network: Any, resource: str = "") -> set[str]:
    """Return the nodes of a network, or those of one resource."""
    return {node["id"] for node in network["nodes"] if resource in ("", node["resource"])}


def ties(network: Any, kind: str) -> set[tuple[str, str]]:
    """Return both ends of the edges of a kind, by name."""
    names = {node["id"]: node["name"] for node in network["nodes"]}
    return {(names[edge["source"]], names[edge["target"]]) for edge in network["edges"] if edge["kind"] == kind}


def test_the_joint_conference_of_wujiaochang_with_its_parts_its_projects_and_its_place(api: Api) -> None:
    network = api.get("network", alliance="wujiaochang-zhen-lianxihui")
    parts = {"部队联席分会", "学校联席分会", "企业联席分会", "成员单位联席分会", "其它区域单位联席分会"}
    name = "区域化党建联席会"
    assert {part for part, whole in ties(network, "part_of") if whole == name} == parts
    assert ("健康直通车", name) in ties(network, "project_of")
    assert (name, "五角场镇") in ties(network, "place")
    assert ("五角场镇", "杨浦区") in ties(network, "part_of")
    claims = ties(network, "claim")  # of members, on its projects: both are one step away
    assert {unit for unit, project in claims if project == "健康直通车"} == {
        "长海医院",
        "东方肝胆医院",
        "五角场镇社区卫生中心",
    }


def test_an_edge_says_what_it_is_and_which_sentence_says_so(api: Api) -> None:
    network = api.get("network", unit="changhai-yiyuan")
    [edge] = [edge for edge in network["edges"] if edge["kind"] == "claim"]
    claim = api.get(edge["url"])
    assert edge["id"] == f"claims/{claim['slug']}"
    assert (edge["source"], edge["kind_label"]) == ("member-units/changhai-yiyuan", "Claim")
    assert (edge["role"], edge["status"], edge["status_label"]) == (None, "claimed", "Claimed")
    assert edge["starts_on"] == claim["claimed_on"]
    stated = [(item["url"], item["start"], item["end"], item["article"]["key"]) for item in edge["evidence"]]
    assert stated == [(item["url"], item["start"], item["end"], item["article"]["key"]) for item in claim["citations"]]
    [unit] = [node for node in network["nodes"] if node["id"] == edge["source"]]
    assert (unit["name"], unit["kind"], unit["kind_label"]) == ("长海医院", "hospital", "Hospital or health centre")
    assert unit["url"] == "/api/v1/member-units/changhai-yiyuan"


def test_an_edge_of_one_field_rests_on_the_citations_of_that_field(api: Api) -> None:
    network = api.get("network", alliance="wujiaochang-zhen-lianxihui")
    [edge] = [edge for edge in network["edges"] if edge["source"] == CONFERENCE and edge["kind"] == "place"]
    assert edge["id"] == f"{CONFERENCE}#street"
    assert edge["evidence"]
    assert all("street" in item["supports"] for item in edge["evidence"])
    assert len(edge["evidence"]) < len(api.get(CONFERENCE)["citations"])


@pytest.mark.parametrize("district", ["310110", "310115", "310109", "310107"])
def test_every_edge_joins_nodes_that_are_given_and_all_but_divisions_have_evidence(api: Api, district: str) -> None:
    network = api.get("network", district=district, include="events")
    assert {end for edge in network["edges"] for end in (edge["source"], edge["target"])} <= ids(network)
    assert len({edge["id"] for edge in network["edges"]}) == network["edge_count"] == len(network["edges"])
    assert len(ids(network)) == network["node_count"] == len(network["nodes"])
    divisions = ("districts/", "streets/", "neighbourhoods/")
    assert [
        edge for edge in network["edges"] if not edge["evidence"] and not edge["source"].startswith(divisions)
    ] == []
    degrees = dict.fromkeys(ids(network), 0)
    for edge in network["edges"]:
        degrees[edge["source"]] += 1
        degrees[edge["target"]] += 1
    assert {node["id"]: node["degree"] for node in network["nodes"]} == degrees


def test_a_district_starts_from_all_that_lies_in_it_and_a_street_from_less(api: Api) -> None:
    street = StreetFactory()
    other = StreetFactory(district=street.district)
    neighbourhood = NeighbourhoodFactory(street=street)
    for place in (
        {"district": street.district},
        {"street": other},
        {"street": street},
        {"neighbourhood": neighbourhood},
    ):
        ProjectFactory(**place)
    assert len(ids(api.get("network", district=street.district.code), "projects")) == 4
    assert len(ids(api.get("network", street=street.code), "projects")) == 2
    assert len(ids(api.get("network", street=f"{street.code},{other.code}"), "projects")) == 3
    elsewhere = DistrictFactory()
    assert ids(api.get("network", district=elsewhere.code, street=street.code), "projects") == set()
    assert ids(api.get("network", street=street.code), "neighbourhoods") == {f"neighbourhoods/{neighbourhood.code}"}


def test_depth_counts_steps_and_nobody_is_reached_through_a_place(api: Api) -> None:
    street = StreetFactory()
    unit, stranger = MemberUnitFactory(street=street), MemberUnitFactory(street=street)
    project = ProjectPartnerFactory(unit=unit).project
    partner = ProjectPartnerFactory(project=project, unit=MemberUnitFactory()).unit
    shown = [ids(api.get("network", unit=unit.slug, depth=depth)) for depth in range(4)]
    assert [f"projects/{project.slug}" in found for found in shown] == [False, True, True, True]
    assert [f"member-units/{partner.slug}" in found for found in shown] == [False, False, True, True]
    assert not any(f"member-units/{stranger.slug}" in found for found in shown)
    assert all(f"streets/{street.code}" in found for found in shown)


def test_as_of_narrows_members_and_divisions(api: Api) -> None:
    alliance = AllianceFactory()
    gone = MembershipFactory(alliance=alliance, joined_on="2010", left_on="2012").unit
    new = MembershipFactory(alliance=alliance, joined_on="2015").unit
    unknown = MembershipFactory(alliance=alliance).unit
    expected = {"2011-05-01": {gone, unknown}, "2013-06-27": {unknown}, "2016-01-01": {new, unknown}}
    for day, units in expected.items():
        found = ids(api.get("network", alliance=alliance.slug, as_of=day), "member-units")
        assert found == {f"member-units/{unit.slug}" for unit in units}
    town = "streets/310110101"
    for day, there in (("2013-06-27", True), ("2023-07-06", False)):
        network = api.get("network", alliance="wujiaochang-zhen-lianxihui", as_of=day)
        assert (town in ids(network)) is there
    assert town in ids(api.get("network", alliance="wujiaochang-zhen-lianxihui"))


def test_drafts_are_neither_nodes_nor_edges_nor_ways(api: Api) -> None:
    alliance = AllianceFactory()
    MembershipFactory(alliance=alliance, unit=MemberUnitFactory(state="draft"), state="draft")
    hidden = MembershipFactory(alliance=alliance, unit=MemberUnitFactory(), state="draft").unit
    AllianceFactory(parent=AllianceFactory(parent=alliance, state="draft"), state="draft")
    network = api.get("network", alliance=alliance.slug, depth=3)
    assert (ids(network), network["edges"]) == ({f"alliances/{alliance.slug}"}, [])
    draft = AllianceFactory(state="draft")
    assert draft.slug in api.problem("network", alliance=draft.slug)["detail"]
    assert api.get("network", unit=hidden.slug)["edges"] == []


def test_kinds_and_edges_are_kept_by_name(api: Api) -> None:
    alliance = AllianceFactory(street=StreetFactory())
    university = MembershipFactory(alliance=alliance, unit=MemberUnitFactory(kind="university")).unit
    hospital = MembershipFactory(alliance=alliance, unit=MemberUnitFactory(kind="hospital")).unit
    ProjectFactory(alliance=alliance)
    start = f"alliances/{alliance.slug}"
    only = api.get("network", alliance=alliance.slug, kind="university")
    assert ids(only) == {start, f"member-units/{university.slug}"}
    both = api.get("network", alliance=alliance.slug, kind="member-units,streets")
    assert ids(both) == {
        start,
        f"member-units/{university.slug}",
        f"member-units/{hospital.slug}",
        f"streets/{alliance.street.code}",
    }
    members = api.get("network", alliance=alliance.slug, edge="membership")
    assert {edge["kind"] for edge in members["edges"]} == {"membership"}
    assert ids(members) == {start, f"member-units/{university.slug}", f"member-units/{hospital.slug}"}
    assert {edge["kind"] for edge in api.get("network", alliance=alliance.slug, edge="place")["edges"]} == {"place"}


def test_events_come_where_they_are_asked_for(api: Api) -> None:
    event = EventFactory(alliance=AllianceFactory())
    event.projects.add(ProjectFactory(), ProjectFactory())
    rest(event)
    part = ParticipationFactory(event=event, unit=MemberUnitFactory())
    for asked in ({"include": "events"}, {"kind": "events,member-units,projects,alliances"}):
        network = api.get("network", unit=part.unit.slug, depth=2, **asked)
        assert [edge["kind"] for edge in network["edges"]] == ["event_of", "presents", "presents", "participation"]
        assert network["edges"][-1]["role"] == part.role
    assert ids(api.get("network", unit=part.unit.slug, depth=2)) == {f"member-units/{part.unit.slug}"}


@pytest.mark.parametrize(
    ("parameters", "parameter", "said"),
    [
        ({"distrikt": "310110"}, "distrikt", "“district”"),
        ({"district": "31011"}, "district", "“310110”"),
        ({"street": "310110019000"}, "street", "streets/310110019000"),
        ({"alliance": "wujiaochang-zhen-lianxihiu"}, "alliance", "“wujiaochang-zhen-lianxihui”"),
        ({"unit": "changhai-yiyuen"}, "unit", "“changhai-yiyuan”"),
        ({"kind": "universty"}, "kind", "“university”"),
        ({"edge": "membershp"}, "edge", "“membership”"),
        ({"include": "evnts"}, "include", "“events”"),
        ({"format": "graphlm"}, "format", "“graphml”"),
        ({"as_of": "2013-06"}, "as_of", "2013-06-27"),
        ({"depth": "4"}, "depth", "0 to 3"),
        ({"depth": "１"}, "depth", "0 to 3"),
        ({"unit": ","}, "unit", "member-units/"),
    ],
)
def test_what_is_unknown_is_refused_with_the_nearest(
    api: Api, parameters: dict[str, str], parameter: str, said: str
) -> None:
    [error] = api.problem("network", **parameters)["errors"]
    assert error["parameter"] == parameter
    assert said in error["detail"]


def test_a_network_that_is_too_large_is_cut_and_says_so(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = api.get("network", district="310110")
    assert (whole["truncated"], whole["narrow"]) == (False, None)
    monkeypatch.setattr(walk, "NODE_LIMIT", 40)
    cut = api.get("network", district="310110")
    assert (cut["truncated"], cut["node_count"]) == (True, 40)
    assert "district" in cut["narrow"]
    assert ids(cut) < ids(whole)
    assert cut == api.get("network", district="310110")
    monkeypatch.setattr(walk, "NODE_LIMIT", 2_000)
    monkeypatch.setattr(walk, "EDGE_LIMIT", 20)
    assert api.get("network", district="310110")["truncated"]


def test_the_number_of_statements_hangs_on_the_depth_alone(api: Api) -> None:
    counts = []
    for members in (1, 5):
        alliance = AllianceFactory()
        for _number in range(members):
            unit = MembershipFactory(alliance=alliance, unit=MemberUnitFactory(street=StreetFactory())).unit
            ProjectPartnerFactory(unit=unit)
        with CaptureQueriesContext(connection) as statements:
            api.get("network", alliance=alliance.slug, depth=2)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 13


def values(item: dict[str, Any]) -> dict[str, Any]:
    """Return what a node or edge of the JSON says, in the form of the XML: without what has no value."""
    plain = {name: value for name, value in item.items() if value not in (None, "") and name not in ("id", "evidence")}
    if item.get("evidence"):
        plain["evidence"] = " ".join(citation["url"] for citation in item["evidence"])
    return plain


def test_networkx_reads_graphml(api: Api) -> None:
    network = api.get("network", district="310110", include="events")
    answer = api.ask("network", district="310110", include="events", format="graphml")
    assert answer.headers["Content-Type"] == "application/graphml+xml"
    graph = networkx.read_graphml(BytesIO(answer.content), force_multigraph=True)
    assert graph.is_directed()
    assert dict(graph.nodes(data=True)) == {node["id"].replace("/", ":"): values(node) for node in network["nodes"]}
    found = {(source, target, data["url"], data["kind"]): data for source, target, data in graph.edges(data=True)}
    assert graph.number_of_edges() == network["edge_count"]
    for edge in network["edges"]:
        ends = [edge[end].replace("/", ":") for end in ("source", "target")]
        expected = {name: value for name, value in values(edge).items() if name not in ("source", "target")}
        assert {name: found[*ends, edge["url"], edge["kind"]][name] for name in expected} == expected


def test_networkx_reads_gexf(api: Api) -> None:
    network = api.get("network", district="310110", include="events")
    answer = api.ask("network", district="310110", include="events", format="gexf")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="network.gexf"'
    graph = networkx.read_gexf(BytesIO(answer.content), version="1.3")
    assert set(graph.nodes) == ids(network)
    assert graph.number_of_edges() == network["edge_count"]
    for node in network["nodes"]:
        expected = values(node)
        assert graph.nodes[node["id"]]["label"] == node["name"]
        assert {name: graph.nodes[node["id"]][name] for name in expected} == expected
    found = {data["id"]: data for _source, _target, data in graph.edges(data=True)}
    for edge in network["edges"]:
        expected = {name: value for name, value in values(edge).items() if name not in ("source", "target")}
        assert {name: found[edge["id"]][name] for name in expected} == expected


def test_names_that_are_hostile_to_xml_come_through(api: Api) -> None:
    hostile = "\"<&>' ]]> <!-- \ufffe\uffff 𠮷"  # control characters stand in no name
    alliance = AllianceFactory(name=hostile, slug="hostile-to-xml")
    readable = hostile.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
    network = api.get("network", alliance=alliance.slug)
    assert network["nodes"][0]["name"] == hostile
    [node] = networkx.read_graphml(BytesIO(graphml(network))).nodes(data="name")
    assert node == (f"alliances:{alliance.slug}", readable)
    tree = ElementTree.fromstring(gexf(network))  # noqa: S314 - our own document
    assert tree.find(".//{http://gexf.net/1.3}node").get("label") == readable
    for attribute in tree.iterfind(".//{http://gexf.net/1.3}attvalue[@for='name']"):
        assert attribute.get("value") == readable


def test_the_format_follows_accept_and_a_problem_is_json_all_the_same(api: Api) -> None:
    for media_type in ("application/graphml+xml", "application/gexf+xml", "application/json"):
        headers = {"accept": media_type, "accept-language": "en"}
        answer = api.client.get("/api/v1/network?unit=changhai-yiyuan", headers=headers)
        assert answer.headers["Content-Type"] == media_type
        problem = problem_of(api.client.get("/api/v1/network?unit=nobody", headers=headers))
        assert "member-units/nobody" in problem["detail"]


def test_identifiers_of_graphml_are_name_tokens(api: Api) -> None:
    answer = api.ask("network", district="310110", include="events", format="graphml")
    tree = ElementTree.fromstring(answer.content)  # noqa: S314 - our own document
    identifiers = [element.get("id") for element in tree.iter() if element.get("id")]
    assert len(set(identifiers)) == len(identifiers) > 100
    assert [name for name in identifiers if set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789:.-_")] == []


def test_words_of_articles_are_shown_within_the_share(api: Api, settings: Any) -> None:
    page = "测试单位加入了测试联盟。"
    digest = sha256(page.encode()).hexdigest()
    article = ArticleFactory(captured_sha256=digest, body_sha256=digest, body_end=len(page))
    ArticleText.objects.create(article=article, captured=page)
    membership = MembershipFactory(cited=False)
    span = sha256("测试单位".encode()).hexdigest()
    supports = ["role", "status", "unit"]
    CitationFactory(article=article, record=membership, start=0, end=4, sha256=span, supports=supports)
    for share, words in ((0.0, None), (0.3, None), (0.4, "测试单位")):
        settings.QUOTED_SHARE = share
        settle(article)
        [edge] = api.get("network", alliance=membership.alliance.slug, edge="membership")["edges"]
        [citation] = edge["evidence"]
        assert (citation["quotation"] and citation["quotation"]["exact"]) == words
        assert citation["verified"] is True
        assert (citation["unquoted_because"] is None) == bool(words)


def test_labels_follow_the_language_and_data_do_not(api: Api) -> None:
    answer = api.client.get("/api/v1/network?unit=changhai-yiyuan", headers={"accept-language": "zh-Hans"}).json()
    [unit] = [node for node in answer["nodes"] if node["kind"] == "hospital"]
    assert (unit["name"], unit["kind_label"]) == ("长海医院", "医疗卫生机构")
