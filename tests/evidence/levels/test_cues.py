"""Choices: by their labels, by cue words, by the end of a name, by a party's place, and by what goes without saying."""

import pytest
from django.apps import apps

from apps.evidence.levels import Context, FieldKind, FieldRule, check, cue_words
from apps.evidence.levels.cues import said_by
from apps.evidence.levels.scripts import PAIRS, fold

KIND = FieldRule("registry.memberunit", "kind", FieldKind.CHOICE)
STATUS = FieldRule("projects.project", "status", FieldKind.CHOICE)
ROLE = FieldRule("projects.projectpartner", "role", FieldKind.CHOICE)
PART = FieldRule("events.participation", "role", FieldKind.CHOICE, (), (("chair", ("主持",)),))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("上海财经大学党委组织部", "party_body"),
        ("复旦大学哲学学院", "faculty"),
        ("同济大学附属中学", "school"),
        ("华山医院", "hospital"),
        ("浣纱六村党支部", "residential"),
        ("某某股份有限公司党支部", "party_body"),
        ("长宁区民政局", "government"),
        ("新民晚报", "medium"),
        ("社区公益基金会", "foundation"),
        ("材料研究院", "research_institute"),
    ],
)
def test_the_end_of_a_name_says_the_kind_alone(name: str, kind: str) -> None:
    context = Context(name=name)
    assert check(KIND, kind, f"{name}与会", context).level == "cued"
    for other in ("university", "team"):
        assert check(KIND, other, f"{name}与会", context).level is None


def test_a_longer_cue_hides_those_in_it() -> None:
    cues = cue_words.CUES["registry.alliance.kind"]
    assert list(said_by(cues, "等5个联席分会")) == ["sub_conference"]
    assert list(said_by(cues, "區域化黨建聯席會")) == ["joint_conference"]


@pytest.mark.parametrize(
    ("value", "words", "level"),
    [
        ("planned", "将继续探索新方法", "cued"),
        ("completed", "工程竣工", "cued"),
        ("cancelled", "工程竣工", None),
        ("completed", "将继续推进", None),
        ("under_way", "邻里之间", "derived"),
        ("planned", "邻里之间", None),
    ],
)
def test_a_status_is_cued_or_goes_without_saying(value: str, words: str, level: str | None) -> None:
    assert check(STATUS, value, words, Context()).level == level


def test_what_the_registry_calls_a_choice_is_literal() -> None:
    assert check(PART, "chair", "会议由李某主持", Context()).level == "literal"
    assert check(PART, "speaker", "李某强调", Context()).level == "cued"


@pytest.mark.parametrize(
    ("words", "role"),
    [
        ("甲公司开展培训", "lead"),
        ("联合甲公司开展培训", "partner"),
        ("街道与甲公司开展培训", "partner"),
        ("为甲公司开展培训", "beneficiary"),
    ],
)
def test_the_place_of_a_party_says_its_role(words: str, role: str) -> None:
    context = Context(party=("甲公司",))
    assert check(ROLE, role, words, context).level == "derived"
    others = {"lead", "partner", "beneficiary"} - {role, "lead"}
    assert [other for other in others if check(ROLE, other, words, context).level == "derived"] == []


@pytest.mark.parametrize(
    ("name", "unit", "kind"),
    [("镇党委", "五角场镇党委", "short"), ("杨浦区五角场镇党委", "五角场镇党委", "as_written")],
)
def test_another_name_is_short_where_it_leaves_something_out(name: str, unit: str, kind: str) -> None:
    rule = FieldRule("registry.unitname", "kind", FieldKind.CHOICE)
    context = Context(name=name, party=(unit,))
    levels = {value: check(rule, value, name, context).level for value in ("short", "as_written", "former", "official")}
    assert {value for value, level in levels.items() if level} == {kind}


def test_a_group_is_told_by_a_plural() -> None:
    rule = FieldRule("events.participation", "group", FieldKind.TRUTH)
    assert check(rule, True, "各居民区党组织书记", Context()).level == "cued"
    assert check(rule, True, "李某", Context()).level is None
    assert check(rule, False, "各居民区党组织书记", Context()).level is None


def test_cue_words_are_those_of_fields_and_values_that_exist() -> None:
    for field, by_value in cue_words.CUES.items():
        app, model, name = field.split(".")
        choices = {value for value, _label in apps.get_model(app, model)._meta.get_field(name).flatchoices}  # type: ignore[union-attr]
        assert by_value.keys() <= choices, field
        assert cue_words.UNLESS_TOLD.get(field, next(iter(choices))) in choices
    assert cue_words.NAME_TELLS | cue_words.UNLESS_TOLD.keys() <= {*cue_words.CUES}


def test_cue_words_are_written_in_simplified_characters_and_once() -> None:
    for field, by_value in cue_words.CUES.items():
        for value, words in by_value.items():
            assert len(words) == len({*words}), (field, value)
            assert [word for word in words if fold(word) != word] == []
    assert len(PAIRS[::2]) == len({*PAIRS[::2]})
