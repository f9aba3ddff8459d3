//! How far an IP address reaches: the internet, a private network, this machine, or nowhere that a
//! blob service can be.
//!
//! Sources: the IANA special-purpose address registries for IPv4 and IPv6, and Microsoft Learn, "What
//! is IP address 168.63.129.16?". The functions here are pure; the policy decides what is allowed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The network that an address belongs to
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The internet
    Public,
    /// A private network (RFC 1918, RFC 4193) or the shared space of a carrier (RFC 6598), which
    /// virtual networks use too
    Private,
    /// This machine
    Loopback,
    /// Metadata services, link-local and multicast addresses, and everything reserved: no blob
    /// service has such an address
    Never,
}

/// The network that an address belongs to; an IPv6 address that carries an IPv4 address counts as
/// that one
pub(crate) fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        // The agent of Azure's own hosts: DNS, DHCP, health probes and the virtual machine's goal state.
        [168, 63, 129, 16] => Reach::Never,
        // The metadata service of another provider, inside the shared space.
        [100, 100, 100, 200] => Reach::Never,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Reach::Private,
        [127, ..] => Reach::Loopback,
        // "This network", link-local (metadata services), protocol assignments, documentation,
        // 6to4 relays, benchmarks, multicast, reserved and broadcast.
        [0, ..]
        | [169, 254, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18..=19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [224..=255, ..] => Reach::Never,
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        reach_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Loopback,
        // Mapped IPv4, NAT64 and 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low] => embedded(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // The metadata services of other providers, inside the private range.
        [0xfd00, 0xc1 | 0xec2, ..] | [0xfd20, 0xce, ..] => Reach::Never,
        [0xfc00..=0xfdff, ..] => Reach::Private,
        // Protocol assignments with Teredo, and documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Reach::Never,
        // Global unicast; all the rest is reserved, link-local, site-local or multicast.
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => Reach::Never,
    }
}
