"""Imports that go on behind the answer: how one is asked for, and what is said of it while it lasts and afterwards."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from apps.common.http.problems import RETRY_AFTER
from apps.common.models.import_jobs import ImportJob

KEPT_FOR = timedelta(days=7)
OPEN = (ImportJob.State.WAITING, ImportJob.State.RUNNING)
LOCK = 706_761  # any number that no other lock of two numbers takes; the second is that of the job
# A job is worked on by who holds its lock, and by nobody where the one who did has died.
LEFT_ALONE = """
    SELECT id FROM common_importjob WHERE state IN ('waiting', 'running') AND NOT EXISTS (
        SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database
        WHERE locktype = 'advisory' AND datname = current_database() AND classid = %s AND objid = common_importjob.id
    ) ORDER BY id
"""


def address_of(job: ImportJob) -> str:
    """Return where to see how far a job is."""
    return f"{settings.API_ROOT}/import-jobs/{job.key}"


def left_alone() -> list[int]:
    """Return the jobs that nobody works on and that have not ended, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(LEFT_ALONE, [LOCK])
        return [number for (number,) in cursor.fetchall()]


def prune() -> None:
    """Forget jobs that ended some days ago."""
    ImportJob.objects.filter(ended_at__lt=timezone.now() - KEPT_FOR).delete()


def body_of(job: ImportJob) -> dict[str, Any]:
    """Return what is answered about a job."""
    return {
        "id": str(job.key),
        "url": address_of(job),
        "resource": job.resource,
        "state": job.state,
        "dry_run": job.is_dry,
        "rows": job.rows,
        "rows_done": job.rows_done,
        "made_at": _instant(job.made_at),
        "started_at": _instant(job.started_at),
        "ended_at": _instant(job.ended_at),
        "result": job.result,
        "problem": job.problem,
    }


def headers_of(job: ImportJob) -> dict[str, str]:
    """Return the headers of an answer about a job."""
    headers = {"Cache-Control": "private, no-store"}
    return headers | ({"Retry-After": RETRY_AFTER} if job.state in OPEN else {})


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"
