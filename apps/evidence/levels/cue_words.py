"""The cue words of choices and references, which `cue_words.yaml` lists in simplified characters (`scripts.fold`)."""

from pathlib import Path
from typing import Any

import yaml

_DATA: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))

# By field ({app}.{model}.{field}) and value.
CUES: dict[str, dict[str, tuple[str, ...]]] = {
    field: {value: tuple(words.split()) for value, words in by_value.items()}
    for field, by_value in _DATA["cues"].items()
}
UNLESS_TOLD: dict[str, str] = _DATA["unless_told"]
NAME_TELLS = frozenset(_DATA["name_tells"])
PLURAL: tuple[str, ...] = tuple(_DATA["plural"].split())
POINTING: dict[str, tuple[str, ...]] = {label: tuple(words.split()) for label, words in _DATA["pointing"].items()}
NOUNS: dict[str, tuple[str, ...]] = {label: tuple(words.split()) for label, words in _DATA["nouns"].items()}
