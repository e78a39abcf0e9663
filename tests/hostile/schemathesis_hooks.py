"""What schemathesis leaves out.

A parameter without a value counts as not given, which no schema can say. A header with a control character is broken
HTTP (RFC 9110, 5.5): the server in front of the application refuses it with an empty body (see RAW in test_hostile).
"""

import re
from collections.abc import Mapping
from typing import Any

import schemathesis

CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def is_empty(value: Any) -> bool:
    """Tell whether a value has no text in an address."""
    if isinstance(value, Mapping):  # of which an address may hold the names alone, or the values
        return all(map(is_empty, value)) or all(map(is_empty, value.values()))
    return all(map(is_empty, value)) if isinstance(value, list) else value is None or value == ""


@schemathesis.hook
def filter_query(context: Any, query: Mapping[str, Any] | None) -> bool:
    """Keep a query whose parameters all have values."""
    return not any(map(is_empty, (query or {}).values()))


@schemathesis.hook
def filter_headers(context: Any, headers: Mapping[str, Any] | None) -> bool:
    """Keep headers that HTTP can carry."""
    return not any(CONTROL.search(str(part)) for pair in (headers or {}).items() for part in pair)
