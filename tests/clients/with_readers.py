"""What reads tables reads the service: polars, pandas, duckdb, dlt and frictionless.

Run by test_clients.py in an environment of its own: `with_readers.py ADDRESS TOKEN`. Prints one line of JSON.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import dlt
import duckdb
import frictionless
import pandas
import polars
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator

ADDRESS, TOKEN = sys.argv[1:]
UNITS = f"{ADDRESS}/api/v1/member-units"
told: dict[str, Any] = {}


def rows_of(form: str) -> bytes:
    with urlopen(f"{UNITS}?format={form}") as answer:  # noqa: S310 (the address is that of the test's own service)
        return answer.read()


told["polars"] = [
    polars.read_csv(BytesIO(rows_of("csv"))).height,  # of an address it asks the length first, which a stream has not
    polars.read_ndjson(BytesIO(rows_of("ndjson"))).height,
    polars.read_excel(BytesIO(rows_of("xlsx"))).height,
]
told["pandas"] = [
    len(pandas.read_csv(f"{UNITS}?format=csv")),
    len(pandas.read_json(f"{UNITS}?format=ndjson", lines=True)),
    len(pandas.read_excel(BytesIO(rows_of("xlsx")))),
    len(pandas.json_normalize(json.loads(rows_of("json"))["results"])),
]

# From files: over HTTP it asks for an extension that it downloads.
with tempfile.TemporaryDirectory() as folder:
    paths = {form: Path(folder) / f"units.{form}" for form in ("csv", "ndjson", "json")}
    for form, path in paths.items():
        path.write_bytes(rows_of(form))
    told["duckdb"] = [
        len(duckdb.read_csv(str(paths["csv"])).fetchall()),
        len(duckdb.read_json(str(paths["ndjson"])).fetchall()),
        len(duckdb.read_json(str(paths["json"])).fetchall()[0][0]),
    ]

report = frictionless.validate(frictionless.Resource(path=f"{UNITS}?format=csv", format="csv", encoding="utf-8"))
told["frictionless"] = [report.valid, report.tasks[0].stats.get("rows")]


@dlt.resource(primary_key="slug", write_disposition="merge")
def units(updated: Any = dlt.sources.incremental("updated_at", initial_value="2000-01-01T00:00:00Z")) -> Iterator[Any]:
    """The units that were changed since the last run."""
    client = RESTClient(base_url=ADDRESS, paginator=JSONLinkPaginator(next_url_path="next"))
    parameters = {"updated_after": updated.last_value, "sort": "updated_at", "page_size": 100}
    yield from client.paginate("/api/v1/member-units", params=parameters, data_selector="results")


def load(pipeline: Any) -> int:
    pipeline.run(units())
    return pipeline.last_trace.last_normalize_info.row_counts.get("units", 0)


with tempfile.TemporaryDirectory() as folder:
    target = dlt.destinations.duckdb(f"{folder}/units.duckdb")
    pipeline = dlt.pipeline("units", pipelines_dir=folder, destination=target, dataset_name="partybuild")
    told["dlt"] = [load(pipeline), load(pipeline)]
    with urlopen(f"{UNITS}?page_size=200&fields=url,summary") as answer:  # noqa: S310
        # Its words are the registry's own, and keep their evidence when they change.
        unit = next(row for row in json.load(answer)["results"] if row["summary"])
    address, summary = UNITS.removesuffix("/api/v1/member-units") + unit["url"], unit["summary"]
    with urlopen(address) as answer:  # noqa: S310
        tag = answer.headers["ETag"]
    change = {"summary": f"{summary}。", "change_reason": "A reader"}
    headers = {"Authorization": f"Bearer {TOKEN}", "If-Match": tag, "Content-Type": "application/json"}
    request = Request(address, json.dumps(change).encode(), headers, method="PATCH")  # noqa: S310
    urlopen(request).close()  # noqa: S310
    told["dlt"].append(load(pipeline))
    with pipeline.sql_client() as client, client.execute_query("SELECT count(*) FROM units") as found:
        told["dlt"].append(found.fetchone()[0])
print(json.dumps(told))
