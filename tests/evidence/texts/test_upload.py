"""The captured page of an article, given on the article's page in the admin."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from apps.evidence import spans
from apps.evidence.fixtures import exporting
from apps.evidence.models import Article, ArticleText
from apps.registry.models import Street
from tests.evidence.texts.conftest import PAGE, Cite
from tests.factories import AppointmentFactory, MemberUnitFactory, UserFactory
from tests.writing import Keeper

pytestmark = pytest.mark.django_db


@pytest.fixture
def curator(client: Client) -> Client:
    """A client of the curator of a street."""
    user = UserFactory(is_staff=True)
    AppointmentFactory(user=user, role="curator", street=Street.objects.get(code="310110101"))
    client.force_login(user)
    return client


def address(article: Article, page: str = "attach") -> str:
    return reverse(f"admin:evidence_article_{page}", args=[article.pk])


def test_a_curator_pastes_the_page_or_gives_its_file(curator: Client, article: Article, cite: Cite) -> None:
    citation = cite("测试联盟")
    page = curator.get(address(article, "change")).content.decode()
    assert 'id="attach"' in page
    assert article.captured_sha256 in page
    answer = curator.post(address(article), {"pasted": PAGE.replace("\n", "\r\n")})
    assert answer.headers["Location"] == address(article, "change")
    assert ArticleText.objects.get(article=article).captured == PAGE
    assert 'id="attach"' not in curator.get(address(article, "change")).content.decode()
    steward = Client()
    steward.force_login(UserFactory(is_staff=True, is_superuser=True))
    for name, pk in (("evidence_citation", citation.pk), ("registry_alliance", citation.object_id)):
        assert "测试联盟" in steward.get(reverse(f"admin:{name}_change", args=[pk])).content.decode()
    ArticleText.objects.all().delete()
    curator.post(address(article), {"file": SimpleUploadedFile("a.txt", PAGE.encode("gb18030"))})
    assert ArticleText.objects.get(article=article).captured == PAGE


@pytest.mark.parametrize("field", ["pasted", "file"])
def test_another_page_is_refused_with_both_digests_and_the_place(
    curator: Client, article: Article, cite: Cite, field: str
) -> None:
    cite("测试联盟")
    other = PAGE.replace("联盟", "联合")
    given = SimpleUploadedFile("a.txt", other.encode()) if field == "file" else other
    page = curator.post(address(article), {field: given}, headers={"accept-language": "en"}).content.decode()
    assert f"its SHA-256 is {spans.digest(other)}, and {article.captured_sha256} is recorded" in page
    assert "At 11–15 of its body stand other words" in page
    assert not ArticleText.objects.filter(article=article).exists()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"pasted": "  \n"},
        {"pasted": "a\0b"},
        {"file": SimpleUploadedFile("a.txt", b"\xff\xff\xff")},
        {"file": SimpleUploadedFile("a.txt", b"x" * 1_000_001)},
        {"pasted": PAGE, "file": SimpleUploadedFile("a.txt", PAGE.encode())},
    ],
    ids=["nothing", "blanks", "NUL", "no text", "too long", "both"],
)
def test_what_is_no_page_is_refused(curator: Client, article: Article, data: dict[str, object]) -> None:
    answer = curator.post(address(article), data)
    assert answer.status_code == 200
    assert b"errorlist" in answer.content
    assert not ArticleText.objects.filter(article=article).exists()


def test_who_speaks_for_a_unit_is_no_curator(client: Client, article: Article) -> None:
    user = UserFactory(is_staff=True)
    AppointmentFactory(user=user, role="representative", unit=MemberUnitFactory())
    client.force_login(user)
    assert client.post(address(article), {"pasted": PAGE}).status_code == 403
    page = client.get(address(article, "change"))
    assert b'id="attach"' not in page.content
    assert not ArticleText.objects.filter(article=article).exists()


def test_an_article_that_is_not_there_is_404(curator: Client, article: Article) -> None:
    assert curator.get(reverse("admin:evidence_article_attach", args=[article.pk + 10_000])).status_code == 404


def test_the_address_of_the_publication_is_written_by_curators_and_is_a_link(
    curator: Client, client: Client, article: Article
) -> None:
    keeper = Keeper(UserFactory(is_superuser=True))
    path, found = f"articles/{article.slug}", "https://example.cn/a?b=1&c=2"
    assert keeper.write("PATCH", path, {"canonical_url": found})["canonical_url"] == found
    page = curator.get(address(article, "change")).content.decode()
    assert '<a href="https://example.cn/a?b=1&amp;c=2" target="_blank" rel="noopener noreferrer">' in page
    linked = client.get(f"/api/v1/{path}", {"format": "jsonld"}).json()
    assert linked["schema:url"] == {"@id": found}
    assert exporting.export(Article.objects.get(pk=article.pk))["article"]["canonical_url"] == found
    unit = UserFactory()
    AppointmentFactory(user=unit, role="representative", unit=MemberUnitFactory())
    assert Keeper(unit).refused("PATCH", path, {"canonical_url": ""}, 403, **{"If-Match": "*"})


@pytest.mark.parametrize("wrong", ["javascript:alert(1)", "ftp://example.cn/a", "example.cn", "https://exa mple.cn/"])
def test_what_is_no_address_of_the_web_is_refused(article: Article, wrong: str) -> None:
    keeper = Keeper(UserFactory(is_superuser=True))
    path = f"articles/{article.slug}"
    refused = keeper.refused("PATCH", path, {"canonical_url": wrong}, 400, **{"If-Match": "*"})
    assert refused == {"/canonical_url": "invalid"}
    with pytest.raises(IntegrityError), transaction.atomic():
        Article.objects.filter(pk=article.pk).update(canonical_url=wrong)
