//! The decisions of an audit are proofs: no request contradicts a row.

mod random;
mod table;
