//! Single ways in which a small cloud contradicts what is known of the real service.
//!
//! They are separate from `Behavior`: settings of a `Behavior` are answers to open questions, which
//! tests combine. A quirk is known to be wrong, and is for a test that checks whether a client
//! notices it.

use std::collections::BTreeSet;

use hyper::{
    Method, Response,
    ext::ReasonPhrase,
    header::{CONTENT_RANGE, ETAG, HeaderValue, SERVER},
};

use super::{body::Body, values::REQUEST_ID};

/// A way in which a small cloud differs from what is known of the real service.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use azure_asset_sync::{Store, store::ListRequest, testing::{Quirk, Seed, SmallCloud}};
///
/// let cloud = SmallCloud::builder()
///     .blobs(["a.jpg", "b.jpg"].map(|name| Seed::new(name, "x")))
///     .quirk(Quirk::PageLimit(1))
///     .start()
///     .await?;
/// let store = cloud.store(&cloud.connection().build()?)?;
/// assert_eq!(store.list(ListRequest::new("")).await?.blobs.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Quirk {
    /// `startFrom` begins at the right place even if a mark or a modifier follows the prefix.
    StartAtMarks,
    /// The service compares `startFrom` with `endBefore` with regard to letter case.
    CaseSensitiveBounds,
    /// A continuation marker is accepted once and refused after that.
    MarkersOnce,
    /// A continuation marker is the next name in plain text.
    PlainMarkers,
    /// A page has at most this many entries, whatever `maxresults` says.
    PageLimit(u16),
    /// Listings have a `Content-Length` instead of chunks.
    ListContentLength,
    /// Listings are Arrow streams if the request accepts them.
    Arrow,
    /// `include=metadata` has no effect.
    NoMetadata,
    /// `include=versions` and `include=snapshots` are refused.
    NoVersions,
    /// `delimiter` has no effect.
    NoDelimiter,
    /// A missing container is 404 even for callers that may not read it.
    ExistenceFirst,
    /// `If-Match` without quotes is refused as an invalid header.
    QuotedEtagsOnly,
    /// `If-Match` has no effect.
    NoIfMatch,
    /// A range of an empty blob is answered with 200 and no bytes.
    EmptyBlobRangeOk,
    /// A range after the end of a blob is answered with 416 and no `Content-Range`.
    NoSizeIn416,
    /// Reads return a different form of the ETag than listings.
    OtherEtags,
    /// User delegation keys are not available: 501 `NotImplemented`.
    NoDelegationKeys,
    /// Signatures with a user delegation key are refused.
    NoViewLinks,
    /// The headers that a signature overrides keep their stored values.
    NoSignedHeaders,
    /// A preflight that no rule allows is answered with 200 and without permission.
    LaxPreflight,
    /// The answer to a preflight does not name the allowed headers.
    NoAllowHeaders,
    /// `Server` names a different service.
    OtherServer,
    /// Reason phrases are those of HTTP, not Azure's messages.
    PlainReasons,
    /// Refusals have no `x-ms-error-code`.
    NoCodeHeader,
    /// No answer has an `x-ms-request-id`.
    NoRequestId,
    /// No answer has an `x-ms-version`.
    NoVersion,
}

/// Applies the quirks that change only the headers of a response.
///
/// The other quirks are applied by the operations that they change.
pub(super) fn apply_to_headers(
    quirks: &BTreeSet<Quirk>,
    method: &Method,
    response: &mut Response<Body>,
) {
    // The order of the set does not matter: no two quirks change the same header.
    for quirk in quirks {
        let status = response.status();
        let headers = response.headers_mut();
        match quirk {
            Quirk::OtherServer => {
                headers.insert(SERVER, HeaderValue::from_static("object-gateway"));
            }
            Quirk::PlainReasons => {
                response.extensions_mut().remove::<ReasonPhrase>();
            }
            Quirk::NoCodeHeader => {
                headers.remove("x-ms-error-code");
            }
            Quirk::NoRequestId => {
                headers.remove(REQUEST_ID);
            }
            Quirk::NoVersion => {
                headers.remove("x-ms-version");
            }
            Quirk::NoSizeIn416 if status.as_u16() == 416 => {
                headers.remove(CONTENT_RANGE);
            }
            // Listings have ETags in the body only, so this changes reads alone.
            Quirk::OtherEtags if *method == Method::GET && headers.contains_key(ETAG) => {
                headers.insert(ETAG, HeaderValue::from_static("W/\"1\""));
            }
            Quirk::NoAllowHeaders => {
                headers.remove("access-control-allow-headers");
            }
            _ => {}
        }
    }
}
