"""Certificates for tests, signed by themselves."""

import ssl
import subprocess


def make_certificate(folder, name="server", subject="/CN=test"):
    """(certificate, key) of a server at 127.0.0.1."""
    cert, key = folder / f"{name}-cert.pem", folder / f"{name}-key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", subject,
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def client_context(certificate=None):
    """Trusts that certificate alone; without one, any."""
    context = ssl.create_default_context(cafile=certificate)
    if not certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
