"""The service that is treated badly, and a token for everything in it."""

import pytest

from tests.running import Service


@pytest.fixture(scope="module")
def service(shared_service: Service) -> Service:
    """The service that other tests treat well, before these do."""
    return shared_service


@pytest.fixture(scope="module")
def token(steward_token: str) -> str:
    """The token of somebody who may write everything."""
    return steward_token
