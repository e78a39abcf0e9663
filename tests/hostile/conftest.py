"""The service that is treated badly, and a token for everything in it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.test_serve import Service, running

ROOT = Path(__file__).resolve().parents[2]
MAKE_TOKEN = """
from datetime import timedelta
from django.utils import timezone
from apps.accounts.actions import make_token
from apps.accounts.models import Appointment, User
user = User.objects.create_user("hostile", password=None, is_staff=True)
Appointment.objects.create(user=user, role="steward")
token = make_token(
    user=user,
    name="hostile",
    scopes=["read", "write", "steward"],
    appointments=list(user.appointments.all()),
    expires_at=timezone.now() + timedelta(days=1),
)
print("token", token[1])
"""


@pytest.fixture(scope="module")
def service(loaded_url: str, monkeypatch_module: pytest.MonkeyPatch) -> Iterator[Service]:
    """A service without limits on how often it is asked."""
    for name in ("TOKEN", "USER", "ANONYMOUS_WRITES"):
        monkeypatch_module.setenv(f"RATE_LIMIT_{name}", "1000000/60")
    with running(loaded_url, limit=3600) as started:
        yield started


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    """A monkeypatch that lasts for the module."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def token(loaded_url: str, service: Service) -> str:
    """The token of somebody who may write everything."""
    made = subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", MAKE_TOKEN],
        cwd=ROOT, env={**os.environ, "DATABASE_URL": loaded_url}, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return made.stdout.split()[-1]
