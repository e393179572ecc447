//! Which addresses may be called on somebody's word.
//!
//! The URL of a webhook or of a media file comes from outside. Followed blindly it reaches into the network this
//! process stands in: the machine itself, its neighbours, the cloud's metadata service. So the *resolved* address is
//! judged here, each one of a name, right before the connection (contract §2, "Media"); a name proves nothing.
//!
//! Refused is everything that is not plainly the public network (RFC 6890 and the registries of IANA), and every form
//! that carries an IPv4 address inside an IPv6 one, whatever the inner address is: such a form has no honest use in a
//! URL, and where it leads is decided by a gateway we do not know.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Judges addresses.
///
/// ```
/// use frontdesk_domain::address::{AddressPolicy, Refused};
///
/// let policy = AddressPolicy::default();
/// assert_eq!(policy.check("93.184.215.14".parse()?), Ok(()));
/// assert_eq!(policy.check("169.254.169.254".parse()?), Err(Refused::LinkLocal));
/// assert_eq!(policy.check("::ffff:10.0.0.1".parse()?), Err(Refused::EmbedsIpv4));
/// assert_eq!(AddressPolicy::allow_local().check("127.0.0.1".parse()?), Ok(()));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AddressPolicy {
    local: bool,
}

impl AddressPolicy {
    /// The policy that also lets loopback, link-local, private and shared addresses through: for receivers in one's
    /// own network, by configuration. Everything else stays refused.
    #[must_use]
    pub fn allow_local() -> Self {
        Self { local: true }
    }

    /// The policy for a setting: [`AddressPolicy::allow_local`] when it is on, else the default one.
    #[must_use]
    pub fn local_if(allowed: bool) -> Self {
        Self { local: allowed }
    }

    /// Whether addresses of this machine and its network are let through.
    #[must_use]
    pub fn allows_local(self) -> bool {
        self.local
    }

    /// Judges one resolved address.
    ///
    /// # Errors
    /// [`Refused`], with what kind of address it is.
    pub fn check(self, address: IpAddr) -> Result<(), Refused> {
        let refused = match address {
            IpAddr::V4(address) => refused_v4(address),
            IpAddr::V6(address) => refused_v6(address),
        };
        match refused {
            Some(refused) if !(self.local && refused.is_local()) => Err(refused),
            _ => Ok(()),
        }
    }
}

/// Why an address is refused. It does not hold the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refused {
    /// This machine: 127.0.0.0/8, `::1`.
    Loopback,
    /// The wire this machine hangs on, with the metadata service of clouds: 169.254.0.0/16, `fe80::/10`.
    LinkLocal,
    /// A private network: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, `fc00::/7`, `fec0::/10`.
    Private,
    /// Shared by a carrier's customers: 100.64.0.0/10 (RFC 6598).
    Shared,
    /// No address, which systems take for this machine: 0.0.0.0/8, `::`.
    Unspecified,
    /// Many receivers: 224.0.0.0/4, `ff00::/8`, and 255.255.255.255.
    Multicast,
    /// For examples in texts: 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, `2001:db8::/32`, `3fff::/20`.
    Documentation,
    /// For measuring network devices: 198.18.0.0/15, `2001:2::/48`.
    Benchmarking,
    /// An IPv4 address inside an IPv6 one: mapped, compatible, translated, 6to4, NAT64, Teredo, ISATAP.
    EmbedsIpv4,
    /// Not given out for use on the public network: 192.0.0.0/24, 192.88.99.0/24, 240.0.0.0/4, and of IPv6
    /// everything outside `2000::/3` and the protocol block `2001::/23`.
    Reserved,
}

impl Refused {
    /// Whether [`AddressPolicy::allow_local`] lets it through.
    #[must_use]
    pub fn is_local(self) -> bool {
        matches!(self, Self::Loopback | Self::LinkLocal | Self::Private | Self::Shared)
    }

    fn phrase(self) -> &'static str {
        match self {
            Self::Loopback => "this machine itself (loopback)",
            Self::LinkLocal => "a link-local address",
            Self::Private => "a private network",
            Self::Shared => "a network shared behind a carrier",
            Self::Unspecified => "the unspecified address",
            Self::Multicast => "a multicast or broadcast address",
            Self::Documentation => "an address for documentation",
            Self::Benchmarking => "an address for benchmarks",
            Self::EmbedsIpv4 => "an IPv6 address that embeds an IPv4 one",
            Self::Reserved => "a reserved address",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.phrase())
    }
}

impl std::error::Error for Refused {}

fn refused_v4(address: Ipv4Addr) -> Option<Refused> {
    Some(match address.octets() {
        [0, ..] => Refused::Unspecified,
        [127, ..] => Refused::Loopback,
        [169, 254, ..] => Refused::LinkLocal,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Refused::Private,
        [100, 64..=127, ..] => Refused::Shared,
        [224..=239, ..] | [255, 255, 255, 255] => Refused::Multicast,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Refused::Documentation,
        [198, 18..=19, ..] => Refused::Benchmarking,
        // Protocol assignments, the old 6to4 relays, and class E.
        [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => Refused::Reserved,
        _ => return None,
    })
}

fn refused_v6(address: Ipv6Addr) -> Option<Refused> {
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Refused::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Refused::Loopback,
        // Compatible and mapped; translated (RFC 2765); NAT64 of everybody and of one's own network (RFC 6052, 8215);
        // 6to4; Teredo.
        [0, 0, 0, 0, 0, 0 | 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x64, 0xff9b, 0 | 1, ..]
        | [0x2002, ..]
        | [0x2001, 0, ..] => Refused::EmbedsIpv4,
        // ISATAP: the address of the machine is in the second half of an address of any prefix.
        [_, _, _, _, 0x0000 | 0x0200, 0x5efe, ..] => Refused::EmbedsIpv4,
        [0xfe80..=0xfebf, ..] => Refused::LinkLocal,
        // Unique local, and site-local, which came before it.
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Refused::Private,
        [0xff00..=0xffff, ..] => Refused::Multicast,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Refused::Documentation,
        [0x2001, 2, 0, ..] => Refused::Benchmarking,
        // Protocol assignments; then all that is no global unicast (`100::/64`, `5f00::/16`, `4000::/2` and the rest).
        [0x2001, 0..=0x1ff, ..] => Refused::Reserved,
        [0x2000..=0x3fff, ..] => return None,
        _ => Refused::Reserved,
    })
}
