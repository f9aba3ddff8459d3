//! The kind of network that an IP address belongs to: public, private, loopback or reserved.
//!
//! Only classifies: the host policy decides which kinds are allowed. Sources: the IANA special-purpose
//! address registries for IPv4 and IPv6, and Microsoft Learn, "What is IP address 168.63.129.16?".

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The kind of network that an IP address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The internet.
    Public,
    /// A private network (RFC 1918, RFC 4193), or the shared address space of carriers (RFC 6598), which
    /// virtual networks also use.
    Private,
    /// This machine.
    Loopback,
    /// Metadata services, link-local, multicast and reserved addresses, which no blob service has.
    Reserved,
}

/// Returns the kind of network of an IP address.
///
/// An IPv6 address that contains an IPv4 address counts as that address, because an attacker could
/// otherwise reach a private IPv4 address in its IPv6 form.
pub(crate) fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

/// Returns the kind of network of an IPv4 address.
fn reach_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        // Azure's platform endpoint in each virtual network: DNS, DHCP, health probes, VM agent.
        [168, 63, 129, 16] => Reach::Reserved,
        // The metadata service of another cloud provider, in the shared address space.
        [100, 100, 100, 200] => Reach::Reserved,
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
        | [224..=255, ..] => Reach::Reserved,
        _ => Reach::Public,
    }
}

/// Returns the kind of network of an IPv6 address.
fn reach_v6(address: Ipv6Addr) -> Reach {
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        reach_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Loopback,
        // IPv4-mapped addresses, NAT64 and 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low] => embedded(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // The metadata services of other cloud providers, in the private range.
        [0xfd00, 0xc1 | 0xec2, ..] | [0xfd20, 0xce, ..] => Reach::Reserved,
        [0xfc00..=0xfdff, ..] => Reach::Private,
        // Protocol assignments with Teredo, and documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Reach::Reserved,
        // Global unicast. Everything else is reserved, link-local, site-local or multicast.
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => Reach::Reserved,
    }
}
