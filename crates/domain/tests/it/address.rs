//! Which addresses may be called, at the borders of every block.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use frontdesk_domain::address::{AddressPolicy, Refused};
use proptest::prelude::*;

fn check(address: &str) -> Result<(), Refused> {
    AddressPolicy::default().check(address.parse().unwrap())
}

#[test]
fn every_block_is_refused_from_its_first_address_to_its_last_and_not_beyond() {
    // First and last of the block; the neighbours outside of it, where they are public.
    for (first, last, why, before, after) in [
        ("0.0.0.0", "0.255.255.255", Refused::Unspecified, None, Some("1.0.0.0")),
        ("10.0.0.0", "10.255.255.255", Refused::Private, Some("9.255.255.255"), Some("11.0.0.0")),
        ("100.64.0.0", "100.127.255.255", Refused::Shared, Some("100.63.255.255"), Some("100.128.0.0")),
        ("127.0.0.0", "127.255.255.255", Refused::Loopback, Some("126.255.255.255"), Some("128.0.0.0")),
        ("169.254.0.0", "169.254.255.255", Refused::LinkLocal, Some("169.253.255.255"), Some("169.255.0.0")),
        ("172.16.0.0", "172.31.255.255", Refused::Private, Some("172.15.255.255"), Some("172.32.0.0")),
        ("192.0.0.0", "192.0.0.255", Refused::Reserved, Some("191.255.255.255"), Some("192.0.1.0")),
        ("192.0.2.0", "192.0.2.255", Refused::Documentation, Some("192.0.1.255"), Some("192.0.3.0")),
        ("192.88.99.0", "192.88.99.255", Refused::Reserved, Some("192.88.98.255"), Some("192.88.100.0")),
        ("192.168.0.0", "192.168.255.255", Refused::Private, Some("192.167.255.255"), Some("192.169.0.0")),
        ("198.18.0.0", "198.19.255.255", Refused::Benchmarking, Some("198.17.255.255"), Some("198.20.0.0")),
        (
            "198.51.100.0",
            "198.51.100.255",
            Refused::Documentation,
            Some("198.51.99.255"),
            Some("198.51.101.0"),
        ),
        ("203.0.113.0", "203.0.113.255", Refused::Documentation, Some("203.0.112.255"), Some("203.0.114.0")),
        ("224.0.0.0", "239.255.255.255", Refused::Multicast, Some("223.255.255.255"), None),
        ("240.0.0.0", "255.255.255.254", Refused::Reserved, None, None),
        ("255.255.255.255", "255.255.255.255", Refused::Multicast, None, None),
        ("::", "::", Refused::Unspecified, None, None),
        ("::1", "::1", Refused::Loopback, None, None),
        ("::2", "::ffff:ffff", Refused::EmbedsIpv4, None, None),
        ("::ffff:0.0.0.0", "::ffff:255.255.255.255", Refused::EmbedsIpv4, None, None),
        ("::ffff:0:0:0", "::ffff:0:ffff:ffff", Refused::EmbedsIpv4, None, None),
        ("64:ff9b::", "64:ff9b::ffff:ffff", Refused::EmbedsIpv4, None, None),
        ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", Refused::EmbedsIpv4, None, None),
        ("100::", "100::ffff:ffff:ffff:ffff", Refused::Reserved, None, None),
        ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", Refused::EmbedsIpv4, Some("2000:ffff::"), None),
        ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", Refused::Benchmarking, None, None),
        ("2001:10::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Refused::Reserved, None, Some("2001:200::")),
        (
            "2001:db8::",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            Refused::Documentation,
            Some("2001:db7:ffff::"),
            Some("2001:db9::"),
        ),
        (
            "2002::",
            "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            Refused::EmbedsIpv4,
            Some("2001:ffff::"),
            Some("2003::"),
        ),
        (
            "3fff::",
            "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
            Refused::Documentation,
            Some("3ffe::1"),
            Some("3fff:1000::"),
        ),
        ("4000::", "4000::1", Refused::Reserved, None, None),
        ("5f00::", "5f00::1", Refused::Reserved, None, None),
        ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Refused::Private, None, None),
        ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Refused::LinkLocal, None, None),
        ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Refused::Private, None, None),
        ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Refused::Multicast, None, None),
        ("2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:1.1.1.1", Refused::EmbedsIpv4, None, None),
    ] {
        assert_eq!(check(first), Err(why), "{first}");
        assert_eq!(check(last), Err(why), "{last}");
        for outside in before.into_iter().chain(after) {
            assert_eq!(check(outside), Ok(()), "{outside}");
        }
    }
    for public in ["1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001:82a::200e"]
    {
        assert_eq!(check(public), Ok(()), "{public}");
    }
}

#[test]
fn allowing_local_addresses_allows_only_those() {
    let policy = AddressPolicy::allow_local();
    for address in ["127.0.0.1", "::1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "fd00::1", "fe80::1"] {
        assert_eq!(policy.check(address.parse().unwrap()), Ok(()), "{address}");
    }
    for address in
        ["0.0.0.0", "::", "::ffff:127.0.0.1", "224.0.0.1", "192.0.2.1", "2002:7f00:1::", "255.255.255.255"]
    {
        assert!(policy.check(address.parse().unwrap()).is_err(), "{address}");
    }
    assert!(AddressPolicy::local_if(true).allows_local() && !AddressPolicy::local_if(false).allows_local());
}

proptest! {
    /// What is let through is what the standard library's own predicates call none of the special kinds.
    #[test]
    fn nothing_special_by_the_standard_library_gets_through(bits: u32) {
        let address = Ipv4Addr::from(bits);
        let special = address.is_loopback()
            || address.is_private()
            || address.is_link_local()
            || address.is_unspecified()
            || address.is_multicast()
            || address.is_broadcast()
            || address.is_documentation();
        let verdict = AddressPolicy::default().check(IpAddr::V4(address));
        prop_assert!(!special || verdict.is_err());
        for embedded in [address.to_ipv6_mapped(), address.to_ipv6_compatible()] {
            // `::` and `::1` have names of their own; all are refused, also where local addresses are allowed.
            prop_assert!(AddressPolicy::default().check(IpAddr::V6(embedded)).is_err());
            prop_assert!(bits == 1 || AddressPolicy::allow_local().check(IpAddr::V6(embedded)).is_err());
        }
    }

    #[test]
    fn no_special_ipv6_address_gets_through(bits: u128) {
        let address = Ipv6Addr::from(bits);
        let public = AddressPolicy::default().check(IpAddr::V6(address)).is_ok();
        prop_assert!(!public || (bits >> 125) == 1, "2000::/3 is all there is");
    }
}
