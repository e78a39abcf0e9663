"""A client that writes, for tests."""

import json
from typing import Any

from django.test import Client

from tests.conftest import problem_of
from tests.saying import evidence_for

ROOT = "/api/v1"


class Keeper:
    """A user who may do everything, over HTTP."""

    def __init__(self, user: Any) -> None:
        self.client = Client(SERVER_NAME="localhost", headers={"accept-language": "en"})
        self.client.force_login(user)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Return the answer, whatever it is."""
        data = body if isinstance(body, str) else json.dumps(body)
        content = {} if body is None else {"data": data, "content_type": "application/json"}
        return self.client.generic(method, f"{ROOT}/{path}", headers=headers, **content)

    def get(self, path: str) -> Any:
        """Return the content of a record."""
        response = self.send("GET", path)
        assert response.status_code == 200, response.content.decode()
        return response.json()

    def tag(self, path: str) -> str:
        """Return the ETag of a record."""
        return str(self.send("GET", path).headers["ETag"])

    def write(self, method: str, path: str, body: Any, status: int = 200, **headers: str) -> Any:
        """Send a good write with its reason, its evidence and the record's ETag; return the content of the answer."""
        if method in ("PUT", "PATCH", "DELETE") and "If_Match" not in headers and "bulk" not in path:
            headers["If-Match"] = self.tag(path.partition("?")[0])
        body = {"change_reason": "test", **body}
        response = self.send(method, path, body, **headers)
        if response.status_code == 400 != status:
            errors = response.json().get("errors", [])
            if (evidenced := evidence_for(body, path.partition("/")[0], errors)) is not None:
                response = self.send(method, path, evidenced, **headers)
        assert response.status_code == status, response.content.decode()
        return response.json() if response.content else None

    def refused(self, method: str, path: str, body: Any, status: int, **headers: str) -> dict[str, str]:
        """Return the errors of an answer by pointer; without any, the code under ""."""
        response = self.send(method, path, {"change_reason": "test", **body}, **headers)
        assert response.status_code == status, response.content.decode()
        problem = problem_of(response)
        return {each["pointer"]: each["code"] for each in problem.get("errors", [])} or {"": problem["code"]}
