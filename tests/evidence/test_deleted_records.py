"""What a curator deleted is not brought back by the fixtures."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from apps.projects.models import Claim, ProjectPartner, Resource
from apps.registry.models import Membership, MemberUnit, UnitName

pytestmark = pytest.mark.django_db


def test_a_deleted_record_stays_deleted_with_what_points_at_it() -> None:
    unit = MemberUnit.objects.get(slug="changhai-yiyuan")
    for pointing in (Claim, Membership, ProjectPartner, Resource, UnitName):
        pointing.objects.filter(unit=unit).delete()
    claims = Claim.objects.count()
    unit.delete()
    call_command("load_fixtures", force=True, stdout=StringIO())
    connection.check_constraints()
    assert not MemberUnit.objects.filter(slug="changhai-yiyuan").exists()
    assert Claim.objects.count() == claims
