//! Single ways in which a small cloud differs from the service as recordings and documents show it.
//!
//! They stand apart from `Behavior`, whose settings are combined: a quirk is for a test that checks
//! whether such a difference is noticed.

use hyper::{
    Method, Request, Response,
    ext::ReasonPhrase,
    header::{CONTENT_RANGE, ETAG, HeaderValue, SERVER},
};

use super::{State, blob_service::REQUEST_ID, server::Body};

/// A way in which a small cloud differs from what is known of the real service
///
/// ```
/// use azure_asset_sync::testing::{Quirk, SmallCloud};
///
/// let builder = SmallCloud::builder().quirk(Quirk::MarkersOnce).quirk(Quirk::NoRequestId);
/// # let _ = builder;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Quirk {
    /// `startFrom` begins at the right place even if a mark or a modifier follows the prefix
    StartAtMarks,
    /// The order of `startFrom` and `endBefore` is checked with regard to case
    CaseSensitiveBounds,
    /// A continuation marker is taken once, and refused after that
    MarkersOnce,
    /// A continuation marker is the next name in clear
    PlainMarkers,
    /// A page has at most so many entries, whatever is asked for
    PageLimit(u16),
    /// Listings have a `Content-Length`
    ListContentLength,
    /// Listings are Arrow if the request accepts it
    Arrow,
    /// `include=metadata` is ignored
    NoMetadata,
    /// `include=versions` and `include=snapshots` are refused
    NoVersions,
    /// A delimiter is ignored
    NoDelimiter,
    /// An absent container is 404, also for those who may not read it
    ExistenceFirst,
    /// `If-Match` without quotes is refused as an invalid header
    QuotedEtagsOnly,
    /// `If-Match` is ignored
    NoIfMatch,
    /// A range of an empty blob is answered with 200 and no bytes
    EmptyBlobRangeOk,
    /// A range after the end of a blob is answered with 416 and no `Content-Range`
    NoSizeIn416,
    /// Reads have another form of the ETag than listings
    OtherEtags,
    /// There are no user delegation keys: 501 `NotImplemented`
    NoDelegationKeys,
    /// Signatures by a user delegation key are refused
    NoViewLinks,
    /// The headers that a signature overrides stay as they are stored
    NoSignedHeaders,
    /// A preflight that no rule allows is answered with 200 and no permission
    LaxPreflight,
    /// The answer to a preflight does not name the headers that are allowed
    NoAllowHeaders,
    /// `Server` is that of another service
    OtherServer,
    /// Reason phrases are those of HTTP
    PlainReasons,
    /// Refusals have no `x-ms-error-code`
    NoCodeHeader,
    /// No answer has an `x-ms-request-id`
    NoRequestId,
    /// No answer has an `x-ms-version`
    NoVersion,
}

/// Changes an answer where its headers alone are concerned
pub(super) fn apply_to_headers<B>(
    request: &Request<B>,
    response: &mut Response<Body>,
    state: &State,
) {
    for quirk in &state.quirks {
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
            Quirk::OtherEtags if *request.method() == Method::GET && headers.contains_key(ETAG) => {
                headers.insert(ETAG, HeaderValue::from_static("W/\"1\""));
            }
            Quirk::NoAllowHeaders => {
                headers.remove("access-control-allow-headers");
            }
            _ => {}
        }
    }
}
