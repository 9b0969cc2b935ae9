"""Addresses that no name leads to: those at which clouds hand out the credentials of the machine that asks.

The operator allows hosts by name, and whoever has a say in that name's DNS decides where it leads. So the address that
a connection has reached is looked at, not one that was looked up before.
"""

import ipaddress

_LOCAL = tuple(map(ipaddress.ip_network, ("169.254.0.0/16", "fe80::/10")))
"""Link-local: RFC 3927 and RFC 4291. Most clouds answer at 169.254.169.254."""
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            "fd00:ec2::254",  # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
            "fd20:ce::254",  # https://cloud.google.com/compute/docs/metadata/querying-metadata
            "100.100.100.200",  # https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata
            "168.63.129.16",  # https://learn.microsoft.com/en-us/azure/virtual-network/what-is-ip-address-168-63-129-16
            "192.0.0.192",  # https://docs.oracle.com/en-us/iaas/Content/Compute/Tasks/gettingmetadata.htm
        ),
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""RFC 6052: the last four bytes are the IPv4 address that is meant."""


def hands_out_credentials(address: str) -> bool:
    """Tell whether an address, in whatever form, is one that only the machine itself may ask."""
    found = _meant(ipaddress.ip_address(address.partition("%")[0]))
    return found in _METADATA or any(found in network for network in _LOCAL)


def _meant(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address that an IPv6 one stands for, where it stands for one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
