use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read as _, Seek as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use bytes::Bytes;

/// A blob of a small cloud
#[derive(Clone, Debug)]
pub struct Seed {
    name: String,
    content: Content,
    pub(super) content_type: Option<String>,
    pub(super) tier: &'static str,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) last_modified: SystemTime,
    etag: String,
}

#[derive(Clone, Debug)]
enum Content {
    Bytes(Bytes),
    File {
        path: PathBuf,
        size: u64,
    },
    /// Zeros, of which there can be more than the memory holds
    Zeros(u64),
}

impl Seed {
    /// A blob with this content, and the Content-Type that its extension stands for
    pub fn new(name: impl Into<String>, content: impl Into<Bytes>) -> Self {
        Self::with(name.into(), Content::Bytes(content.into()))
    }

    /// A blob of so many zero bytes, which take no memory
    pub fn zeros(name: impl Into<String>, size: u64) -> Self {
        Self::with(name.into(), Content::Zeros(size))
    }

    fn with(name: String, content: Content) -> Self {
        Self {
            content_type: mime_guess::from_path(&name).first_raw().map(str::to_owned),
            name,
            content,
            tier: "Hot",
            metadata: BTreeMap::new(),
            // A whole second, which is what the listing can say.
            last_modified: SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600),
            etag: format!("0x{:015X}", fastrand::u64(..) >> 4),
        }
    }

    /// Stores this Content-Type; an empty one is left out of the listing
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into()).filter(|text| !text.is_empty());
        self
    }

    /// Stores the blob in the archive tier
    #[must_use]
    pub fn archived(mut self) -> Self {
        self.tier = "Archive";
        self
    }

    /// Adds user metadata
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// The name
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn size(&self) -> u64 {
        match &self.content {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::File { size, .. } | Content::Zeros(size) => *size,
        }
    }

    pub(super) fn etag(&self) -> &str {
        &self.etag
    }

    /// Bytes of the content; the range is within it
    pub(super) fn read(&self, start: u64, end: u64) -> io::Result<Bytes> {
        let whole = |n| usize::try_from(n).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory));
        let (start_at, len) = (whole(start)?, whole(end - start)?);
        match &self.content {
            Content::Bytes(bytes) => Ok(bytes.slice(start_at..start_at + len)),
            Content::Zeros(_) => Ok(Bytes::from(vec![0; len])),
            Content::File { path, .. } => {
                let mut buffer = vec![0; len];
                let mut file = fs::File::open(path)?;
                file.seek(io::SeekFrom::Start(start))?;
                file.read_exact(&mut buffer)?;
                Ok(buffer.into())
            }
        }
    }
}

pub(super) fn add_folder(
    blobs: &mut BTreeMap<String, Seed>,
    folder: &Path,
    prefix: String,
) -> io::Result<()> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("`{}`: {error}", folder.display()));
    for entry in fs::read_dir(folder).map_err(named)? {
        let entry = entry.map_err(named)?;
        let name = entry.file_name().into_string().map_err(|name| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{name:?} is not UTF-8"))
        })?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            add_folder(blobs, &path, format!("{prefix}{name}/"))?;
        } else if kind.is_file() {
            let metadata = entry.metadata()?;
            let content = Content::File { path, size: metadata.len() };
            let mut seed = Seed::with(format!("{prefix}{name}"), content);
            seed.last_modified = metadata.modified()?;
            // The same each time that the folder is served, until the file is written again.
            let since = seed.last_modified.duration_since(SystemTime::UNIX_EPOCH);
            let time = since.map_or(0, |since| since.as_nanos() as u64);
            seed.etag =
                format!("0x{:015X}", time.rotate_left(20).wrapping_add(metadata.len()) >> 4);
            blobs.insert(seed.name.clone(), seed);
        }
    }
    Ok(())
}
