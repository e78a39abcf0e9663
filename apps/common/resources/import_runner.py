"""Runs the imports that wait: each in one transaction that ends with the job, so that none is done twice.

Whoever works on a job holds its lock until that transaction ends. One that dies leaves the job as it was, all or
nothing, and the next to look takes it up again. How far a job is goes over a connection of its own, so that it is seen
before the end.
"""

import json
import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation import gettext

from apps.common.http.problem_answers import answer_problem, problem
from apps.common.http.problems import PROBLEMS, Refusal
from apps.common.models.import_jobs import ImportJob
from apps.common.models.records import Citable
from apps.common.resources.import_jobs import LOCK, OPEN, left_alone, prune
from apps.common.resources.import_results import FileImport
from apps.common.resources.registry import viewsets
from apps.common.writing.transaction import write_transaction

logger = logging.getLogger(__name__)

MOST_TRIES = 5
LOCK_TIMEOUT = 60.0  # nobody waits for the answer
BEGIN = """
    UPDATE common_importjob SET state = 'running', tries = tries + 1, started_at = now(), rows_done = 0 WHERE id = %s
"""
READ = "UPDATE common_importjob SET rows = %s WHERE id = %s"
DONE = "UPDATE common_importjob SET rows_done = %s WHERE id = %s"

# Who sent a file, by the keys of account and token, with the rights of now; raises Refusal for who has none any more.
ActorOf = Callable[[int, str], AbstractBaseUser]


def run_waiting(actor_of: ActorOf) -> int:
    """Run the jobs that nobody works on, one after the other; return how many."""
    prune()
    numbers = left_alone()
    for number in numbers:
        _run(number, actor_of)
    return len(numbers)


def _run(number: int, actor_of: ActorOf) -> None:
    job = ImportJob.objects.filter(pk=number, state__in=OPEN).defer("content").first()
    if job is None:
        return
    with translation.override(job.language):
        try:
            if job.tries >= MOST_TRIES:
                raise Refusal("unavailable", gettext("The import was begun several times and never came to an end."))
            _try(job, actor_of(job.user_id, job.token))
        except Refusal as refusal:
            if "Retry-After" not in refusal.headers or job.tries + 1 >= MOST_TRIES:
                _end(job, _refused(job, refusal))
        except (OperationalError, InterfaceError):
            raise  # the database is away; the job waits until it is back
        except Exception:
            logger.exception("import job %s", job.key)
            told = problem(_request_of(job), "internal_error", str(PROBLEMS["internal_error"][1]))
            _end(job, {"state": ImportJob.State.FAILED, "problem": told})


def _try(job: ImportJob, user: AbstractBaseUser) -> None:
    """Do the import and end the job, or leave it to who works on it already. Raises Refusal."""
    model = viewsets()[job.resource].queryset.model
    beside = connection.copy()
    try:
        with write_transaction(
            model,
            user=user,
            token=job.token,
            request_id=job.request_id,
            client_request_id=job.client_request_id,
            reason=job.reason,
            lock_timeout=LOCK_TIMEOUT,
            statement_timeout=settings.IMPORT_TIMEOUT,
        ):
            if not _take(job):
                return
            _say(beside, BEGIN, job.pk)
            is_kept, ending = _imported(job, model, user, beside)
            # Where it was ended meanwhile, by a redaction of its file, nothing is kept.
            if not (is_kept and _end(job, ending)):
                transaction.set_rollback(True)
    finally:
        beside.close()
    if not is_kept:
        _end(job, ending)


def _take(job: ImportJob) -> bool:
    """Take the lock of a job until the end of the transaction; tell whether it was free and there is still work."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK, job.pk])
        (is_taken,) = cursor.fetchone()
    job.refresh_from_db()
    return bool(is_taken) and job.state in OPEN


def _imported(
    job: ImportJob, model: type[Citable], user: AbstractBaseUser, beside: BaseDatabaseWrapper
) -> tuple[bool, dict[str, Any]]:
    """Import the file; return whether it is to be kept, and how the job ends. Raises Refusal for what may pass."""
    file = FileImport(model, bytes(job.content or b""), job.media_type, job.paper)
    rows = None
    try:
        rows = file.read()
        _say(beside, READ, rows, job.pk)
        done = file.run(user, lambda rows: _say(beside, DONE, rows, job.pk))
        shown = file.result(done) if job.is_shown else None
        # Last of all, for from then until the commit readers of the past wait.
        connection.check_constraints()
    except Refusal as refusal:
        if "Retry-After" in refusal.headers:
            raise
        preview = file.refused(refusal).as_json() if job.is_shown else None
        return False, {**_refused(job, refusal), "rows": rows, "preview": preview}
    ending = {"state": ImportJob.State.DONE, "result": done.answer(), "rows": rows, "rows_done": rows}
    if shown is not None:
        ending["preview"] = shown.as_json()
        if job.agreed and shown.digest != job.agreed:
            detail = gettext("Nothing was imported: the registry has changed since the preview. Look again.")
            return False, ending | _refused(job, Refusal("conflict", detail)) | {"result": None}
    return not job.is_dry, ending


def _end(job: ImportJob, ending: dict[str, Any]) -> bool:
    """Write down how a job has ended, and let its file go; tell whether it had not been ended by others."""
    open_job = ImportJob.objects.filter(pk=job.pk, state__in=OPEN)
    return bool(open_job.update(**ending, content=None, ended_at=timezone.now()))


def _refused(job: ImportJob, refusal: Refusal) -> dict[str, Any]:
    """Return how a job ends that was refused: with the problem that the request would have been answered with."""
    answer = answer_problem(refusal, _request_of(job))
    state = ImportJob.State.FAILED if refusal.code == "unavailable" else ImportJob.State.REFUSED
    return {"state": state, "problem": None if answer is None else json.loads(answer.content)}


def _request_of(job: ImportJob) -> HttpRequest:
    """Return a request that stands for the one that brought the file, as far as problems tell of it."""
    request = HttpRequest()
    request.path = f"{settings.API_ROOT}/{job.resource}/import"
    request.request_id = job.client_request_id or job.request_id  # type: ignore[attr-defined]
    return request


def _say(beside: BaseDatabaseWrapper, statement: str, *values: int) -> None:
    with beside.cursor() as cursor:
        cursor.execute(statement, values)
