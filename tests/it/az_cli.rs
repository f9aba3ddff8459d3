//! The packs for bash, run with the real Azure CLI against a fake of Entra, Resource Manager and
//! Microsoft Graph on a loopback port.
//!
//! `AZ` names the CLI, by default `az` on the path; without one the tests say so and pass.

mod case;
mod drift;
mod fake;
mod machine;
mod matrix;
mod neighbors;
mod other_names;
pub mod prefixes;
mod refused;
mod rest;
mod twice;
