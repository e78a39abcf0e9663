"""The SQL that the service runs for addresses, written out for pgbench.

DATABASE_URL=... python -m tests.bench.capture < addresses      (a JSON list; it prints scripts with their weights)

Addresses that differ in values alone have the same statements. They become one script, which draws one of the addresses
each time it runs; so its statements are prepared once, and asked with as many values as those of the peers.
"""

import json
import os
import re
import sys
from collections.abc import Sequence
from typing import Any

import django
import psycopg
from django.db import connection
from django.test import Client

Ran = tuple[tuple[str, ...], tuple[Sequence[Any], ...]]  # the statements of a request, and the values of each


def scripts_of(paths: list[str]) -> list[tuple[str, int]]:
    """Return scripts for pgbench that ask for addresses, each with the number of addresses that it stands for."""
    found: dict[tuple[str, ...], list[tuple[Sequence[Any], ...]]] = {}
    client = Client(SERVER_NAME="localhost", headers={"accept-language": "zh-Hans"})
    _read(client, paths[0])  # what a process looks up once is not what a request costs
    for path in paths:
        texts, values = ran(client, path)
        found.setdefault(texts, []).append(values)
    return [(_script(texts, values), len(values)) for texts, values in found.items() if texts]


def ran(client: Client, path: str) -> Ran:
    """Return the statements that one request runs."""
    texts: list[str] = []
    values: list[Sequence[Any]] = []

    def keep(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        texts.append(str(sql))
        values.append(tuple(params or ()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(keep):
        _read(client, path)
    return tuple(texts), tuple(values)


def _read(client: Client, path: str) -> None:
    response = client.get(path)
    body = b"".join(response) if response.streaming else response.content
    if response.status_code != 200:
        sys.exit(f"bench: {path} answers {response.status_code}: {body[:300].decode('utf-8', 'replace')}")


def _script(texts: tuple[str, ...], requests: Sequence[tuple[Sequence[Any], ...]]) -> str:
    """Return a script of the statements, in which each value is drawn from those of the requests."""
    lines = [rf"\set n random(1, {len(requests)})"]
    for number, text in enumerate(texts):
        columns = list(zip(*(values[number] for values in requests), strict=True))
        drawn = iter([_drawn(column) for column in columns])
        quoted = re.sub(r"'(?:[^']|'')*'", lambda match: _in_parts(match[0]), text)
        filled = re.sub(r"%[%s]", lambda match, drawn=drawn: "%" if match[0] == "%%" else next(drawn), quoted)
        lines.append(f"{' '.join(filled.split()).rstrip(';')};")
    return "\n".join(lines) + "\n"


def _drawn(values: Sequence[Any]) -> str:
    """Return SQL for one value of several."""
    if len({repr(value) for value in values}) == 1:
        return literal(values[0])
    return f"(ARRAY[{', '.join(map(literal, values))}])[:n::int]"


def literal(value: Any) -> str:
    """Return a value as it stands in a script."""
    return _in_parts(psycopg.sql.Literal(value).as_string(connection.connection))


def _in_parts(text: str) -> str:
    # To pgbench a colon before a name is a variable, also within quotes: such a literal is put together from parts.
    parts = re.sub(r"(?<!:):(?=[A-Za-z_])", ":' || '", text)
    return text if parts == text else f"({parts})"


def main() -> None:
    """Read addresses, print scripts."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partybuild.settings")
    django.setup()
    json.dump(scripts_of(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
