//! The audit is a proof: no request contradicts a row.

mod random;
mod table;
