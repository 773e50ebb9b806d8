"""Which of the two families of addresses a machine can reach."""

import enum


class Families(enum.IntFlag):
    """A set of families. Values are bits on the wire (docs/protocol.md section 3, tag 131)."""

    IPV4 = 1
    IPV6 = 2

    @classmethod
    def of(cls, version: int) -> "Families":
        """That of addresses of this *version* of IP, 4 or 6."""
        return cls.IPV6 if version == 6 else cls.IPV4

    @property
    def words(self) -> list[str]:
        """As STATUS and `--json` say it: ipv4, ipv6."""
        return [str(family.name).lower() for family in self]

    @property
    def label(self) -> str:
        """As people read it: IPv4, IPv6."""
        return " and ".join(str(family.name).replace("IPV", "IPv") for family in self)


ALL_FAMILIES = Families.IPV4 | Families.IPV6
