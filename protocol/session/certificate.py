"""A party's certificate for the line: self-signed, because the other party keeps a copy of it instead of trusting an authority."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

from ...errors import ConfigError
from ..durable_file import write_atomic

_YEARS = 5


def make_certificate(name: str, folder: Path) -> tuple[Path, Path]:
    """Make a key of the curve P-256 and a certificate for it.

    Args:
        name: of the party; the files are called ``NAME.crt`` (to be given to the other party) and ``NAME.key`` (mode 0600, stays).
        folder: must exist.

    Returns:
        Certificate and key.

    Raises:
        ConfigError: one of the files is there already.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    paths = folder / f"{name}.crt", folder / f"{name}.key"
    for path in paths:
        if path.exists():
            raise ConfigError(f"{path}: this exists and is never overwritten; take another name or folder")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)  # the other PC's clock may be behind
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_atomic(paths[1], secret)  # mode 0600 from its first byte
    write_atomic(paths[0], certificate.public_bytes(serialization.Encoding.PEM))
    os.chmod(paths[0], 0o644)
    return paths
