"""A folder in; a certificate authority, and what it signs, out: `openssl` makes them in it.

Keys are P-256 and unencrypted; everything is valid for one day. A certificate's subject is
`CN=name`, which is the user that Kafka sees with mutual TLS: `User:CN=name`.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from shipper.delivery.errors import Setting

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate with its key, both PEM files."""

    certificate: Path
    key: Path

    @property
    def client(self) -> dict[str, Setting]:
        """What a client of librdkafka shows itself with."""
        return {
            "ssl.certificate.location": str(self.certificate),
            "ssl.key.location": str(self.key),
        }


class Authority:
    """A certificate authority of its own; `root` is what a client trusts it by."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self.root = folder / f"{name}.pem"
        self._key = folder / f"{name}.key"
        _openssl("req", "-x509", *_KEY, "-days", "1", "-subj", f"/CN={name}",
                 "-keyout", self._key, "-out", self.root)  # fmt: skip

    @property
    def client(self) -> dict[str, Setting]:
        """What a client of librdkafka trusts it with."""
        return {"ssl.ca.location": str(self.root)}

    def issue(self, name: str, address: str = "127.0.0.1") -> Certificate:
        """A certificate for a server at `address`, or for a client called `name`."""
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        request = self._folder / f"{name}.csr"
        _openssl("req", "-new", *_KEY, "-subj", f"/CN={name}",
                 "-addext", f"subjectAltName=IP:{address},DNS:localhost",
                 "-keyout", made.key, "-out", request)  # fmt: skip
        _openssl("x509", "-req", "-in", request, "-days", "1", "-copy_extensions", "copy",
                 "-CA", self.root, "-CAkey", self._key, "-CAcreateserial",
                 "-out", made.certificate)  # fmt: skip
        return made


def keystore(certificate: Certificate) -> Path:
    """The one PEM file with key and certificate that a broker's `ssl.keystore.location` takes."""
    at = certificate.certificate.with_suffix(".keystore.pem")
    at.write_text(certificate.key.read_text() + certificate.certificate.read_text())
    return at


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
