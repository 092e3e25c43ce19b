"""RTMPS on the built-in media server: with the clients people have, with wrong ones, and with strangers that stand still."""

import os
import re
import socket
import ssl
import time

import pytest

from support import media, programs, rtmp, tls
from support.net import free_port, wait_for
from support.process import run
from support.rtmp_stranger import RtmpStranger


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return tls.make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def service(tmp_path_factory, certificate):
    folder = tmp_path_factory.mktemp("rtmps")
    service = programs.MediaService("http://127.0.0.1:1", folder / "segments", folder / "media.log", RTMPS_CERT=certificate[0],
                                    RTMPS_KEY=certificate[1], RTMPS_PORT=0, WORKER_SEGMENT_DURATION=1, WORKER_STS_TIMEOUT_MS=1000)
    yield service
    assert service.stop(grace_s=15) == 0


def port_of(url):
    return int(url.rsplit(":", 1)[1])


def test_a_stream_is_dubbed_over_rtmps(service, short, tmp_path, until_end):
    """ffmpeg publishes by RTMPS; another plays the output by RTMPS, one by plain RTMP, and both have the same pictures."""
    outs = {name: tmp_path / f"{name}.mkv" for name in ("secure", "plain")}
    urls = {"secure": service.rtmps_url(), "plain": service.rtmp_url()}
    recorders = [until_end(rtmp.record(f"{urls[name]}/live/show/out", out, tmp_path / f"{name}.log")) for name, out in outs.items()]
    publisher = until_end(rtmp.publish(short, f"{service.rtmps_url()}/live/show/in", tmp_path / "publisher.log"))
    assert publisher.wait(60) == 0, publisher.tail()
    for recorder in recorders:
        assert recorder.wait(60) == 0, recorder.tail()
    for name, out in outs.items():
        assert media.packet_hashes(out) == media.packet_hashes(short), name
        assert media.duration_s(out, "audio") == pytest.approx(media.duration_s(out, "video"), abs=0.3)


def test_much_at_full_speed(service, tmp_path, until_end):
    """20 Mbit/s and more in and out: nothing in it is lost or damaged."""
    clip, out = tmp_path / "big.flv", tmp_path / "out.flv"
    media.ffmpeg("-f", "lavfi", "-i", "nullsrc=size=640x360:rate=30,geq=random(1)*255:128:128", "-t", 4, "-c:v", "libx264", "-preset",
                 "ultrafast", "-qp", 10, "-g", 30, clip)
    assert os.path.getsize(clip) > 10_000_000
    player = until_end(rtmp.record(f"{service.rtmps_url()}/relay/big", out, tmp_path / "player.log"))
    publisher = until_end(rtmp.publish(clip, f"{service.rtmps_url()}/relay/big", tmp_path / "publisher.log"))
    assert publisher.wait(60) == 0, publisher.tail()
    assert player.wait(60) == 0, player.tail()
    got, want = media.packet_hashes(out), media.packet_hashes(clip)
    # ffmpeg closes without reading our last acknowledgements: then its kernel drops what has not left it.
    assert len(got) >= len(want) - 3 and got == want[:len(got)]


def test_a_client_that_looks_at_the_certificate(service, certificate, tmp_path, until_end, short):
    """With the right one it publishes; with another it goes, and the log has the peer's reason."""
    other = tls.make_certificate(tmp_path, "other")[0]
    url = f"{service.rtmps_url()}/live/looked/in"

    def publish(trusted):
        return run(["ffmpeg", "-v", "error", "-nostdin", "-i", short, "-t", 1, "-c", "copy", "-f", "flv", "-tls_verify", 1, "-ca_file",
                    trusted, url], timeout_s=60)

    context = tls.client_context(other)
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # in 1.3 the alert of OpenSSL is under a key that the server has not yet
    with pytest.raises(ssl.SSLCertVerificationError):
        RtmpStranger(port_of(service.rtmps_url()), tls=context)
    service.wait_for_line("closed: the TLS handshake failed: the peer says: CA is unknown")
    with pytest.raises(ssl.SSLCertVerificationError):
        RtmpStranger(port_of(service.rtmps_url()), tls=tls.client_context(other))
    service.wait_for_line("closed: the TLS handshake failed: Decryption")
    with RtmpStranger(port_of(service.rtmps_url()), tls=tls.client_context(certificate[0])) as client:
        client.connect().publish("looked/in")
        client.wait_for(b"Publish.Start")
    done = publish(certificate[0])
    if "Option tls_verify not found" in done.stderr:  # of the RTMP protocol: it hands them on in newer releases
        pytest.skip("this ffmpeg cannot be told whom to trust for rtmps")
    assert done.returncode == 0 and publish(other).returncode != 0


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_versions(service, version):
    context = tls.client_context()
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
    with RtmpStranger(port_of(service.rtmps_url()), tls=context) as client:
        client.connect().publish("versions")
        client.wait_for(b"Publish.Start")


def test_plain_rtmp_at_the_port_of_rtmps(service, tmp_path, short):
    url = f"rtmp://127.0.0.1:{port_of(service.rtmps_url())}/live/wrong/in"
    done = run(["ffmpeg", "-v", "error", "-nostdin", "-i", short, "-c", "copy", "-f", "flv", url], timeout_s=60)
    assert done.returncode != 0
    service.wait_for_line(r"closed: it speaks plain RTMP, and this port takes RTMPS: publish to rtmps://, or to RTMP_PORT")


def test_rtmps_at_the_plain_port(service, short):
    url = f"rtmps://127.0.0.1:{port_of(service.rtmp_url())}/live/wrong/in"
    done = run(["ffmpeg", "-v", "error", "-nostdin", "-i", short, "-c", "copy", "-f", "flv", url], timeout_s=60)
    assert done.returncode != 0
    service.wait_for_line(r"closed: it speaks TLS, and this port takes plain RTMP: publish to rtmp://, or to RTMPS_PORT")


@pytest.mark.parametrize("first", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x16\x03\x01\x00\x04\x01\x00\x00\x00"],
                         ids=["nothing", "a-byte", "half-a-hello", "an-empty-hello"])
def test_a_handshake_that_stands_still(service, first):
    """It is closed after 10 s at most, and costs no thread meanwhile: a handshake that goes on is not held up by two hundred of them."""
    threads = service.threads()
    held = []
    for _ in range(200):
        held.append(socket.create_connection(("127.0.0.1", port_of(service.rtmps_url())), timeout=20))
        held[-1].sendall(first)
    begun = time.monotonic()
    with RtmpStranger(port_of(service.rtmps_url()), tls=tls.client_context()) as client:
        client.connect().publish("beside")
        client.wait_for(b"Publish.Start")
    assert time.monotonic() - begun < 5
    assert service.threads() <= threads
    for sock in held:
        with sock:
            sock.settimeout(20)
            try:
                while sock.recv(4096):  # an alert, and the end
                    pass
            except ConnectionError:
                pass
    assert time.monotonic() - begun < 15


def test_a_peer_that_closes_without_a_word(service):
    """In the handshake and after it; descriptors come back."""
    files = service.open_files()
    for _ in range(50):
        socket.create_connection(("127.0.0.1", port_of(service.rtmps_url()))).close()
        client = RtmpStranger(port_of(service.rtmps_url()), tls=tls.client_context())
        client.connect()
        client.close()
    wait_for(lambda: service.open_files() <= files + 1, 15, "the connections to be closed")


def start_says(**env):
    done = run([programs.path_of("media-service")], env={"PORT": "0", "HOST": "127.0.0.1", "MEDIA_SERVER": "builtin", "RTMP_PORT": "0",
                                                         "API_PORT": "0", "RTMPS_PORT": "0", **env}, timeout_s=60)
    return done.returncode, done.stderr


def test_files_that_make_no_sense(certificate, tmp_path):
    """One line at the start that names the setting and the file."""
    cert, key = map(str, certificate)
    other_key = str(tls.make_certificate(tmp_path, "other")[1])
    junk, missing = tmp_path / "junk.pem", tmp_path / "missing.pem"
    junk.write_text("-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n")
    binary = tmp_path / "binary.der"
    binary.write_bytes(bytes(range(256)))
    for env, status, says in [
        ({"RTMPS_CERT": cert}, 2, "RTMPS_KEY is missing beside RTMPS_CERT"),
        ({"RTMPS_KEY": key}, 2, "RTMPS_CERT is missing beside RTMPS_KEY"),
        ({"RTMPS_CERT": str(missing), "RTMPS_KEY": key}, 3, f"RTMPS_CERT: Failed to open file “{missing}”: No such file"),
        ({"RTMPS_CERT": cert, "RTMPS_KEY": str(missing)}, 3, f"RTMPS_KEY: Failed to open file “{missing}”: No such file"),
        ({"RTMPS_CERT": str(binary), "RTMPS_KEY": key}, 2, f"RTMPS_CERT: {binary} is not a PEM file"),
        ({"RTMPS_CERT": str(junk), "RTMPS_KEY": key}, 2, f"RTMPS_CERT: {junk} is not a PEM file"),
        ({"RTMPS_CERT": key, "RTMPS_KEY": cert}, 2, f"{key} with {cert}: "),
        ({"RTMPS_CERT": cert, "RTMPS_KEY": other_key}, 2, "they must be a certificate and its private key"),
    ]:
        code, said = start_says(**env)
        lines = [line for line in said.splitlines() if re.match("media-service: ", line)]
        assert len(lines) == 1 and says.replace("“", "").replace("”", "") in re.sub("[“”\"']", "", lines[0]), said
        assert code != 0 and (code == status or status == 3), said


def test_the_port_is_in_use(certificate):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = start_says(RTMPS_CERT=str(certificate[0]), RTMPS_KEY=str(certificate[1]), RTMPS_PORT=str(port))
    assert code == 7 and f"port {port} is in use by another program; choose another with RTMPS_PORT" in said


def test_without_a_certificate_nothing_listens(tmp_path, until_end):
    port = free_port()
    service = until_end(programs.MediaService("http://127.0.0.1:1", tmp_path / "segments", tmp_path / "media.log", RTMPS_PORT=port))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    assert "rtmps on" not in service.output()
