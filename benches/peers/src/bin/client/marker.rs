//! Listing by hand, for clients that look only at the end of a page.

use azure_asset_sync_peers::{ACCOUNT, CONTAINER, SIGNATURE};

/// More than the length of the end of a page with its marker.
const TAIL: usize = 512;

/// The last bytes of a body, which contain the next marker.
#[derive(Debug, Default)]
pub struct Tail(Vec<u8>);

impl Tail {
    /// Adds a chunk of the body.
    pub fn see(&mut self, chunk: &[u8]) {
        let new = &chunk[chunk.len().saturating_sub(TAIL)..];
        let old = self.0.len().saturating_sub(TAIL - new.len());
        self.0.drain(..old);
        self.0.extend_from_slice(new);
    }

    /// Returns the next marker, or `None` on the last page.
    pub fn marker(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.0);
        let (_, rest) = text.rsplit_once("<NextMarker>")?;
        Some(rest.split_once('<')?.0.to_owned())
    }
}

/// Returns the path and the query of a page.
pub fn path(marker: Option<&str>) -> String {
    let mut path = format!("/{ACCOUNT}/{CONTAINER}?restype=container&comp=list&{SIGNATURE}");
    if let Some(marker) = marker {
        path.push_str("&marker=");
        path.extend(form_urlencoded::byte_serialize(marker.as_bytes()));
    }
    path
}
