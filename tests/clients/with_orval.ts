// What a client of orval does; compiled by `tsc --strict`, run by test_clients.py.
import { createAlliance, importAlliances, listAlliances, listClaims, updateAlliance } from "./generated/orval/client";
import type { ListAlliancesParams, MemberUnitReference } from "./generated/orval/client";

const [address, token] = process.argv.slice(2);
const options = { headers: { Authorization: `Bearer ${token}` } };
const told: Record<string, unknown> = {};

async function list(params: ListAlliancesParams) {
  const answer = await listAlliances(params);
  // JSON is one of the formats of a list: the others are texts, or linked data.
  if (answer.status !== 200 || typeof answer.data === "string" || !("results" in answer.data))
    throw new Error(JSON.stringify(answer.data));
  return answer.data;
}

told.listed = (await list({ page_size: 3 })).results.map((row) => row.name);
const filtered = await list({ kind: ["joint_conference", "network"] });
told.kinds = [...new Set(filtered.results.map((row) => row.kind))].sort();

const claims = await listClaims({ expand: ["unit"], page_size: 5 });
if (claims.status !== 200 || typeof claims.data === "string" || !("results" in claims.data))
  throw new Error(JSON.stringify(claims.data));
const unit: MemberUnitReference = claims.data.results.find((row) => row.unit)!.unit!;
told.expanded = [unit.key, unit.kind ?? null];

const keys: string[] = [];
let cursor: string | undefined;
do {
  const page = await list({ page_size: 7, cursor });
  keys.push(...page.results.map((row) => row.slug));
  cursor = page.next ? (new URL(page.next, address).searchParams.get("cursor") ?? undefined) : undefined;
} while (cursor);
told.paged = keys.length;

const body = {
  name: "生成的客户端",
  kind: "alliance",
  status: "active",
  district: "310110",
  state: "draft",
  change_reason: "A generated client",
} as const;
const sent = { ...options, headers: { ...options.headers, "Content-Type": "application/json" } };
const made = await createAlliance(body, {}, sent);
if (made.status !== 201) throw new Error(JSON.stringify(made.data));
told.created = [made.status, made.data.name];
const key = made.data.slug;
const tag = made.headers.get("ETag")!;

const twice = await createAlliance({ ...body, slug: key }, {}, sent);
if (twice.status !== 409) throw new Error(JSON.stringify(twice.data));
told.conflict = [twice.status, twice.data.code];

const stale = [];
for (const slogan of ["一", "二"]) {
  const headers = { ...sent.headers, "If-Match": tag };
  stale.push(await updateAlliance(key, { slogan, change_reason: "A generated client" }, {}, { headers }));
}
const last = stale[1];
if (last.status !== 412) throw new Error(JSON.stringify(last.data));
told.stale = [last.status, last.data.code];

const file = new File([`slug,slogan\r\n${key},三\r\n`], "alliances.csv", { type: "text/csv" });
const imported = await importAlliances({ file }, { change_reason: "A generated client" }, options);
if (imported.status !== 200) throw new Error(JSON.stringify(imported.data));
told.imported = [imported.data.created, imported.data.changed, imported.data.unchanged];
console.log(JSON.stringify(told));
