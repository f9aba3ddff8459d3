//! The packs for bash, run with the real Azure CLI against a fake of Entra, Resource Manager and
//! Microsoft Graph on a loopback port.
//!
//! `AZ` names the CLI, by default `az` on the path; without one the tests say so and pass.

#[path = "az_cli/case.rs"]
mod case;
#[path = "az_cli/drift.rs"]
mod drift;
#[path = "az_cli/fake/mod.rs"]
mod fake;
#[path = "az_cli/machine.rs"]
mod machine;
#[path = "az_cli/matrix.rs"]
mod matrix;
#[path = "az_cli/neighbors.rs"]
mod neighbors;
#[path = "az_cli/other_names.rs"]
mod other_names;
#[path = "az_cli/prefixes.rs"]
mod prefixes;
#[path = "az_cli/refused.rs"]
mod refused;
#[path = "az_cli/rest.rs"]
mod rest;
#[path = "az_cli/twice.rs"]
mod twice;
