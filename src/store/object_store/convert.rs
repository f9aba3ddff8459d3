//! Converts paths, descriptors and errors of `object_store`.

use ::object_store::{Error as Foreign, ObjectMeta, path::Path};

use super::super::Blob;
use crate::{
    error::{Error, ErrorKind},
    name::printable,
};

/// What was requested when an error occurred.
#[derive(Clone, Copy)]
pub(super) enum Doing<'a> {
    /// A page of a listing.
    List,
    /// A read of this blob.
    Read(&'a str),
}

/// Returns the path that stands for exactly this name.
pub(super) fn path(name: &str) -> Result<Path, Error> {
    // INVARIANT: never `Path::from`, which encodes some characters, so that it names a different object.
    match Path::parse(name) {
        Ok(path) if path.as_ref() == name && !name.is_empty() => Ok(path),
        _ => Err(Error::new(
            ErrorKind::BadRequest,
            format!(
                "object_store has no path for the name `{}`, because it has an empty segment, a segment `.` or `..`, a control character, or a slash at an end",
                printable(name)
            ),
        )),
    }
}

/// Converts a descriptor.
pub(super) fn blob(name: String, meta: ObjectMeta) -> Blob {
    let mut blob = Blob::new(name, meta.size);
    blob.etag = meta.e_tag.as_deref().map(Into::into);
    blob.last_modified = Some(meta.last_modified.into());
    blob.version_id = meta.version.as_deref().map(Into::into);
    blob
}

/// Converts an error.
///
/// The text of the foreign error is part of the message, on one line and cut. The stores of
/// `object_store` leave signatures out of it.
pub(super) fn failure(error: Foreign, doing: Doing<'_>) -> Error {
    let what = match doing {
        Doing::List => "list the container".to_owned(),
        Doing::Read(name) => format!("read `{}`", printable(name)),
    };
    let text = error.to_string();
    let status = match &error {
        Foreign::NotFound { .. } => Some(404),
        Foreign::Precondition { .. } => Some(412),
        Foreign::PermissionDenied { .. } => Some(403),
        Foreign::Unauthenticated { .. } => Some(401),
        _ => status(&text),
    };
    // Without a code, the kinds of 404 and 403 depend on what was requested.
    let known = status.map(|status| (status, Error::from_response(status, code(&text))));
    let (error, advice) = match (known, &error, doing) {
        (Some((404, error)), _, Doing::Read(_)) if error.code().is_none() => {
            (Error::new(ErrorKind::BlobNotFound, "").with_status(404), "there is no such object")
        }
        (Some((404, error)), _, Doing::List) if error.code().is_none() => {
            (Error::new(ErrorKind::ContainerNotFound, "").with_status(404), "it does not exist")
        }
        (Some((_, error)), _, _) => (error, "the service refused the request"),
        (None, Foreign::InvalidPath { .. }, _) => (
            Error::new(ErrorKind::UnexpectedAnswer, ""),
            "object_store cannot represent a name, so rename that object",
        ),
        (None, Foreign::NotSupported { .. } | Foreign::NotImplemented { .. }, _) => {
            (Error::new(ErrorKind::BadRequest, ""), "the store does not support it")
        }
        (None, Foreign::UnknownConfigurationKey { .. }, _) => {
            (Error::new(ErrorKind::Config, ""), "a setting is wrong")
        }
        // A broken connection, for example. It may disappear, so the scan tries again.
        _ => (Error::new(ErrorKind::Unavailable, ""), "the store failed"),
    };
    error.with_message(&format!("{what}: {advice}: {}", shortened(&text)))
}

/// Returns the HTTP status in the text of an error.
///
/// `object_store` has types for some of them, but not if it lists, and the type that has the status is
/// private. If the text changes, the error is `Unavailable`.
fn status(text: &str) -> Option<u16> {
    // The last one, because a name in the text can have these words too.
    let (_, rest) = text.rsplit_once("status code: ")?;
    rest.get(..3)?.parse().ok().filter(|status| (400..600).contains(status))
}

/// Returns the error code in the body that an error repeats.
fn code(text: &str) -> Option<&str> {
    let (_, rest) = text.rsplit_once("status code: ")?;
    let (_, rest) = rest.split_once("<Code>")?;
    rest.split_once("</Code>").map(|(code, _)| code)
}

/// Returns a text on one line, with at most 300 characters, and without the query of a URL.
fn shortened(text: &str) -> String {
    // A body is XML with little that the code does not say.
    let text = text.split('<').next().unwrap_or_default();
    let text: String = text.chars().take(300).collect();
    // An answer of a server can have anything in it, so each word is shown like a user's text.
    text.split_whitespace().map(printable).collect::<Vec<_>>().join(" ")
}
