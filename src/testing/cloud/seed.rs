//! The blobs that a test puts into a small cloud.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read as _, Seek as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;

use super::state::ticks;

/// A blob of a small cloud
#[derive(Clone, Debug)]
pub struct Seed {
    name: String,
    content: Content,
    pub(super) content_type: Option<String>,
    pub(super) tier: &'static str,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) last_modified: SystemTime,
    /// Stored properties by the element that lists them, which is their header too
    pub(super) properties: BTreeMap<&'static str, String>,
    /// How many index tags it has
    pub(super) tags: u16,
    /// Elements that a listing has beside the usual ones
    pub(super) listed: Vec<(String, String)>,
    etag: String,
    is_directory: bool,
}

#[derive(Clone, Debug)]
enum Content {
    Bytes(Bytes),
    File {
        path: PathBuf,
        size: u64,
    },
    /// Zeros, which can be more than memory holds
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
            // A whole second, because a listing has no fraction.
            last_modified: SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600),
            properties: BTreeMap::new(),
            tags: 0,
            listed: Vec::new(),
            etag: format!("0x{:015X}", fastrand::u64(..) >> 4),
            is_directory: false,
        }
    }

    /// An empty directory, for an account with a hierarchical namespace
    ///
    /// The directories above a blob are there without it.
    pub fn directory(name: impl Into<String>) -> Self {
        let mut seed = Self::new(name, "").content_type("").metadata("hdi_isfolder", "true");
        seed.is_directory = true;
        seed
    }

    /// A directory that this blob is in
    pub(super) fn parent_directory(&self, name: &str) -> Self {
        let mut seed = Self::directory(name);
        seed.last_modified = self.last_modified;
        seed
    }

    /// Stores this Content-Type; an empty text stands for a blob without one
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

    /// Stores this MD5 as the digest of the content, whether it is or not
    #[must_use]
    pub fn content_md5(self, md5: [u8; 16]) -> Self {
        self.property("Content-MD5", STANDARD.encode(md5))
    }

    /// Stores this Content-Encoding
    #[must_use]
    pub fn content_encoding(self, encoding: impl Into<String>) -> Self {
        self.property("Content-Encoding", encoding.into())
    }

    /// Stores this Content-Language
    #[must_use]
    pub fn content_language(self, language: impl Into<String>) -> Self {
        self.property("Content-Language", language.into())
    }

    /// Stores this Content-Disposition
    #[must_use]
    pub fn content_disposition(self, disposition: impl Into<String>) -> Self {
        self.property("Content-Disposition", disposition.into())
    }

    /// Stores this Cache-Control
    #[must_use]
    pub fn cache_control(self, control: impl Into<String>) -> Self {
        self.property("Cache-Control", control.into())
    }

    fn property(mut self, element: &'static str, value: String) -> Self {
        self.properties.insert(element, value);
        self
    }

    /// Sets the number of its index tags, which listings and reads have
    #[must_use]
    pub fn tags(mut self, count: u16) -> Self {
        self.tags = count;
        self
    }

    /// Adds an element that listings have, and reads do not
    ///
    /// `Deleted` and `HasVersionsOnly` stand beside the name, where the service writes them; all
    /// others are properties, such as `ArchiveStatus` or `CustomerProvidedKeySha256`.
    #[must_use]
    pub fn listed(mut self, element: impl Into<String>, text: impl Into<String>) -> Self {
        self.listed.push((element.into(), text.into()));
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

    pub(super) fn is_directory(&self) -> bool {
        self.is_directory
    }

    /// What a hierarchical namespace calls it
    pub(super) fn resource_type(&self) -> &'static str {
        if self.is_directory { "directory" } else { "file" }
    }

    /// Whether its tier is that of the account, and not its own
    pub(super) fn is_tier_inferred(&self) -> bool {
        self.tier != "Archive"
    }

    /// The version of an account that keeps versions: the time of the last write, to 100 ns
    pub(super) fn version_id(&self) -> String {
        // The fraction of the second tells two writes of a test apart, as the ETag does.
        let digits = self.etag.get(2..).and_then(|hex| u64::from_str_radix(hex, 16).ok());
        let fraction = Duration::from_nanos(digits.unwrap_or_default() % 10_000_000 * 100);
        ticks(self.last_modified + fraction)
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

pub(super) fn add_folder(blobs: &mut Vec<Seed>, folder: &Path, prefix: String) -> io::Result<()> {
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
            blobs.push(seed);
        }
    }
    Ok(())
}
