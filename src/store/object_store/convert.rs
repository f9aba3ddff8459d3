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
    let (kind, status) = match (&error, doing) {
        (Foreign::NotFound { .. }, Doing::List) => (ErrorKind::ContainerNotFound, Some(404)),
        (Foreign::NotFound { .. }, Doing::Read(_)) => (ErrorKind::BlobNotFound, Some(404)),
        (Foreign::Precondition { .. }, _) => (ErrorKind::BlobChanged, Some(412)),
        (Foreign::PermissionDenied { .. }, _) => (ErrorKind::PermissionDenied, Some(403)),
        (Foreign::Unauthenticated { .. }, _) => (ErrorKind::Unauthenticated, Some(401)),
        (Foreign::InvalidPath { .. }, _) => (ErrorKind::UnexpectedAnswer, None),
        (Foreign::NotSupported { .. } | Foreign::NotImplemented { .. }, _) => {
            (ErrorKind::BadRequest, None)
        }
        (Foreign::UnknownConfigurationKey { .. }, _) => (ErrorKind::Config, None),
        // Everything else is `Generic`, also a connection that broke and an answer 503. It is not
        // known which of them may disappear, so the scan tries again.
        _ => (ErrorKind::Unavailable, None),
    };
    let what = match doing {
        Doing::List => "list the container".to_owned(),
        Doing::Read(name) => format!("read `{}`", printable(name)),
    };
    let advice = match kind {
        ErrorKind::UnexpectedAnswer => {
            "object_store cannot represent a name, so rename that object"
        }
        _ => "object_store failed",
    };
    let error = Error::new(kind, format!("{what}: {advice}: {}", shortened(&error.to_string())));
    status.into_iter().fold(error, Error::with_status)
}

/// Returns a text on one line, with at most 300 characters, and without the query of a URL.
fn shortened(text: &str) -> String {
    let text: String = text.chars().take(300).collect();
    // An answer of a server can have anything in it, so each word is shown like a user's text.
    text.split_whitespace().map(printable).collect::<Vec<_>>().join(" ")
}
