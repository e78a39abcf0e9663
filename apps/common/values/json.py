"""The type of a JSON value."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

# `JsonValue`: any value that is read or written. `JsonObject`: an object that is being made.
JsonValue: TypeAlias = "str | int | float | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
JsonObject: TypeAlias = "dict[str, JsonValue]"
