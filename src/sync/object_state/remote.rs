//! Requests to the object store, from threads that may block.

use std::{fmt, io, ops::Range, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::{
    Error, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload,
    path::Path,
};
use tokio::runtime::Handle;

/// The most objects that are taken from one listing.
///
/// A state has at most some hundred heads. More data objects are removed by later runs.
const MOST_LISTED: usize = 10_000;

/// The most bytes of a head: it has about 80 for each 4 MiB of the state.
const MOST_HEAD: u64 = 16 << 20;

/// The objects of one state.
#[derive(Clone)]
pub(super) struct Remote {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl Remote {
    pub(super) fn new(store: Arc<dyn ObjectStore>, prefix: Path) -> Self {
        Self { store, prefix }
    }

    fn heads_folder(&self) -> Path {
        self.prefix.clone().join("heads")
    }

    fn data_folder(&self) -> Path {
        self.prefix.clone().join("data")
    }

    fn head_path(&self, version: u64) -> Path {
        self.heads_folder().join(format!("{version:020}"))
    }

    /// Returns the versions of all heads, in ascending order.
    pub(super) fn heads(&self) -> io::Result<Vec<u64>> {
        let names = self.names(self.heads_folder())?;
        // Without all of them, the latest one would be unknown.
        if names.len() >= MOST_LISTED {
            return Err(io::Error::other(
                "there are too many heads; allow the service to delete objects below the prefix of the state",
            ));
        }
        // Other names are not of this format, and no version of it has written them.
        let mut versions: Vec<u64> = names.iter().filter_map(|name| name.parse().ok()).collect();
        versions.sort_unstable();
        Ok(versions)
    }

    /// Returns the names of the data objects.
    pub(super) fn objects(&self) -> io::Result<Vec<String>> {
        self.names(self.data_folder())
    }

    fn names(&self, folder: Path) -> io::Result<Vec<String>> {
        let listed = self.store.list(Some(&folder)).take(MOST_LISTED).try_collect::<Vec<_>>();
        let listed = wait(listed)?.map_err(|error| failed("list objects", &error))?;
        let name = |object: ObjectMeta| object.location.filename().map(str::to_owned);
        Ok(listed.into_iter().filter_map(name).collect())
    }

    /// Reads a head, or returns `None` if there is none with this version.
    pub(super) fn head(&self, version: u64) -> io::Result<Option<Bytes>> {
        let path = self.head_path(version);
        let read = async {
            let head = self.store.get(&path).await?;
            let size = head.meta.size;
            // A forged head must not be read into memory whatever its size.
            if size > MOST_HEAD { Ok(Err(size)) } else { head.bytes().await.map(Ok) }
        };
        match wait(read)? {
            Ok(Ok(bytes)) => Ok(Some(bytes)),
            Ok(Err(size)) => Err(io::Error::other(format!("a head has {size} bytes"))),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed("read a head", &error)),
        }
    }

    /// Writes a head unless there is one with this version; returns whether it was written.
    pub(super) fn create_head(&self, version: u64, body: Bytes) -> io::Result<bool> {
        let (path, options) = (self.head_path(version), PutOptions::from(PutMode::Create));
        match wait(self.store.put_opts(&path, PutPayload::from(body), options))? {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
            Err(error) => Err(failed("write a head", &error)),
        }
    }

    /// Writes a data object, whose name must be new.
    pub(super) fn put(&self, object: &str, bytes: Bytes) -> io::Result<()> {
        let path = self.data_folder().join(object);
        let put = wait(self.store.put(&path, PutPayload::from(bytes)))?;
        put.map(drop).map_err(|error| failed("write a part of a file", &error))
    }

    /// Reads a range of a data object.
    pub(super) fn get(&self, object: &str, range: Range<u64>) -> io::Result<Bytes> {
        let (path, length) = (self.data_folder().join(object), range.end - range.start);
        match wait(self.store.get_range(&path, range))? {
            Ok(bytes) if bytes.len() as u64 == length => Ok(bytes),
            // The object is shorter than the head says.
            Ok(_) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(Error::NotFound { .. }) => Err(io::Error::other(
                "a part of a file is missing in the object store; if a run has replaced the file in the meantime, open the state again",
            )),
            Err(error) => Err(failed("read a part of a file", &error)),
        }
    }

    /// Removes heads and data objects. What cannot be removed is left to a later run.
    pub(super) fn remove(&self, heads: Vec<u64>, objects: Vec<String>) {
        let data = self.data_folder();
        let heads = heads.into_iter().map(|version| self.head_path(version));
        let objects = objects.into_iter().map(|object| data.clone().join(object));
        let paths: Vec<_> = heads.chain(objects).map(Ok).collect();
        if !paths.is_empty() {
            let removed = self.store.delete_stream(stream::iter(paths).boxed());
            let _ = wait(removed.for_each(|_| std::future::ready(())));
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.prefix.as_ref().fmt(f)
    }
}

/// Waits for a request.
///
/// # Errors
/// Fails outside of a runtime, because clients need one.
fn wait<T>(request: impl Future<Output = T>) -> io::Result<T> {
    let runtime = Handle::try_current().map_err(|_| {
        io::Error::other("a state in an object store needs a Tokio runtime; use it within one")
    })?;
    Ok(runtime.block_on(request))
}

/// Describes an error without the queries of addresses, which can be signatures.
///
/// The error itself is not a source, because its text would be shown.
fn failed(doing: &str, error: &Error) -> io::Error {
    let text = error.to_string();
    let words = text.split_inclusive(char::is_whitespace).map(|word| match word.split_once('?') {
        Some((address, query)) => {
            let end = query.chars().next_back().filter(|end| end.is_whitespace());
            format!("{address}?\u{2026}{}", end.map(String::from).unwrap_or_default())
        }
        None => word.to_owned(),
    });
    let kind = match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            io::ErrorKind::PermissionDenied
        }
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, format!("could not {doing}: {}", words.collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_hide_the_queries_of_addresses() {
        let texts = [
            (
                "GET https://a.example/b?sig=SECRET in 3 ms",
                "GET https://a.example/b?\u{2026} in 3 ms",
            ),
            ("x?sig=SECRET", "x?\u{2026}"),
            ("no query", "no query"),
        ];
        for (text, want) in texts {
            let error = Error::Generic { store: "test", source: text.into() };
            let shown = format!("{:?}", failed("read", &error));
            assert!(shown.contains(want) && !shown.contains("SECRET"), "{shown}");
        }
    }
}
