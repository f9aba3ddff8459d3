//! The blobs that a test puts into a small cloud.
//!
//! A seed is a value. Only the content of files is read later, when a client reads the blob.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read as _, Seek as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;

use super::values::ticks;

/// A blob that a small cloud is seeded with.
///
/// The ETag is random and the last write was on 2026-01-01, except for files of a
/// [folder](super::SmallCloudBuilder::folder): their ETag and date are those of the file.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use azure_asset_sync::{Store, store::ListRequest, testing::{Seed, SmallCloud}};
///
/// let cloud = SmallCloud::builder()
///     .blob(Seed::new("a.jpg", b"\xff\xd8\xff".as_slice()).metadata("camera", "hall 3"))
///     .blob(Seed::zeros("large.tiff", 300 << 20).archived())
///     .start()
///     .await?;
/// let store = cloud.store(&cloud.connection().build()?)?;
/// let page = store.list(ListRequest::new("")).await?;
/// assert_eq!(page.blobs[0].content_type.as_ref().unwrap().as_str(), "image/jpeg");
/// assert_eq!(page.blobs[1].size, 300 << 20);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Seed {
    name: String,
    content: Content,
    pub(super) content_type: Option<String>,
    pub(super) tier: &'static str,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) last_modified: SystemTime,
    /// Stored properties by element name, which is also the name of the header.
    pub(super) properties: BTreeMap<&'static str, String>,
    /// The number of index tags.
    pub(super) tags: u16,
    /// Additional elements of listings.
    pub(super) listed: Vec<(String, String)>,
    etag: String,
    is_directory: bool,
}

/// Where the content of a blob comes from.
#[derive(Clone, Debug)]
enum Content {
    Bytes(Bytes),
    /// A file that is opened for each read, so that a folder can be larger than memory.
    File {
        path: PathBuf,
        size: u64,
    },
    /// Zero bytes of this length, which may be more than memory holds.
    Zeros(u64),
}

impl Seed {
    /// Creates a blob with this content, and with the `Content-Type` of its extension.
    pub fn new(name: impl Into<String>, content: impl Into<Bytes>) -> Self {
        Self::with(name.into(), Content::Bytes(content.into()))
    }

    /// Creates a blob of this many zero bytes, which take no memory.
    pub fn zeros(name: impl Into<String>, size: u64) -> Self {
        Self::with(name.into(), Content::Zeros(size))
    }

    fn with(name: String, content: Content) -> Self {
        Self {
            // By the extension, as the portal and most upload tools set it.
            content_type: mime_guess::from_path(&name).first_raw().map(str::to_owned),
            name,
            content,
            tier: "Hot",
            metadata: BTreeMap::new(),
            // A whole second, because dates in listings have no fraction.
            last_modified: SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600),
            properties: BTreeMap::new(),
            tags: 0,
            listed: Vec::new(),
            // Random, so that a client that expects the ETag of an earlier run fails.
            etag: format!("0x{:015X}", fastrand::u64(..) >> 4),
            is_directory: false,
        }
    }

    /// Creates an empty directory, for an account with a hierarchical namespace.
    ///
    /// The directories above a blob exist without this.
    pub fn directory(name: impl Into<String>) -> Self {
        let mut seed = Self::new(name, "").content_type("").metadata("hdi_isfolder", "true");
        seed.is_directory = true;
        seed
    }

    /// Creates a directory above this blob.
    pub(super) fn parent_directory(&self, name: &str) -> Self {
        let mut seed = Self::directory(name);
        seed.last_modified = self.last_modified;
        seed
    }

    /// Sets the `Content-Type`; an empty text removes it.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into()).filter(|text| !text.is_empty());
        self
    }

    /// Moves the blob to the archive tier, in which reads fail with 409 `BlobArchived`.
    #[must_use]
    pub fn archived(mut self) -> Self {
        self.tier = "Archive";
        self
    }

    /// Sets the `Content-MD5`, even if it is not the digest of the content.
    #[must_use]
    pub fn content_md5(self, md5: [u8; 16]) -> Self {
        self.property("Content-MD5", STANDARD.encode(md5))
    }

    /// Sets the `Content-Encoding`.
    #[must_use]
    pub fn content_encoding(self, encoding: impl Into<String>) -> Self {
        self.property("Content-Encoding", encoding.into())
    }

    /// Sets the `Content-Language`.
    #[must_use]
    pub fn content_language(self, language: impl Into<String>) -> Self {
        self.property("Content-Language", language.into())
    }

    /// Sets the `Content-Disposition`.
    #[must_use]
    pub fn content_disposition(self, disposition: impl Into<String>) -> Self {
        self.property("Content-Disposition", disposition.into())
    }

    /// Sets the `Cache-Control`.
    #[must_use]
    pub fn cache_control(self, control: impl Into<String>) -> Self {
        self.property("Cache-Control", control.into())
    }

    fn property(mut self, element: &'static str, value: String) -> Self {
        self.properties.insert(element, value);
        self
    }

    /// Sets the number of index tags, which listings and reads show.
    #[must_use]
    pub fn tags(mut self, count: u16) -> Self {
        self.tags = count;
        self
    }

    /// Adds an element that only listings show.
    ///
    /// `Deleted` and `HasVersionsOnly` come before the properties, as in the real service. All
    /// other elements are properties, for example `ArchiveStatus` or `CustomerProvidedKeySha256`.
    #[must_use]
    pub fn listed(mut self, element: impl Into<String>, text: impl Into<String>) -> Self {
        self.listed.push((element.into(), text.into()));
        self
    }

    /// Adds user metadata.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the size of the content, in bytes.
    pub(super) fn size(&self) -> u64 {
        match &self.content {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::File { size, .. } | Content::Zeros(size) => *size,
        }
    }

    /// Returns the ETag without quotes, as listings show it.
    pub(super) fn etag(&self) -> &str {
        &self.etag
    }

    /// Returns whether this is a directory of a hierarchical namespace.
    pub(super) fn is_directory(&self) -> bool {
        self.is_directory
    }

    /// Returns the `ResourceType` in a hierarchical namespace.
    pub(super) fn resource_type(&self) -> &'static str {
        if self.is_directory { "directory" } else { "file" }
    }

    /// Returns whether the access tier is the default of the account.
    pub(super) fn is_tier_inferred(&self) -> bool {
        self.tier != "Archive"
    }

    /// Returns the version ID: the time of the last write, to 100 ns.
    pub(super) fn version_id(&self) -> String {
        // Two writes in a test have the same date. The fraction comes from the ETag, so that their
        // versions differ.
        let digits = self.etag.get(2..).and_then(|hex| u64::from_str_radix(hex, 16).ok());
        let fraction = Duration::from_nanos(digits.unwrap_or_default() % 10_000_000 * 100);
        ticks(self.last_modified + fraction)
    }

    /// Reads a range of the content, which must be within the content.
    ///
    /// # Errors
    /// Fails if a file cannot be read, or if the range does not fit into memory.
    pub(super) fn read(&self, start: u64, end: u64) -> io::Result<Bytes> {
        let to_usize =
            |n| usize::try_from(n).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory));
        let (start_at, len) = (to_usize(start)?, to_usize(end - start)?);
        match &self.content {
            Content::Bytes(bytes) => Ok(bytes.slice(start_at..start_at + len)),
            // Allocates only the range that is read.
            Content::Zeros(_) => Ok(Bytes::from(vec![0; len])),
            Content::File { path, .. } => {
                let mut buffer = vec![0; len];
                // Opened for each read: a file that was replaced is read as it is now.
                let mut file = fs::File::open(path)?;
                file.seek(io::SeekFrom::Start(start))?;
                file.read_exact(&mut buffer)?;
                Ok(buffer.into())
            }
        }
    }
}

/// Adds each file below a folder as a blob; symbolic links are skipped.
///
/// # Errors
/// Fails if the folder cannot be read, or if a file name is not UTF-8.
pub(super) fn add_folder(blobs: &mut Vec<Seed>, folder: &Path, prefix: String) -> io::Result<()> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("`{}`: {error}", folder.display()));
    for entry in fs::read_dir(folder).map_err(named)? {
        let entry = entry.map_err(named)?;
        let name = entry.file_name().into_string().map_err(|name| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{name:?} is not UTF-8"))
        })?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        // `file_type` does not follow links, so a link is neither a folder nor a file here.
        if kind.is_dir() {
            add_folder(blobs, &path, format!("{prefix}{name}/"))?;
        } else if kind.is_file() {
            let metadata = entry.metadata()?;
            let content = Content::File { path, size: metadata.len() };
            let mut seed = Seed::with(format!("{prefix}{name}"), content);
            seed.last_modified = metadata.modified()?;
            // Derived from the file, so that the ETag stays the same until the file is written
            // again.
            let since = seed.last_modified.duration_since(SystemTime::UNIX_EPOCH);
            let time = since.map_or(0, |since| since.as_nanos() as u64);
            seed.etag =
                format!("0x{:015X}", time.rotate_left(20).wrapping_add(metadata.len()) >> 4);
            blobs.push(seed);
        }
    }
    Ok(())
}
