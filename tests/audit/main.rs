//! The audit is a proof: no request contradicts a row.

#[path = "../oracle/mod.rs"]
mod oracle;
mod random;
mod table;
