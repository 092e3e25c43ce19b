"""A registry on this machine that speaks as PyPI and npm do, for real pip and real npm; it can break off or stall."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def _send(self, data, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self._send_body(data)

    def _send_body(self, data):
        registry = self.server.registry
        if registry.stall_after is None or "/files/" not in self.path:
            self.wfile.write(data)
            return
        self.wfile.write(data[:registry.stall_after])
        self.wfile.flush()
        registry.stalled.set()
        registry.released.wait(60)
        self.close_connection = True  # broken off, whoever still listens

    def do_GET(self):  # noqa: N802 (http.server calls it so)
        registry = self.server.registry
        registry.requests.append(self.path)
        parts = self.path.strip("/").split("/")
        package = registry.packages.get(parts[-1] if parts[0] != "files" else parts[1])
        if not package:
            self.send_error(404)
        elif parts[0] == "simple":
            digest = hashlib.sha256(package.data).hexdigest()
            link = f'<a href="/files/{package.name}/{package.file_name}#sha256={digest}">{package.file_name}</a>'
            self._send(f"<!DOCTYPE html><html><body>{link}</body></html>".encode(), "text/html")
        elif parts[0] == "files":
            self._send(package.data, "application/octet-stream")
        else:
            self._send(json.dumps(registry.npm_document(package)).encode(), "application/json")


class Registry:
    """Use as a context manager. stall_after: bytes of a file after which nothing more comes until release()."""

    def __init__(self, packages, stall_after=None):
        self.packages = {package.name: package for package in packages}
        self.stall_after, self.requests = stall_after, []
        self.stalled, self.released = threading.Event(), threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.registry = self
        self._thread = threading.Thread(target=self._server.serve_forever, name="registry")

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.release()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def release(self):
        self.released.set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def env(self):
        """For pip and npm, whatever this machine's configuration says."""
        return {"PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": f"{self.url}/simple", "npm_config_registry": f"{self.url}/",
                "NPM_CONFIG_REGISTRY": f"{self.url}/"}

    def npm_document(self, package):
        integrity = hashlib.sha1(package.data).hexdigest()
        version = {"name": package.name, "version": package.version,
                   "dist": {"tarball": f"{self.url}/files/{package.name}/{package.file_name}", "shasum": integrity}}
        return {"name": package.name, "dist-tags": {"latest": package.version}, "versions": {package.version: version}}


UNREACHABLE = {"PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": "http://127.0.0.1:1/simple", "npm_config_registry": "http://127.0.0.1:1/",
               "NPM_CONFIG_REGISTRY": "http://127.0.0.1:1/"}
