"""What schemathesis leaves out: a parameter without a value counts as not given, which no schema can say."""

from collections.abc import Mapping
from typing import Any

import schemathesis


def is_empty(value: Any) -> bool:
    """Tell whether a value has no text in an address."""
    return all(map(is_empty, value)) if isinstance(value, list) else value is None or value == ""


@schemathesis.hook
def filter_query(context: Any, query: Mapping[str, Any] | None) -> bool:
    """Keep a query whose parameters all have values."""
    return not any(map(is_empty, (query or {}).values()))
