"""The documentation says what the service says: its requests are sent, its answers compared, its links followed."""

import io
import json
import re
import runpy
import shlex
import shutil
import socket
import urllib.request
from argparse import ArgumentParser
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

from apps.docs.markdown import headings, parse
from apps.evidence.fixtures import files, loading

ROOT = Path(__file__).resolve().parent.parent
ARTICLES = ROOT.parent / "shared" / "articles"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
GUIDE = ROOT / "docs" / "guide"
ORIGIN = "http://127.0.0.1:8000"
# Each English page, and the same one in Chinese.
TWINS = [
    (ROOT / "README.md", ROOT / "docs" / "README.zh-Hans.md"),
    *((page, GUIDE / "zh-Hans" / page.name) for page in sorted((GUIDE / "en").glob("*.md"))),
]

# A request, alone in its block, and the answer in the block that follows.
EXAMPLE = re.compile(
    r"^```sh\n(?P<request>curl [^\n]+)\n```\n\n```(?:json|csv)\n(?P<answer>.+?)\n```$", re.MULTILINE | re.DOTALL
)
BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<content>.+?)^```$", re.MULTILINE | re.DOTALL)
# A request that writes, below the status that it is answered with; or a line that keeps something of the last answer.
REQUEST = re.compile(
    r"^# (?P<status>\d{3}): .+\n(?P<command>curl (?:.+\n)+?)(?=#|\n|```)|^(?P<kept>ETAG|REQUEST)=", re.MULTILINE
)
# A request whose answer is kept as a file.
FILE = re.compile(r"^curl -s -o \S+ ", re.MULTILINE)
# An address of the service, in code of whatever language or in a text.
ADDRESS = re.compile(rf"{ORIGIN}(/[^\s\"'`)]+)")
# An address without the host, in code that sends requests.
SENDING = ("sh", "python", "r")
PATH = re.compile(r"[\"'](/api/v1/[^\s\"'{$]+)[\"']")
# Pages whose requests write, in the order in which they are sent: what one makes, the next one may use.
WRITING = ("writing", "bulk", "names", "webhooks", "evidence")
# What a page is made of: headings, items of lists, blocks of code.
SKELETON = re.compile(
    r"^(?P<mark>#+|-|\d\.) [^\n]+$|^```(?P<language>\w+)\n(?P<code>.+?)^```$", re.MULTILINE | re.DOTALL
)
# How settings read a variable.
VARIABLE = re.compile(r'(?:read\(\w[\w.]*, |read_\w+\(|env\.\w+\(|environ(?:\.get\(|\[))"([A-Z_]+)"')
LINK = re.compile(r"\]\((?!https?:)(?P<path>[^)#]*)(?:#(?P<anchor>[^)]*))?\)")


def examples(page: Path) -> list[tuple[str, str]]:
    return [(found["request"], found["answer"]) for found in EXAMPLE.finditer(page.read_text())]


def blocks(page: str, language: str) -> list[str]:
    found = BLOCK.finditer((ROOT / "docs" / page).read_text())
    return [block["content"] for block in found if block["language"] == language]


def all_examples() -> list[Any]:
    return [
        pytest.param(*example, id=f"{page.relative_to(ROOT)}-{number}")
        for page in PAGES
        for number, example in enumerate(examples(page), 1)
    ]


def send(request: str) -> Any:
    """Send what a curl command would send; only the options that the documentation uses are understood."""
    curl = ArgumentParser(exit_on_error=False)
    curl.add_argument("url")
    curl.add_argument("-s", action="store_true")
    curl.add_argument("-G", action="store_true")
    curl.add_argument("-H", action="append", default=[])
    curl.add_argument("-d", action="append", default=[])
    curl.add_argument("--data-urlencode", action="append", default=[])
    given = curl.parse_args(shlex.split(request)[1:])
    address = urlsplit(given.url)
    encoded = ["=".join(map(quote, pair.split("=", 1))) for pair in given.data_urlencode]
    query = "&".join([part for part in (address.query, *given.d, *encoded) if part])
    headers = dict(header.split(": ", 1) for header in given.H)
    answer = Client(SERVER_NAME=str(address.hostname)).get(f"{address.path}?{query}", headers=headers)
    if answer.headers["Content-Type"].startswith("text/csv"):
        return answer.getvalue().decode().splitlines()
    return json.loads(answer.content)


def settled(value: Any) -> Any:
    """Return an answer without what differs from one database, key or request to the next."""
    if isinstance(value, dict):
        return {
            name: "…" if name == "request_id" or (name.endswith("_cursor") and inner) else settled(inner)
            for name, inner in value.items()
            if name not in ("updated_at", "since")
        }
    if isinstance(value, list):
        return [settled(inner) for inner in value]
    return re.sub(r"(?<=cursor=)[^&]+", "…", value) if isinstance(value, str) else value


@pytest.mark.django_db
@pytest.mark.parametrize(("request_line", "answer"), all_examples())
def test_an_answer_in_the_documentation_is_what_the_service_says(request_line: str, answer: str) -> None:
    real = settled(send(request_line))

    told = json.loads(answer) if answer.startswith("{") else answer.splitlines()
    assert settled(told) == real, f"{request_line} gives {json.dumps(real, ensure_ascii=False)}"


@pytest.mark.django_db
@pytest.mark.parametrize("page", [*TWINS[0], *(GUIDE / language / "evidence.md" for language in ("en", "zh-Hans"))])
def test_a_claim_whose_text_is_attached_shows_its_sentence_as_is_said(page: Path) -> None:
    if not ARTICLES.is_dir():
        pytest.skip("the article texts are not beside this checkout (../shared/articles)")
    call_command("attach_articles", str(ARTICLES), stdout=io.StringIO())
    told = [json.loads(found) for found in re.findall(r'\{"exact": "«…»"[^}]+\}', page.read_text())]
    claims = Client().get("/api/v1/claims", {"fields": "citations"}).json()["results"]
    quoted = [citation["quotation"] for claim in claims for citation in claim["citations"] if citation["verified"]]
    assert len(told) == 1
    assert told[0] in [quotation | {"exact": "«…»"} for quotation in quoted if quotation]


def test_the_readme_has_three_calls() -> None:
    assert len(examples(ROOT / "README.md")) == 3


def write(client: Client, command: str) -> Any:
    """Send what one of the guide's curl commands that write would send."""
    curl = ArgumentParser(exit_on_error=False)
    curl.add_argument("url")
    curl.add_argument("-i", action="store_true")
    curl.add_argument("-X")
    curl.add_argument("-H", action="append", default=[])
    curl.add_argument("-d", "--data-binary", dest="d")
    # What bash makes of $'…', and of a line that goes on in the next.
    plain = re.sub(r"\$('[^']+')", lambda found: found[1].replace(r"\r\n", "\r\n"), command.replace("\\\n", ""))
    given = curl.parse_args(shlex.split(plain)[1:])
    headers = dict(header.split(": ", 1) for header in given.H)
    media = headers.pop("Content-Type", "")
    method = given.X or ("GET" if given.d is None else "POST")
    return client.generic(method, given.url, (given.d or "").encode(), media, headers=headers)


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_the_requests_of_the_guide_write_what_it_says(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found_at = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_address, **_kind: [found_at])
    user = get_user_model().objects.create_superuser("readme", password=None)
    token = io.StringIO()
    call_command("token", "create", user.username, name="readme", scope=["read", "write", "steward"], stdout=token)
    shell = {
        "API": "/api/v1",
        "AUTH": f"Authorization: Bearer {token.getvalue().strip()}",
        "JSON": "Content-Type: application/json",
    }
    text = "\n".join((GUIDE / language / f"{name}.md").read_text() for name in WRITING)
    requests = list(REQUEST.finditer(text))
    change = etag = ""

    for found in requests:
        if found["kept"]:
            shell |= {"ETAG": etag, "REQUEST": change}
            continue
        answer = write(Client(SERVER_NAME="localhost"), Template(found["command"]).safe_substitute(shell))
        assert answer.status_code == int(found["status"]), (found[0], answer.content.decode())
        etag = answer.headers.get("ETag", "").replace('"', r"\"")  # within quotes
        if answer.status_code < 300:
            change = answer.headers.get("X-Change-ID", change)

    assert len(requests) > 12


@pytest.mark.parametrize("twins", TWINS, ids=lambda pair: pair[0].stem)
def test_both_languages_have_the_same_requests_and_the_same_structure(twins: tuple[Path, Path]) -> None:
    english, chinese = (_skeleton(page.read_text()) for page in twins)

    assert chinese == english


def _skeleton(text: str) -> list[str]:
    """Return what a page has in every language: headings, items of lists, code without its comments, addresses."""
    found = []
    for block in SKELETON.finditer(text):
        if block["mark"]:
            found.append(block["mark"])
        elif block["language"] in ("sh", "python", "r", "console"):
            code = re.sub(r"(^|\s)# .*$", "", block["code"].replace("-H 'Accept-Language: en' ", ""), flags=re.M)
            found.append(re.sub(r"[ \t]+$", "", code, flags=re.M))
        else:
            found.append(block["language"])
    return found + [address for address in ADDRESS.findall(text) if address not in "".join(found)]


def test_every_variable_that_is_read_is_documented_and_no_other() -> None:
    sources = [ROOT / f"partybuild/{name}.py" for name in ("settings", "environment", "database")]
    read = {name for source in sources for name in VARIABLE.findall(source.read_text())}
    table = (ROOT / "docs/operations.md").read_text().partition("## Settings")[2].partition("\n\ngranian")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}

    assert len(told) > 20
    # Of granian's own we read what we need, and tell what an operator may want.
    own = {name for name in told if not name.startswith("GRANIAN_")}
    assert own <= read <= told


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_request_is_sent_by_a_test(page: Path) -> None:
    text = page.read_text()
    writes = sum(found["kept"] is None for found in REQUEST.finditer(text)) if page.stem in WRITING else 0

    assert len(re.findall(r"^curl ", text, re.MULTILINE)) == len(examples(page)) + writes + len(FILE.findall(text))


def other_addresses() -> list[str]:
    """Return the addresses in the guide and in README but those of examples, which are asked above."""
    texts = [EXAMPLE.sub("", page.read_text()) for pair in TWINS for page in pair]
    code = [block["content"] for text in texts for block in BLOCK.finditer(text) if block["language"] in SENDING]
    found = [*ADDRESS.findall("\n".join(texts)), *PATH.findall("\n".join(code))]
    return sorted(set(found))


@pytest.mark.django_db
@pytest.mark.parametrize("address", other_addresses())
def test_an_address_in_the_documentation_answers(address: str) -> None:
    answer = Client(SERVER_NAME="127.0.0.1").get(address)
    assert answer.status_code in (200, 302)
    assert b"".join(answer) or answer.status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_to_addresses_of_the_service(page: Path) -> None:
    for found in LINK.finditer(page.read_text()):
        path, anchor = found["path"], found["anchor"]
        if path.startswith("/"):
            assert Client(SERVER_NAME="localhost").get(path).status_code == 200, path
            continue
        target = page.parent / path if path else page
        assert target.exists(), path
        if anchor:
            english = GUIDE / "en" / target.name if GUIDE in target.parents else target
            assert anchor in {heading.anchor for heading in headings(parse(english.read_text()))}, (path, anchor)


def open_address(url: str) -> io.BytesIO:
    """Answer in the place of `urllib.request.urlopen`."""
    assert url.startswith(ORIGIN)
    answer = Client(SERVER_NAME="127.0.0.1").get(url.removeprefix(ORIGIN))
    assert answer.status_code == 200, (url, answer.content)
    return io.BytesIO(answer.getvalue())


@pytest.mark.django_db
def test_the_recipes_that_need_no_package_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = [code for code in blocks("guide/en/recipes.md", "python") if "urllib" in code]
    monkeypatch.setattr(urllib.request, "urlopen", open_address)

    for code in plain:
        (tmp_path / "recipe.py").write_text(code)
        runpy.run_path(str(tmp_path / "recipe.py"))

        assert len(capsys.readouterr().out.splitlines()) > 5
    assert len(plain) == 2


@pytest.mark.django_db
def test_the_snippet_of_the_guide_checks_citations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    captured = ARTICLES / "004_725b41050449d912.txt"
    if not captured.exists():
        pytest.skip("the article texts are not beside this checkout (../shared/articles)")
    (code,) = blocks("guide/en/evidence.md", "python")
    (tmp_path / "check.py").write_text(code)
    shutil.copy(captured, tmp_path / "article.txt")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(urllib.request, "urlopen", open_address)

    runpy.run_path("check.py")

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 2
    assert all(line.startswith("True ") for line in lines)


@pytest.mark.django_db
def test_the_example_draft_becomes_the_example_fixture_and_loads(tmp_path: Path) -> None:
    (page,) = blocks("fixtures.md", "text")
    draft, fixture = blocks("fixtures.md", "yaml")
    (tmp_path / "xincun.txt").write_text(page)
    (tmp_path / "xincun-2024.yaml").write_text(draft)
    written = tmp_path / "out.yaml"

    call_command("cite", tmp_path / "xincun-2024.yaml", tmp_path / "xincun.txt", written, stdout=io.StringIO())

    assert written.read_text() == fixture
    assert loading.load({written.name: files.read_file(written)}, {written.name}) == {
        "alliances": 1,
        "figures": 1,
        "citations": 3,
        "marks": 1,
    }
