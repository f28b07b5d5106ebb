//! Which addresses a peer's browser may be pointed at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How strict to be about addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// Of people on different machines.
    Public,
    /// Of windows of one machine, which may have no address but the loopback one.
    Local,
}

impl Addresses {
    /// Whether a browser may be told to send there. Private addresses are fine: people in one house find each other by
    /// them.
    pub(super) fn allow(self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => self.allow_v4(v4),
            IpAddr::V6(v6) => self.allow_v6(v6),
        }
    }

    fn allow_v4(self, v4: Ipv4Addr) -> bool {
        let [a, b, ..] = v4.octets();
        // Where clouds and containers keep metadata and credentials: 169.254.169.254, 169.254.170.2, 169.254.170.23.
        let metadata = v4.is_link_local() && matches!(v4.octets()[2], 169 | 170);
        let never = a == 0 || metadata || v4.is_multicast() || (a, b) == (255, 255);
        !never && (self == Self::Local || !v4.is_loopback())
    }

    fn allow_v6(self, v6: Ipv6Addr) -> bool {
        if v6 == Ipv6Addr::LOCALHOST {
            return self == Self::Local;
        }
        // No browser gathers IPv4 in other words: unspecified and compatible, mapped and translated, NAT64, 6to4.
        let is_v4 = matches!(
            v6.segments(),
            [0, 0, 0, 0, 0 | 0xffff, 0, ..] | [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, ..] | [0x2002, ..]
        );
        // AWS.
        let metadata = matches!(v6.segments(), [0xfd00, 0xec2, ..]);
        !(is_v4 || metadata || v6.is_multicast())
    }
}
