"""A proxy that has asked already who comes, and says so in headers.

Anybody can send such headers; they count only from an address that was configured,
with the secret that the proxy shares with us (``reference/security.md``, S12).
"""

import hmac
import ipaddress
import re
from collections.abc import Iterable

import msgspec

from quire.access.tokens import token_hash
from quire.errors import InputError

SECRET_HEADER = "X-Quire-Proxy-Secret"  # noqa: S105 - the header's name
USER_HEADER = "X-Auth-Request-User"
TOKEN_HEADER = "X-Auth-Request-Token"  # noqa: S105 - the header's name
SERVICE_HEADER = "X-Auth-Request-Service"
_SHORTEST_SECRET = 16
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ProxySettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The proxy in front of a server; none by default.

    Attributes
    ----------
    addresses
        Where it connects from: addresses or networks (``10.0.0.0/24``).
    secret
        What it sends as ``X-Quire-Proxy-Secret``; at least 16 characters.
    hosts
        Names under which clients know the server, beside those of the loopback.
    """

    addresses: tuple[str, ...] = ()
    secret: str = ""
    hosts: tuple[str, ...] = ()


class TrustedProxy:
    """Knows the proxy by its address and its secret.

    Raises
    ------
    InputError
        An address or a host is none, or there are addresses without a secret, or a
        secret without addresses.
    """

    def __init__(self, settings: ProxySettings) -> None:
        for host in settings.hosts:
            if not _HOST.fullmatch(host):
                mend = "such as quire.example.org, without scheme and port"
                raise InputError("proxy.hosts", f"{host!r} is no name of a host", mend)
        self._networks = tuple(map(_network, settings.addresses))
        self._secret = token_hash(settings.secret) if settings.secret else ""
        if bool(self._networks) is not bool(self._secret):
            raise InputError("proxy", "needs both addresses and a secret")
        if self._secret and len(settings.secret) < _SHORTEST_SECRET:
            mend = f"at least {_SHORTEST_SECRET} characters"
            raise InputError("proxy.secret", "is too short", mend)

    @property
    def there(self) -> bool:
        """Whether there is one at all."""
        return bool(self._networks)

    def sent(self, peer: str | None, secrets: Iterable[str]) -> bool:
        """Return whether a request comes from the proxy.

        Parameters
        ----------
        peer
            The address of the other end of the connection, None if it has none.
        secrets
            What it sends as secret, each.
        """
        given = list(secrets)
        if peer is None or len(given) != 1:
            return False
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        known = any(address in network for network in self._networks)
        # Hashes, so that neither length nor alphabet of a guess matters.
        return hmac.compare_digest(token_hash(given[0]), self._secret) and known


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise InputError("proxy.addresses", str(error)) from None
