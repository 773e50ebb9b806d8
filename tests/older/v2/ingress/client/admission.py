"""Which clients may enter, by their address. Verdicts are pure, and remembered within bounds."""

from ingress.config import Forward, IngressConfig
from ingress.lru import Lru
from relay.model.addresses import is_inside, is_loopback

MOST_REMEMBERED = 4096


class Admission:
    """Verdicts for one config."""

    def __init__(self, config: IngressConfig, *, has_users: bool) -> None:
        self._config = config
        self._has_users = has_users
        self._judged: Lru[str, tuple[bool | None]] = Lru(MOST_REMEMBERED)

    def needs_password(self, address: str) -> bool | None:
        """Whether a client from *address* needs a password; None if it may not enter at all."""
        found = self._judged.get(address)
        if found is None:
            found = (self._judge(address),)
            self._judged.put(address, found)
        return found[0]

    def _judge(self, address: str) -> bool | None:
        if is_inside(address, self._config.clients):
            return False
        if self._has_users:
            return True
        return None if self._config.clients and not is_loopback(address) else False

    def may_use(self, forward: Forward, address: str) -> bool:
        """Whether a client from *address* may use *forward*."""
        return not forward.clients or is_inside(address, forward.clients) or is_loopback(address)

    def __len__(self) -> int:
        return len(self._judged)
