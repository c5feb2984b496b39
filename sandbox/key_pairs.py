"""The key pairs behind the simulated vaults' keys and certificates.

All items of one type that an estate begins with share one key pair: an estate of thousands starts
at once, and nothing that lists or reads them can tell. A certificate that a vault is asked for
later has a pair of its own. The shared pairs are derived from fixed words, so that the same seed
gives the same certificates on every machine. They guard nothing.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sandbox.files import write_private

KeyType = Literal[
    "RSA-2048", "RSA-3072", "RSA-4096", "EC-P-256", "EC-P-384", "EC-P-521", "EC-P-256K"
]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

KEY_TYPES: Final[tuple[KeyType, ...]] = get_args(KeyType)
CERTIFICATE_KEY_TYPES: Final[tuple[KeyType, ...]] = ("RSA-2048", "EC-P-256", "EC-P-384")
_EXPONENT: Final = 65537
_PLAIN_BITS: Final = 1024
_WORDS: Final = "CertifyClouds sandbox: this key guards nothing"
# How far it is from the two numbers that the words give to the next primes, by their bits; found
# once, because a search takes seconds.
_FROM_WORDS_TO_PRIMES: Final = {1024: (212, 744), 1536: (536, 212), 2048: (124, 806)}
_CURVES: Final[dict[str, ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "P-256K": ec.SECP256K1(),
}


@cache
def key_pair(key_type: KeyType) -> PrivateKey:
    """Return the pair that all items of this type share."""
    family, _, size = key_type.partition("-")
    if family == "RSA":
        return _fixed_rsa(int(size) // 2)
    number = int.from_bytes(hashlib.sha256(f"{_WORDS} {key_type}".encode()).digest())
    return ec.derive_private_key(number, _CURVES[size])


def new_pair(key_type: KeyType) -> PrivateKey:
    """Return a pair that nothing else has."""
    family, _, size = key_type.partition("-")
    if family == "RSA":
        return rsa.generate_private_key(_EXPONENT, int(size))
    return ec.generate_private_key(_CURVES[size])


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


def _fixed_rsa(prime_bits: int) -> rsa.RSAPrivateKey:
    first, second = (_prime(prime_bits, number) for number in (1, 2))
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


def _prime(bits: int, number: int) -> int:
    """Return the first or the second prime of so many bits."""
    words = f"{_WORDS} {number}" if bits == _PLAIN_BITS else f"{_WORDS} {bits} {number}"
    digest = hashlib.shake_256(words.encode()).digest(bits // 8)
    top_two_bits = 3 << (bits - 2)
    return (int.from_bytes(digest) | top_two_bits | 1) + _FROM_WORDS_TO_PRIMES[bits][number - 1]
