//! Rule 3, the rest of it: the client is on a network that the deployment lets in (7.4.4). An agreement's own list: rule 5.

use crate::ids::Network;
use crate::policy::{Refusal, Settings};
use std::net::IpAddr;

pub(in crate::policy) fn passes(address: Option<IpAddr>, settings: &Settings) -> Result<(), Refusal> {
    if lets_in(&settings.client_networks, address) { Ok(()) } else { Err(Refusal::Network) }
}

/// An empty list lets everybody in; otherwise an address that is not known is on none of its networks.
pub(in crate::policy) fn lets_in(networks: &[Network], address: Option<IpAddr>) -> bool {
    networks.is_empty() || address.is_some_and(|address| networks.iter().any(|network| network.holds(address)))
}
