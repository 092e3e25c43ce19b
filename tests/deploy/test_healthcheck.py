"""--healthcheck of both services asks the one that runs with the same settings."""

import http.server
import os
import subprocess
import threading

import pytest

from support import programs


def check(name, **env):
    settings = {key: value for key, value in os.environ.items() if key not in ("PORT", "STS_PORT", "HOST")}
    return subprocess.run([programs.path_of(name), "--healthcheck"], env={**settings, **env}, capture_output=True, text=True, timeout=20)


@pytest.fixture
def service(until_end, tmp_path):
    def start(name, **env):
        if name == "sts-service":
            return until_end(programs.sts_service(STS_MODE="echo", **env))
        return until_end(programs.MediaService("http://127.0.0.1:1", tmp_path, HOST="127.0.0.1", **env))

    return start


@pytest.mark.parametrize("name", ["media-service", "sts-service"])
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_service_that_is_well(service, name, host):
    port = service(name).port
    done = check(name, HOST=host, PORT=str(port))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name, path", [("media-service", "/health"), ("sts-service", "/health/ready")])
def test_nobody_is_there(service, name, path):
    running = service(name)
    port = running.port
    running.stop()
    done = check(name, HOST="127.0.0.1", PORT=str(port))
    assert done.returncode == 1
    assert done.stderr.startswith(f"{name}: http://127.0.0.1:{port}{path} does not answer: ")


class Unwell(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"reason":"the engines are loading"}'
        self.send_response(503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_a_service_that_is_not_ready_says_why():
    with http.server.HTTPServer(("127.0.0.1", 0), Unwell) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        done = check("sts-service", HOST="127.0.0.1", PORT=str(server.server_port))
    assert done.returncode == 1
    assert '/health/ready says 503: {"reason":"the engines are loading"}' in done.stderr


@pytest.mark.parametrize("name", ["media-service", "sts-service"])
def test_a_port_that_nobody_knows(name):
    done = check(name, PORT="0")
    assert done.returncode == 1
    assert "set PORT" in done.stderr


@pytest.mark.parametrize("name", ["media-service", "sts-service"])
def test_help_names_it(name):
    assert "--healthcheck" in subprocess.run([programs.path_of(name), "--help"], capture_output=True, text=True, check=True).stdout
