"""The documentation says what the service says: its requests are sent, its answers compared, its links followed."""

import io
import json
import re
import runpy
import shlex
import shutil
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

from apps.evidence.fixtures import files, loading

ROOT = Path(__file__).resolve().parent.parent
ARTICLES = ROOT.parent / "shared" / "articles"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

# A request, alone in its block, and the answer in the block that follows.
EXAMPLE = re.compile(
    r"^```sh\n(?P<request>curl [^\n]+)\n```\n\n```(?:json|csv)\n(?P<answer>.+?)\n```$", re.MULTILINE | re.DOTALL
)
BLOCK = re.compile(r"^```(?P<language>python|text|yaml)\n(?P<content>.+?)^```$", re.MULTILINE | re.DOTALL)
# A request of the part on writing, below the status that it is answered with.
REQUEST = re.compile(r"^    # (?P<status>\d{3}): .+\n(?P<command>    curl (?:.+\n)+?)(?=    #|\n)", re.MULTILINE)
# How settings read a variable.
VARIABLE = re.compile(r'(?:read\(env\.\w+, |read_\w+\(|env\.\w+\(|environ(?:\.get\(|\[))"([A-Z_]+)"')
LINK = re.compile(r"\]\((?!https?:)(?P<path>[^)#]+)[^)]*\)")


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
            name: "…" if name == "request_id" else settled(inner)
            for name, inner in value.items()
            if name != "updated_at"
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


def test_the_readme_has_a_tour_in_five_calls() -> None:
    assert len(examples(ROOT / "README.md")) == 5


def write(client: Client, command: str) -> Any:
    """Send what one of the README's curl commands that write would send."""
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
def test_the_requests_of_the_readme_write_what_it_says() -> None:
    user = get_user_model().objects.create_superuser("readme", password=None)
    token = io.StringIO()
    call_command("token", "create", user.username, name="readme", scope=["read", "write", "steward"], stdout=token)
    shell = {
        "API": "/api/v1",
        "AUTH": f"Authorization: Bearer {token.getvalue().strip()}",
        "JSON": "Content-Type: application/json",
    }
    page = (ROOT / "README.md").read_text()
    requests = list(REQUEST.finditer(page))

    for found in requests:
        answer = write(Client(SERVER_NAME="localhost"), Template(found["command"]).safe_substitute(shell))
        assert answer.status_code == int(found["status"]), (found[0], answer.content.decode())
        if answer.status_code == 201:
            shell.setdefault("ETAG", answer.headers.get("ETag", "").replace('"', r"\""))  # within quotes
        if "-X PATCH" in found["command"] and answer.status_code == 200:
            shell["REQUEST"] = answer.headers["X-Request-ID"]

    assert len(requests) == page.count("\n    curl ")


def test_every_variable_that_is_read_is_documented_and_no_other() -> None:
    sources = [ROOT / "partybuild/settings.py", ROOT / "partybuild/database.py"]
    read = {name for source in sources for name in VARIABLE.findall(source.read_text())}
    table = (ROOT / "docs/operations.md").read_text().partition("## Settings")[2].partition("\n\ngranian")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}

    assert len(told) > 20
    # Of granian's own we read what we need, and tell what an operator may want.
    own = {name for name in told if not name.startswith("GRANIAN_")}
    assert own <= read <= told


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_request_stands_without_its_answer(page: Path) -> None:
    assert len(re.findall(r"^curl ", page.read_text(), re.MULTILINE)) == len(examples(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    paths = [found["path"] for found in LINK.finditer(page.read_text())]

    assert [path for path in paths if not (page.parent / path).exists()] == []


@pytest.mark.django_db
def test_the_snippet_of_the_guide_checks_citations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    captured = ARTICLES / "004_725b41050449d912.txt"
    if not captured.exists():
        pytest.skip("the article texts are not beside this checkout (../shared/articles)")
    (code,) = blocks("api.md", "python")
    (tmp_path / "check.py").write_text(code)
    shutil.copy(captured, tmp_path / "article.txt")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(urllib.request, "urlopen", lambda url: io.BytesIO(json.dumps(send(f"curl {url}")).encode()))

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
