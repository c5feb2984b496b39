"""The key pairs behind the simulated vaults' keys and certificates.

All items of one type share one key pair: an estate of thousands starts at once, and nothing that
lists or reads them can tell. The pairs are derived from fixed words, so that the same seed gives
the same certificates on every machine. They guard nothing.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sandbox.files import write_private

KeyType = Literal["RSA-2048", "RSA-3072", "RSA-4096", "EC-P-256", "EC-P-384"]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

KEY_TYPES: Final[tuple[KeyType, ...]] = ("RSA-2048", "RSA-3072", "RSA-4096", "EC-P-256", "EC-P-384")
CERTIFICATE_KEY_TYPES: Final[tuple[KeyType, ...]] = ("RSA-2048", "EC-P-256", "EC-P-384")
_EXPONENT: Final = 65537
_PRIME_BITS: Final = 1024
_WORDS: Final = "CertifyClouds sandbox: this key guards nothing"
# How far it is from the number that the words give to the next prime.
_FROM_WORDS_TO_PRIME: Final = {1: 212, 2: 744}


@cache
def key_pair(key_type: KeyType) -> PrivateKey:
    """Return the pair that all items of this type share.

    The larger RSA pairs are generated when first asked for: no listing shows them.
    """
    family, _, size = key_type.partition("-")
    if family == "RSA":
        bits = int(size)
        return (
            _fixed_rsa() if bits == 2 * _PRIME_BITS else rsa.generate_private_key(_EXPONENT, bits)
        )
    curve: ec.EllipticCurve = ec.SECP384R1() if size == "P-384" else ec.SECP256R1()
    number = int.from_bytes(hashlib.sha256(f"{_WORDS} {key_type}".encode()).digest())
    return ec.derive_private_key(number, curve)


def kept_rsa_key(file: Path) -> rsa.RSAPrivateKey:
    """Return the RSA key in this file; generated and put there when it is missing or unreadable."""
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), None)
        if isinstance(key, rsa.RSAPrivateKey):
            return key
    except (OSError, ValueError):
        pass
    made = rsa.generate_private_key(_EXPONENT, 2048)
    pem = made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_private(file, pem)
    return made


def _fixed_rsa() -> rsa.RSAPrivateKey:
    first, second = (_prime(number) for number in _FROM_WORDS_TO_PRIME)
    p, q = max(first, second), min(first, second)
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=rsa.rsa_crt_dmp1(d, p),
        dmq1=rsa.rsa_crt_dmq1(d, q),
        iqmp=rsa.rsa_crt_iqmp(p, q),
        public_numbers=rsa.RSAPublicNumbers(_EXPONENT, p * q),
    )
    return numbers.private_key()


def _prime(number: int) -> int:
    """Return the first or the second prime; found once, because a search takes a second."""
    digest = hashlib.shake_256(f"{_WORDS} {number}".encode()).digest(_PRIME_BITS // 8)
    top_two_bits = 3 << (_PRIME_BITS - 2)
    return (int.from_bytes(digest) | top_two_bits | 1) + _FROM_WORDS_TO_PRIME[number]
