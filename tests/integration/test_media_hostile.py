"""media-service with peers that mean harm over HTTP: it stays small."""

import pytest

from conformance.peers import is_sanitized, upload
from support import programs


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    service = programs.MediaService("http://127.0.0.1:9", folder / "segments", log=folder / "media.log")
    yield service
    assert service.stop() == 0, service.tail()


@pytest.mark.parametrize("path", ["/health", "/v1/streams", "/v1/mediamtx/events/ready", "/nowhere"])
@pytest.mark.parametrize("stated", [True, False], ids=["length", "chunked"])
def test_a_body_of_200_megabytes(media, path, stated):
    """Whatever the path: it is refused, and memory does not grow with it."""
    before = media.rss_kb()
    assert upload(media.port, path, 200_000_000, stated) == 413
    assert is_sanitized() or media.rss_kb() - before < 10_000
