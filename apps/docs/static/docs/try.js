// The forms of the reference: a request is put together from what is filled in, shown as curl, and sent. What a form
// begins with stands in the address, behind the anchor of its operation: #claims_list?street=310110101&fields=unit

const TEXTS = JSON.parse(document.getElementById("texts").textContent);
const LONGEST = 200_000; // characters of an answer that are shown
const token = document.getElementById("token");

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function given(form, place) {
  return [...form.querySelectorAll(`[data-in=${place}]`)].filter((field) => field.value !== "");
}

function requestOf(form) {
  let path = form.dataset.path;
  for (const field of given(form, "path")) {
    path = path.replace(`{${field.name}}`, encodeURIComponent(field.value));
  }
  const url = new URL(path, location.origin);
  for (const field of given(form, "query")) url.searchParams.append(field.name, field.value);
  const headers = Object.fromEntries(given(form, "header").map((field) => [field.name, field.value]));
  if (token.value) headers.Authorization = `Bearer ${token.value.trim()}`;
  const [field] = given(form, "body");
  const file = field?.files?.[0];
  let body = field?.value;
  if (file) {
    body = new FormData(); // whose type, with its boundary, the browser gives
    body.append(field.dataset.part, file);
  } else if (field) {
    headers["Content-Type"] = field.dataset.type;
  }
  return { url: url.href, method: form.dataset.method, headers, body, file, part: field?.dataset.part };
}

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curlOf({ url, method, headers, body, file, part }) {
  // What is still to be filled in stays readable.
  const address = url.replace(/%7B(\w+)%7D/g, "{$1}");
  const parts = ["curl -i", ...(method === "GET" ? [] : [`-X ${method}`]), quote(address)];
  for (const [name, value] of Object.entries(headers)) {
    parts.push(`-H ${quote(`${name}: ${name === "Authorization" ? "Bearer $TOKEN" : value}`)}`);
  }
  if (body !== undefined) parts.push(file ? `-F ${quote(`${part}=@${file.name}`)}` : `-d ${quote(body)}`);
  return parts.join(" ").replaceAll("'Authorization: Bearer $TOKEN'", '"Authorization: Bearer $TOKEN"');
}

function missing(form) {
  const empty = [...form.querySelectorAll(":required")].find((field) => field.value === "");
  empty?.setAttribute("aria-invalid", "true");
  empty?.focus();
  return empty;
}

function linked(text) {
  // Addresses of the service within an answer are links.
  const parts = text.split(/"(\/api\/v1[^"\s]*)"/);
  if (parts.length > 1000) return [text];
  return parts.map((part, place) =>
    place % 2 ? make("span", {}, '"', make("a", { href: part }, part), '"') : part,
  );
}

async function contentOf(response) {
  const type = response.headers.get("Content-Type") ?? "";
  if (!/json|^text\/|[+/]xml/.test(type)) {
    const blob = await response.blob();
    if (!blob.size) return [];
    const name = new URL(response.url).pathname.split("/").pop();
    return [make("a", { href: URL.createObjectURL(blob), download: `${name}.xlsx` }, TEXTS.save)];
  }
  let text = await response.text();
  if (/json$|json;/.test(type) && text.length < LONGEST) {
    try {
      text = JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      // NDJSON, or broken off: shown as it came.
    }
  }
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST)}\n… ${TEXTS.cut}` : text;
  return [make("pre", { tabIndex: 0 }, ...linked(shown))];
}

async function send(form) {
  if (missing(form)) return;
  const result = form.querySelector(".result");
  const button = form.querySelector("[type=submit]");
  const { url, method, headers, body } = requestOf(form);
  button.disabled = true;
  const began = performance.now();
  try {
    // Without cookies: what is sent is what the line of curl says.
    const response = await fetch(url, { method, headers, body, credentials: "omit" });
    const took = Math.round(performance.now() - began);
    const list = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    result.replaceChildren(
      make("p", { className: response.ok ? "good" : "bad" }, `${response.status} · ${took} ms`),
      ...(await contentOf(response)),
      make("details", {}, make("summary", {}, TEXTS.headers), make("pre", { tabIndex: 0 }, list)),
    );
  } catch {
    result.replaceChildren(make("p", { className: "bad" }, TEXTS.failed));
  } finally {
    button.disabled = false;
  }
}

function refresh(form) {
  form.querySelector(".curl").textContent = curlOf(requestOf(form));
}

function fill() {
  const [anchor, query] = location.hash.slice(1).split("?");
  const form = anchor && document.getElementById(decodeURIComponent(anchor))?.querySelector("form");
  if (!form || !query) return;
  for (const [name, value] of new URLSearchParams(query)) {
    const field = form.elements.namedItem(name);
    if (field) field.value = value;
  }
  refresh(form);
}

for (const form of document.querySelectorAll("form[data-path]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
  form.addEventListener("input", (event) => {
    event.target.removeAttribute("aria-invalid");
    refresh(form);
  });
  form.querySelector(".copy").addEventListener("click", async () => {
    const line = form.querySelector(".curl");
    getSelection().selectAllChildren(line);
    await navigator.clipboard?.writeText(line.textContent);
  });
  refresh(form);
}
token.addEventListener("input", () => document.querySelectorAll("form[data-path]").forEach(refresh));
addEventListener("hashchange", fill);
fill();
