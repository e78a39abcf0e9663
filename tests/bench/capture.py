"""The SQL that the service runs for an address, written out for pgbench.

DATABASE_URL=... python -m tests.bench.capture < addresses      (a JSON list; so is what it prints)
"""

import json
import os
import re
import sys
from typing import Any

import django
import psycopg
from django.db import connection
from django.test import Client


def statements_of(paths: list[str]) -> list[str]:
    """Return a pgbench script for each address: the statements of one request, values written out."""
    client = Client(SERVER_NAME="localhost", headers={"accept-language": "zh-Hans"})
    scripts = []
    for path in paths:
        found: list[str] = []

        def keep(execute: Any, sql: Any, params: Any, many: bool, context: Any, found: list[str] = found) -> Any:
            found.append(written_out(sql, params))
            return execute(sql, params, many, context)

        client.get(path)  # what a process looks up once is not what a request costs
        with connection.execute_wrapper(keep):
            response = client.get(path)
            body = b"".join(response) if response.streaming else response.content
        if response.status_code != 200:
            sys.exit(f"bench: {path} answers {response.status_code}: {body[:300].decode('utf-8', 'replace')}")
        scripts.append("\n".join(f"{statement.rstrip().rstrip(';')};" for statement in found) + "\n")
    return scripts


def written_out(sql: Any, params: Any) -> str:
    """Return a statement with its values in their places, on one line, as pgbench reads it."""
    connection.ensure_connection()
    cursor = psycopg.ClientCursor(connection.connection)
    text = cursor.mogrify(sql, params) if params else str(sql).replace("%%", "%")
    # To pgbench a colon before a name is a variable, also within quotes: such a literal is put together from parts.
    text = re.sub(r"'(?:[^']|'')*'", lambda match: _in_parts(match[0]), text)
    return " ".join(text.split())


def _in_parts(literal: str) -> str:
    parts = re.sub(r":(?=[A-Za-z_])", ":' || '", literal)
    return literal if parts == literal else f"({parts})"


def main() -> None:
    """Read addresses, print scripts."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partybuild.settings")
    django.setup()
    json.dump(statements_of(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
