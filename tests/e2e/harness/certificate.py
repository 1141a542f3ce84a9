# SPDX-License-Identifier: ISC
"""Certificates in files, made for a test by openssl(1)."""
import os
import ssl
import subprocess


class Certificate:
    """Signed by itself. `certificate` and `key` are paths."""

    def __init__(self, folder, name="mx1.example.test", stem="tls", days=30):
        self.name = name
        self.certificate = os.path.join(folder, f"{stem}.pem")
        self.key = os.path.join(folder, f"{stem}.key")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days),
             "-keyout", self.key, "-out", self.certificate, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"],
            check=True, capture_output=True)
        os.chmod(self.key, 0o600)
        os.chmod(self.certificate, 0o644)

    def settings(self):
        """gate.tls of it."""
        return {"certificate": self.certificate, "key": self.key}

    def take_the_place_of(self, other):
        """As a renewal does."""
        os.rename(self.key, other.key)
        os.rename(self.certificate, other.certificate)

    def der(self):
        with open(self.certificate, encoding="ascii") as file:
            return ssl.PEM_cert_to_DER_cert(file.read())

    def server_context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def client_context(self):
        """Trusts it, and nobody else."""
        return ssl.create_default_context(cafile=self.certificate)
