"""What a client of openapi-python-client does: read, filter, expand, page, write, meet conflicts, send a file.

Run by test_clients.py in an environment of its own: `with_openapi_python_client.py ADDRESS TOKEN`, with the generated
package `generated` on the path. Prints one line of JSON.
"""

import io
import json
import sys
from urllib.parse import parse_qs, urlsplit

from generated import AuthenticatedClient, Client
from generated.api.alliances import create_alliance, import_alliances, list_alliances, update_alliance
from generated.api.projects import list_claims
from generated.models import (
    AllianceDetail,
    AllianceKind,
    AlliancePage,
    AllianceStatus,
    ClaimPage,
    CreateAllianceBody,
    FactState,
    ImportFile,
    ImportResult,
    Problem,
    UpdateAllianceBody,
)
from generated.types import UNSET, File

ADDRESS, TOKEN = sys.argv[1:]
anybody = Client(base_url=ADDRESS)
steward = AuthenticatedClient(base_url=ADDRESS, token=TOKEN)
told: dict[str, object] = {}

page = list_alliances.sync(client=anybody, page_size=3)
assert isinstance(page, AlliancePage)
told["listed"] = [row.name for row in page.results]

page = list_alliances.sync(client=anybody, kind=[AllianceKind.JOINT_CONFERENCE, AllianceKind.NETWORK])
assert isinstance(page, AlliancePage)
told["kinds"] = sorted({row.kind.value for row in page.results})

claims = list_claims.sync(client=anybody, expand=["unit"], page_size=5)
assert isinstance(claims, ClaimPage)
unit = next(row.unit for row in claims.results if row.unit)
brief = next(row.project for row in claims.results if row.project)
assert unit.key and unit.name and unit.url and unit.kind and brief.kind is UNSET
told["expanded"] = [unit.key, unit.kind.value]

cursor, keys = UNSET, []
while True:
    page = list_alliances.sync(client=anybody, page_size=7, cursor=cursor, fields=UNSET)
    assert isinstance(page, AlliancePage)
    keys += [row.slug for row in page.results]
    if page.next_ is None:
        break
    cursor = parse_qs(urlsplit(page.next_).query)["cursor"][0]
told["paged"] = len(keys)
assert len(keys) == len(set(keys))

body = CreateAllianceBody(
    name="生成的客户端",
    kind=AllianceKind.ALLIANCE,
    status=AllianceStatus.ACTIVE,
    district="310110",
    state=FactState.DRAFT,
    change_reason="A generated client",
)
answer = create_alliance.sync_detailed(client=steward, body=body)
assert isinstance(answer.parsed, AllianceDetail), answer.content
told["created"] = [answer.status_code, answer.parsed.name]
slug, tag = answer.parsed.slug, answer.headers["ETag"]

again = CreateAllianceBody.from_dict({**body.to_dict(), "slug": slug})
answer = create_alliance.sync_detailed(client=steward, body=again)
assert isinstance(answer.parsed, Problem)
told["conflict"] = [answer.status_code, answer.parsed.code.value]

for slogan in ("一", "二"):
    change = UpdateAllianceBody(slogan=slogan, change_reason="A generated client")
    answer = update_alliance.sync_detailed(slug, client=steward, body=change, if_match=tag)
assert isinstance(answer.parsed, Problem)
told["stale"] = [answer.status_code, answer.parsed.code.value]

content = f"slug,slogan\r\n{slug},三\r\n".encode()
file = File(payload=io.BytesIO(content), file_name="alliances.csv", mime_type="text/csv")
result = import_alliances.sync(client=steward, body=ImportFile(file=file), change_reason="A generated client")
assert isinstance(result, ImportResult), result
told["imported"] = [result.created, result.changed, result.unchanged]
print(json.dumps(told, ensure_ascii=False))
