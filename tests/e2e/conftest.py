"""What the end-to-end tests share."""

import pytest

from fixtures import clips


@pytest.fixture(scope="session")
def nfl():
    return clips.nfl()


@pytest.fixture(scope="session")
def counting():
    return clips.counting()


@pytest.fixture(scope="session")
def short():
    return clips.short()
