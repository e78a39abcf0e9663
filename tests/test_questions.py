"""What a client wants to know, answered over HTTP alone: the questions of the first issue."""

from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def read(client: Client, address: str) -> Any:
    """Return the JSON of an address, which has to answer 200."""
    answer = client.get(address)
    assert answer.status_code == 200, answer.content.decode()
    return answer.json()


def names(rows: list[dict[str, Any]]) -> list[str]:
    """Return the names of references, sorted."""
    return sorted(row["name"] for row in rows)


@pytest.mark.parametrize(("resource", "count"), [("districts", 16), ("streets", 234), ("neighbourhoods", 6509)])
@pytest.mark.parametrize("at", ["as_of=2023-07-06&", ""])
def test_divisions_of_2023_are_counted(client: Client, resource: str, count: int, at: str) -> None:
    page = read(client, f"/api/v1/{resource}?{at}count=true&page_size=1&fields=code")
    assert (page["count"], page["count_is_exact"]) == (count, True)


def test_wujiaochang_town_and_changhailu_subdistrict_are_two_streets_one_after_the_other(client: Client) -> None:
    then = names(read(client, "/api/v1/streets?as_of=2013-06-27&district=310110&page_size=200")["results"])
    now = names(read(client, "/api/v1/streets?district=310110&page_size=200")["results"])
    assert ("五角场镇" in then, "长海路街道" in then) == (True, False)
    assert ("五角场镇" in now, "长海路街道" in now) == (False, True)
    assert set(then) - set(now) == {"五角场镇"}
    town = read(client, "/api/v1/streets/310110101")
    assert town["successor"]["name"] == "长海路街道"
    assert names(read(client, town["successor"]["url"])["predecessors"]) == ["五角场镇"]


@pytest.mark.parametrize(
    ("written", "at", "official"),
    [
        ("国定一居民区", "", "国定一居委会"),
        ("翔殷路491弄居民区", "", "翔殷路四九一弄居委会"),
        ("浣纱六村", "", "浣纱六村居委会"),
        ("翔殷路491弄居民区", "as_of=2017-10-31&", "翔殷路四九一弄居委会"),
    ],
)
def test_a_name_in_an_article_finds_its_committee(client: Client, written: str, at: str, official: str) -> None:
    assert names(read(client, f"/api/v1/neighbourhoods?{at}written_as={written}")["results"]) == [official]


def test_who_claimed_what_and_what_the_article_reports(client: Client) -> None:
    claims = read(client, "/api/v1/claims?street=310110101&expand=project")["results"]
    claimed = sorted((claim["project"]["name"], claim["unit"]["name"]) for claim in claims)
    assert claimed == sorted(
        [
            ("健康直通车", "长海医院"),
            ("健康直通车", "东方肝胆医院"),
            ("健康直通车", "五角场镇社区卫生中心"),
            ("消防安全宣传进社区", "翔殷路消防中队"),
            ("社区老干部、老党员、老先进、老劳模结对关爱", "第二军医大学"),
            ("青少年心理辅导", "第二军医大学"),
            ("党课宣讲", "第二军医大学"),
            ("智慧健身教育", "上海体育学院"),
        ]
    )
    conference = read(client, "/api/v1/alliances/wujiaochang-zhen-lianxihui")
    figures = {
        figure["measure"]: (figure["comparator"], figure["value"], figure["unit"]) for figure in conference["figures"]
    }
    assert figures == {
        "units_claiming": ("=", 48, "organisation"),
        "projects_claimed": ("=", 118, "project"),
        "project_categories": ("=", 4, "category"),
        "sub_conferences": ("=", 5, "item"),
        "activities_held": ("=", 10, "session"),
        "services_provided": (">=", 720, "time"),
        "residents_served": (">=", 31700, "person_time"),
    }


def test_the_parts_of_the_joint_conference_and_its_founding(client: Client) -> None:
    conference = read(client, "/api/v1/alliances/wujiaochang-zhen-lianxihui")
    assert names(conference["parts"]) == sorted(
        ["部队联席分会", "学校联席分会", "企业联席分会", "成员单位联席分会", "其它区域单位联席分会"]
    )
    founded = {
        part: conference[f"founded_on{part}"] for part in ("", "_earliest", "_latest", "_wording", "_relative_to")
    }
    assert founded == {
        "": "2012-06",
        "_earliest": "2012-06-01",
        "_latest": "2012-06-30",
        "_wording": "去年6月",
        "_relative_to": "2013-06-27",
    }


def test_the_eight_brand_projects_under_their_two_plans(client: Client) -> None:
    brands = read(client, "/api/v1/projects?street=310115125&kind=brand")["results"]
    under: dict[str, list[str]] = {}
    for brand in brands:
        under.setdefault(brand["parent"]["name"], []).append(brand["name"])
    assert {plan: sorted(found) for plan, found in under.items()} == {
        "与共计划": sorted(["梦·共擎", "心·共萃", "行·共驰", "爱·共臻"]),
        "四治提升计划": sorted(["治荟", "治学", "治芯", "治迹"]),
    }


def test_what_the_service_area_offers_and_when(client: Client) -> None:
    venue = read(client, "/api/v1/venues/zhangjiang-xinghui")
    assert (venue["opening_hours"], venue["parent"]["name"]) == ("24/7", "张江镇党群服务中心")
    assert sorted((service["category"], service["name"]) for service in venue["services"]) == [
        ("culture", "“喜马拉雅”有声图书馆"),
        ("culture", "文化服务"),
        ("government", "“一网通办”智能自助服务终端"),
        ("government", "政务服务"),
        ("living", "咖啡吧"),
        ("living", "生活服务"),
    ]


def test_who_took_part_in_the_donation_and_how(client: Client) -> None:
    [donation] = read(client, "/api/v1/events?neighbourhood=310110019007&kind=donation")["results"]
    took_part = read(client, donation["url"])["participations"]
    # Certificates went to "the donors"; that the three companies are these, the article only lets one see.
    assert sorted((one["role"], one["party"]["name"] if one["party"] else one["as_written"]) for one in took_part) == [
        ("donor", "捐赠单位"),
        ("implied_donor", "上海亚泰财富企业集团有限公司"),
        ("implied_donor", "上海大牧汗食品股份有限公司"),
        ("implied_donor", "上海星海时尚地产(集团)有限公司"),
        ("recipient", "五角场街道社区公益基金会"),
    ]


def test_the_six_dimensions_in_order(client: Client) -> None:
    [framework] = read(client, "/api/v1/frameworks?street=310109010")["results"]
    assert [(one["position"], one["name"], one["capability"]) for one in framework["dimensions"]] == [
        (1, "组织建设", "领导力"),
        (2, "党员先锋", "战斗力"),
        (3, "家园党建", "凝聚力"),
        (4, "创新治理", "行动力"),
        (5, "整合引领", "协同力"),
        (6, "居民满意", "向心力"),
    ]
    assert names(framework_assessed(client, framework["slug"])) == ["东五居委会", "东体居委会", "林云居委会"]


def framework_assessed(client: Client, slug: str) -> list[dict[str, Any]]:
    """Return the neighbourhoods that were rated by a framework."""
    found = read(client, f"/api/v1/assessments?framework={slug}")["results"]
    return [assessment["neighbourhood"] for assessment in found]


def test_what_a_town_organised_and_what_a_district_led(client: Client) -> None:
    """Not where it lies: who did it."""
    town = read(client, "/api/v1/streets/310110101")
    organised = read(client, "/api/v1/participations?party=streets/310110101&expand=event")["results"]
    assert {(one["role"], one["event"]["name"]) for one in organised} == {
        (one["role"], one["event"]["name"]) for one in town["participations"]
    }
    assert "organiser" in {one["role"] for one in organised}
    led = read(client, "/api/v1/projects?party=districts/310107")["results"]
    district = read(client, "/api/v1/districts/310107")
    assert set(names(led)) == {one["project"]["name"] for one in district["project_roles"]}
    assert "lead" in {one["role"] for one in district["project_roles"]}


def test_what_lies_in_a_town_lies_in_its_district(client: Client) -> None:
    in_district = read(client, "/api/v1/projects?district=310115&page_size=200")["results"]
    assert len(in_district) == 22
    assert in_district == read(client, "/api/v1/projects?street=310115125&page_size=200")["results"]


def test_what_putuo_signed_and_what_is_only_planned(client: Client) -> None:
    [signing] = read(client, "/api/v1/events?district=310107&kind=signing")["results"]
    assert names(signing["projects"]) == sorted(
        [
            "2023年重点区域化党建项目",
            "普陀区党建引领“专精特新”中小企业发展星火行动",
            "普陀区“靠谱”充换电网络共建行动",
            "合作设立普陀区新兴领域党建研究中心",
        ]
    )
    [charging] = [project for project in signing["projects"] if "充换电" in project["name"]]
    project = read(client, charging["url"])
    assert project["status"] == "planned"
    assert {one["status"] for one in project["deliverables"]} == {"announced"}
    assert [(one["value"], one["kind"]) for one in project["figures"]] == [(200000, "target")]
