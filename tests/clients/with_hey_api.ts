// What a client of @hey-api/openapi-ts does; compiled by `tsc --strict`, run by test_clients.py.
import { client } from "./generated/hey-api/client.gen";
import { createAlliance, importAlliances, listAlliances, listClaims, updateAlliance } from "./generated/hey-api/sdk.gen";
import type { ListAlliancesData, MemberUnitReference } from "./generated/hey-api/types.gen";

const [address, token] = process.argv.slice(2);
client.setConfig({ baseUrl: address, auth: token });
const told: Record<string, unknown> = {};

const listed = await listAlliances({ query: { page_size: 3 }, throwOnError: true });
told.listed = listed.data.results.map((row) => row.name);

const query: ListAlliancesData["query"] = { kind: ["joint_conference", "network"] };
const filtered = await listAlliances({ query, throwOnError: true });
told.kinds = [...new Set(filtered.data.results.map((row) => row.kind))].sort();

const claims = await listClaims({ query: { expand: ["unit"], page_size: 5 }, throwOnError: true });
const unit: MemberUnitReference = claims.data.results.find((row) => row.unit)!.unit!;
told.expanded = [unit.key, unit.kind ?? null];

const keys: string[] = [];
let cursor: string | undefined;
do {
  const { data } = await listAlliances({ query: { page_size: 7, cursor }, throwOnError: true });
  keys.push(...data.results.map((row) => row.slug));
  cursor = data.next ? (new URL(data.next, address).searchParams.get("cursor") ?? undefined) : undefined;
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
const made = await createAlliance({ body });
if (!made.data || !("slug" in made.data)) throw new Error(JSON.stringify(made.error));
told.created = [made.response!.status, made.data.name];
const key = made.data.slug;
const tag = made.response!.headers.get("ETag")!;

const twice = await createAlliance({ body: { ...body, slug: key } });
told.conflict = [twice.response!.status, twice.error!.code];

const stale = [];
for (const slogan of ["一", "二"])
  stale.push(
    await updateAlliance({
      path: { key },
      headers: { "If-Match": tag },
      body: { slogan, change_reason: "A generated client" },
    }),
  );
told.stale = [stale[1].response!.status, stale[1].error!.code];

const file = new File([`slug,slogan\r\n${key},三\r\n`], "alliances.csv", { type: "text/csv" });
const imported = await importAlliances({ body: { file }, query: { change_reason: "A generated client" } });
if (!imported.data || !("created" in imported.data)) throw new Error(JSON.stringify(imported.error));
told.imported = [imported.data.created, imported.data.changed, imported.data.unchanged];
console.log(JSON.stringify(told));
