//! The bash commands of a grant work with the real Azure CLI. They run against a fake of Entra,
//! Resource Manager and Microsoft Graph on a loopback port.
//!
//! The variable `AZ` names the program; the default is `az` on the path. Without the CLI the tests print
//! a notice and pass.

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
