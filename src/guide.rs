//! The user's guide: one page for each step, from the connection to links for viewers.
//!
//! | step | page |
//! | --- | --- |
//! | 1. Check what the customer typed, and decide which hosts a store may contact | [`connect`] |
//! | 2. Generate the role assignment and the role condition | [`grant`] |
//! | 3. Wait for propagation, and find the step that is wrong | [`probe`] |
//! | 4. Say which blobs are assets | [`select`] |
//! | 5. Show what a sync would find | [`preview`] |
//! | 6. Report what changed since the last run | [`sync`] |
//! | 7. Create links for viewers | [`view`] |
//!
//! [`sinks`] is about file formats and the programs that read them, [`scale`] about large containers,
//! [`extend`] about stores and sinks of your own and about tests, [`service`] about the states of a
//! connection, and [`observe`] about spans, events, metrics and alerts.
//!
//! This module has no items. It is compiled for the documentation and for doctests only.

#[doc = include_str!("guide/connect.md")]
pub mod connect {}
#[doc = include_str!("guide/extend.md")]
pub mod extend {}
#[doc = include_str!("guide/grant.md")]
pub mod grant {}
#[doc = include_str!("guide/observe.md")]
#[doc = include_str!("observe/names.md")]
pub mod observe {}
#[doc = include_str!("guide/preview.md")]
pub mod preview {}
#[doc = include_str!("guide/probe.md")]
pub mod probe {}
#[doc = include_str!("guide/scale.md")]
pub mod scale {}
#[doc = include_str!("guide/select.md")]
pub mod select {}
#[doc = include_str!("guide/service.md")]
pub mod service {}
#[doc = include_str!("guide/sinks.md")]
// Links to items of features lead to docs.rs if the feature is off. A definition begins after
// a blank line.
#[doc = ""]
#[cfg_attr(feature = "parquet", doc = "[`Parquet`]: crate::sink::Parquet")]
#[cfg_attr(
    not(feature = "parquet"),
    doc = "[`Parquet`]: https://docs.rs/azure-asset-sync/latest/azure_asset_sync/sink/struct.Parquet.html"
)]
#[cfg_attr(feature = "sqlite", doc = "[`Sqlite`]: crate::sink::Sqlite")]
#[cfg_attr(
    not(feature = "sqlite"),
    doc = "[`Sqlite`]: https://docs.rs/azure-asset-sync/latest/azure_asset_sync/sink/struct.Sqlite.html"
)]
pub mod sinks {}
#[doc = include_str!("guide/sync.md")]
pub mod sync {}
#[doc = include_str!("guide/view.md")]
pub mod view {}
