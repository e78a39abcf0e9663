"""The peer to be measured against: the same JSON by FastAPI, asyncpg and msgspec, as one would write it for speed.

One prepared statement a request, rows built into structs, msgspec writes the bytes. `/pg/projects` leaves the JSON to
PostgreSQL, for comparison. DATABASE_URL names the database.
"""

import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec
from fastapi import FastAPI, Request, Response

from tests.bench.peers import shapes, statements

SIZE = 50
encode = msgspec.json.Encoder().encode
PAGE = statements.project_page()
PAGE_BEHIND = statements.project_page(statements.BEHIND.format("$3", "$4"))
PAGE_FILTERED = statements.project_page(statements.FILTERED)
PAGE_FILTERED_BEHIND = statements.project_page(statements.FILTERED + statements.BEHIND.format("$5", "$6"))
PAGE_JSON = statements.project_page_json()
PAGE_JSON_FILTERED = statements.project_page_json(statements.FILTERED)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep a pool of connections, set as those of the service are, and look up what does not change."""
    async with asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=4, max_size=8, server_settings={"enable_memoize": "off"}
    ) as pool:
        app.state.pool = pool
        rows = await pool.fetch(
            "SELECT model, id FROM django_content_type WHERE app_label IN ('projects', 'events', 'evidence')"
        )
        app.state.kinds = dict(map(tuple, rows))
        yield


app = FastAPI(lifespan=lifespan, openapi_url=None)


def answer(body: bytes) -> Response:
    """Return a JSON answer."""
    return Response(body, media_type="application/json")


def read_cursor(text: str) -> list[str]:
    """Return the values of the row behind which a page begins."""
    found: list[str] = msgspec.json.decode(base64.urlsafe_b64decode(text))
    return found


def next_page(path: str, query: str, values: list[Any]) -> str:
    """Return the address of the page behind a row."""
    cursor = base64.urlsafe_b64encode(encode(values)).decode()
    return f"{path}?{query}{'&' if query else ''}cursor={cursor}"


@app.get("/api/v1/projects")
async def projects(request: Request) -> Response:
    """List projects: all, or those of a district with a status."""
    params = request.query_params
    values: list[Any] = [request.app.state.kinds["project"], SIZE + 1]
    district, cursor, query = params.get("district"), params.get("cursor"), ""
    if district:
        values += [district, params["status"]]
        query = f"district={district}&status={params['status']}"
    if cursor:
        values += read_cursor(cursor)
        statement = PAGE_FILTERED_BEHIND if district else PAGE_BEHIND
    else:
        statement = PAGE_FILTERED if district else PAGE
    rows = await request.app.state.pool.fetch(statement, *values)
    found = [shapes.project(row) for row in rows[:SIZE]]
    more = next_page("/api/v1/projects", query, [found[-1].name_pinyin, found[-1].slug]) if len(rows) > SIZE else None
    return answer(encode(shapes.Page(found, more)))


@app.get("/api/v1/projects/{slug}")
async def project(request: Request, slug: str) -> Response:
    """Give one project."""
    kinds = request.app.state.kinds
    row = await request.app.state.pool.fetchrow(statements.PROJECT_DETAIL, kinds["project"], kinds["figure"], slug)
    if row is None:
        return Response(status_code=404)
    return answer(encode(shapes.project_detail(row)))


@app.get("/api/v1/events")
async def events(request: Request) -> Response:
    """List events, the newest first."""
    rows = await request.app.state.pool.fetch(statements.EVENT_PAGE, request.app.state.kinds["event"], SIZE + 1)
    found = [shapes.event(row) for row in rows[:SIZE]]
    last = [found[-1].held_on_earliest, found[-1].slug]
    return answer(encode(shapes.Page(found, next_page("/api/v1/events", "", last) if len(rows) > SIZE else None)))


@app.get("/pg/projects")
async def projects_by_postgresql(request: Request) -> Response:
    """List projects as JSON that PostgreSQL has built."""
    params = request.query_params
    values: list[Any] = [request.app.state.kinds["project"], SIZE + 1]
    if "district" in params:
        values += [params["district"], params["status"]]
    statement = PAGE_JSON_FILTERED if "district" in params else PAGE_JSON
    rows = await request.app.state.pool.fetch(statement, *values)
    return answer(('{"results":[' + ",".join([row[0] for row in rows[:SIZE]]) + "]}").encode())
