//! Where an account answers, which authority signs principals in, and which hosts a store may contact.
//!
//! [`Cloud`] and [`Endpoint`] are part of a connection, so a customer chooses them. [`HostPolicy`] is
//! the service's decision which of these choices are allowed.

mod address;
mod clouds;
mod clouds_json;
mod endpoint;
mod policy;
mod policy_json;

pub(crate) use self::address::{Reach, reach};
pub use self::{
    clouds::{Cloud, DnsZone},
    endpoint::Endpoint,
    policy::{HostPolicy, RefusedHost},
};
#[cfg(feature = "azure")]
pub(crate) use self::{endpoint::is_dns_name, policy::is_azure_host};
