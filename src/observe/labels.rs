//! How a store is named in spans.

/// The names of a connection, an account and a container, which spans have as fields.
///
/// Returned by [`Store::labels`](crate::Store::labels). By default all three are absent.
///
/// ```
/// use azure_asset_sync::observe::Labels;
///
/// let labels = Labels::new("cameras of hall 3", "contosovision", "training");
/// assert_ne!(labels, Labels::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Labels<'a> {
    pub(super) connection: Option<&'a str>,
    pub(super) account: Option<&'a str>,
    pub(super) container: Option<&'a str>,
}

impl<'a> Labels<'a> {
    /// Creates labels, none of which may be a secret.
    pub const fn new(connection: &'a str, account: &'a str, container: &'a str) -> Self {
        Self { connection: Some(connection), account: Some(account), container: Some(container) }
    }
}
