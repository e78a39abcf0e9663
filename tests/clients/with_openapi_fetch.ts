// What a client of openapi-typescript and openapi-fetch does; compiled by `tsc --strict`, run by test_clients.py.
import createClient from "openapi-fetch";
import type { components, paths } from "./generated/openapi-typescript";

const [address, token] = process.argv.slice(2);
// JSON is one of the formats of a list: the types say that it is the one asked for.
const client = createClient<paths, "application/json" | "application/problem+json">({ baseUrl: address });
const headers = { Authorization: `Bearer ${token}` };
const told: Record<string, unknown> = {};

const listed = await client.GET("/api/v1/alliances", { params: { query: { page_size: 3 } } });
told.listed = listed.data!.results.map((row) => row.name);

const filtered = await client.GET("/api/v1/alliances", { params: { query: { kind: ["joint_conference", "network"] } } });
told.kinds = [...new Set(filtered.data!.results.map((row) => row.kind))].sort();

const claims = await client.GET("/api/v1/claims", { params: { query: { expand: ["unit"], page_size: 5 } } });
const unit: components["schemas"]["MemberUnitReference"] = claims.data!.results.find((row) => row.unit)!.unit!;
told.expanded = [unit.key, unit.kind ?? null];

const keys: string[] = [];
let cursor: string | undefined;
do {
  const { data } = await client.GET("/api/v1/alliances", { params: { query: { page_size: 7, cursor } } });
  keys.push(...data!.results.map((row) => row.slug));
  cursor = data!.next ? (new URL(data!.next, address).searchParams.get("cursor") ?? undefined) : undefined;
} while (cursor);
told.paged = keys.length;

const body: components["schemas"]["NewAlliance"] & components["schemas"]["ChangeReason"] = {
  name: "生成的客户端",
  kind: "alliance",
  status: "active",
  district: "310110",
  state: "draft",
  change_reason: "A generated client",
};
const made = await client.POST("/api/v1/alliances", { body, headers });
if (!made.data || !("slug" in made.data)) throw new Error(JSON.stringify(made.error));
told.created = [made.response.status, made.data.name];
const key = made.data.slug;
const tag = made.response.headers.get("ETag")!;

const twice = await client.POST("/api/v1/alliances", { body: { ...body, slug: key }, headers });
told.conflict = [twice.response.status, twice.error!.code];

const stale = [];
for (const slogan of ["一", "二"])
  stale.push(
    await client.PATCH("/api/v1/alliances/{key}", {
      params: { path: { key }, header: { "If-Match": tag } },
      body: { slogan, change_reason: "A generated client" },
      headers,
    }),
  );
told.stale = [stale[1].response.status, stale[1].error!.code];

const form = new FormData();
form.append("file", new Blob([`slug,slogan\r\n${key},三\r\n`], { type: "text/csv" }), "alliances.csv");
const imported = await client.POST("/api/v1/alliances/import", {
  params: { query: { change_reason: "A generated client" } },
  body: { file: "" },
  bodySerializer: () => form,
  headers,
});
if (!imported.data || !("created" in imported.data)) throw new Error(JSON.stringify(imported.error));
told.imported = [imported.data.created, imported.data.changed, imported.data.unchanged];
console.log(JSON.stringify(told));
