use super::{Asset, ByReason, Finding, Format, Kind, Reason, Rejection, Verdict, format};
use crate::store::{AccessTier, Blob, ContentType};

/// Which blobs are assets
///
/// ```
/// use azure_asset_sync::{Format, Kind, Reason, Rules, store::Blob, validate::Action};
///
/// let rules = Rules::default()
///     .accept(Format::new("dcm", Kind::Image, "application/dicom"))
///     .max_size(Kind::Image, 1 << 30)
///     .set(Reason::TypeMismatch, Action::Note);
/// assert!(rules.check(Blob::new("scan.DCM", 5_000_000)).asset().is_some());
/// ```
#[derive(Clone, Debug)]
pub struct Rules {
    /// Sorted by extension
    formats: Vec<Format>,
    max_image: u64,
    max_video: u64,
    actions: ByReason<Action>,
}

/// What follows where a rule finds something
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// The blob is rejected
    Reject,
    /// The blob stays an asset, with a finding
    Note,
    /// Nothing
    Ignore,
}

impl Default for Rules {
    /// The profile of a vision platform
    ///
    /// Everything is rejected but what the file alone cannot prove wrong: odd names and colliding
    /// names are noted.
    fn default() -> Self {
        let mut rules = Self {
            formats: format::defaults(),
            max_image: 256 << 20,
            max_video: 512 << 30,
            actions: ByReason::all(Action::Reject),
        };
        for noted in [Reason::OddName, Reason::CaseCollision, Reason::BaseNameCollision] {
            rules = rules.set(noted, Action::Note);
        }
        rules
    }
}

impl Rules {
    /// Accepts a format, in the place of the one with the same extension
    #[must_use]
    pub fn accept(mut self, format: Format) -> Self {
        self = self.refuse(format.extension());
        let at = self.find(format.extension()).unwrap_or_else(|place| place);
        self.formats.insert(at, format);
        self
    }

    /// Accepts an extension no longer
    #[must_use]
    pub fn refuse(mut self, extension: &str) -> Self {
        self.formats.retain(|format| !format.extension().eq_ignore_ascii_case(extension));
        self
    }

    /// The formats that are accepted, by extension
    pub fn formats(&self) -> &[Format] {
        &self.formats
    }

    /// The largest size of a kind, in bytes; 256 MiB an image and 512 GiB a video by default
    #[must_use]
    pub fn max_size(mut self, kind: Kind, bytes: u64) -> Self {
        match kind {
            Kind::Image => self.max_image = bytes,
            Kind::Video => self.max_video = bytes,
        }
        self
    }

    /// What follows from a reason
    ///
    /// [`Reason::Malformed`] is always a rejection, since there is no blob to accept. A blob
    /// without a known extension is accepted only where its Content-Type or `mime_guess` says that
    /// it is an image or a video; else it stays rejected whatever the action.
    #[must_use]
    pub fn set(mut self, reason: Reason, action: Action) -> Self {
        self.actions[reason] = action;
        self
    }

    /// What follows from a reason
    pub fn action(&self, reason: Reason) -> Action {
        self.actions[reason]
    }

    /// Judges a blob by itself; the first reason to reject it, in the order of [`Reason::ALL`], wins
    ///
    /// Collisions need the other blobs, and are found by a scan.
    pub fn check(&self, blob: Blob) -> Verdict {
        let mut findings = Vec::new();
        match self.judge(&blob, &mut findings) {
            Ok((kind, media_type)) => Verdict::Accept(Asset { blob, kind, media_type, findings }),
            Err(finding) => Verdict::Reject(Rejection::of(blob, finding)),
        }
    }

    fn judge(
        &self,
        blob: &Blob,
        findings: &mut Vec<Finding>,
    ) -> Result<(Kind, ContentType), Finding> {
        let mut found = |finding: Finding| match self.action(finding.reason) {
            Action::Reject => Err(finding),
            Action::Note => {
                findings.push(finding);
                Ok(())
            }
            Action::Ignore => Ok(()),
        };
        if is_directory(blob) {
            found(Finding::new(Reason::Directory, "it stands for a folder"))?;
        }
        if blob.snapshot.is_some() {
            found(Finding::new(Reason::Snapshot, "it is a snapshot of a blob"))?;
        }
        if blob.version_id.is_some() && blob.is_current_version != Some(true) {
            found(Finding::new(Reason::OldVersion, "it is an earlier version of a blob"))?;
        }

        let stored = blob.content_type.as_ref().map(|t| essence(t.as_str()));
        let stored = stored.filter(|t| !is_unspecific(t));
        let extension = extension(&blob.name);
        let format = extension.and_then(|e| self.find(e).ok()).and_then(|at| self.formats.get(at));
        let (kind, media_type) = if let Some(format) = format {
            if let Some(stored) = stored
                && !format.accepts(stored)
            {
                found(Finding::new(
                    Reason::TypeMismatch,
                    format!(
                        "the extension says {}, the stored Content-Type {}",
                        format.media_type(),
                        stored.escape_debug()
                    ),
                ))?;
            }
            (format.kind(), format.media_type().clone())
        } else {
            let guess = extension.and_then(|e| mime_guess::from_ext(e).first_raw());
            let finding = match (extension, guess) {
                (None, _) => Finding::new(Reason::NoExtension, "its name has no extension"),
                (Some(_), Some(guess)) => Finding::new(
                    Reason::UnsupportedFormat,
                    format!("its extension stands for {guess}, which the rules do not accept"),
                ),
                (Some(_), None) => Finding::new(
                    Reason::UnsupportedFormat,
                    "its extension stands for no known format",
                ),
            };
            let known =
                stored.or(guess).and_then(|media_type| Some((kind(media_type)?, media_type)));
            match known {
                Some((kind, media_type)) => {
                    found(finding)?;
                    (kind, media_type.into())
                }
                None => return Err(finding),
            }
        };

        if blob.size == 0 {
            found(Finding::new(Reason::Empty, "it has zero bytes"))?;
        }
        let most = match kind {
            Kind::Image => self.max_image,
            Kind::Video => self.max_video,
        };
        if blob.size > most {
            found(Finding::new(
                Reason::TooLarge,
                format!("it has {} bytes, and the rules allow {most} for a {kind}", blob.size),
            ))?;
        }
        if blob.access_tier == Some(AccessTier::Archive) {
            found(Finding::new(Reason::Archived, "it must be rehydrated before it can be read"))?;
        }
        if let Some(detail) = oddity(&blob.name) {
            found(Finding::new(Reason::OddName, detail))?;
        }
        Ok((kind, media_type))
    }

    /// The place of an extension in any letter case
    fn find(&self, extension: &str) -> Result<usize, usize> {
        self.formats.binary_search_by(|format| {
            format.extension().bytes().cmp(extension.bytes().map(|b| b.to_ascii_lowercase()))
        })
    }
}

/// Folders: of a hierarchical namespace, of its emulation by tools, and of people's habit
fn is_directory(blob: &Blob) -> bool {
    blob.is_directory
        || (blob.size == 0 && blob.name.ends_with('/'))
        || blob
            .metadata
            .iter()
            .any(|(k, v)| k.eq_ignore_ascii_case("hdi_isfolder") && v.eq_ignore_ascii_case("true"))
}

/// The text behind the last dot of the last segment; a leading dot only hides a file
fn extension(name: &str) -> Option<&str> {
    let base = name.rsplit('/').next()?;
    let (stem, extension) = base.rsplit_once('.')?;
    (!stem.is_empty() && !extension.is_empty()).then_some(extension)
}

/// A media type without its parameters
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// What tools store when they do not know: it says nothing, so it contradicts nothing
fn is_unspecific(media_type: &str) -> bool {
    ["", "application/octet-stream", "binary/octet-stream"]
        .iter()
        .any(|unspecific| media_type.eq_ignore_ascii_case(unspecific))
}

fn kind(media_type: &str) -> Option<Kind> {
    let top = media_type.split('/').next().unwrap_or_default();
    match () {
        () if top.eq_ignore_ascii_case("image") => Some(Kind::Image),
        () if top.eq_ignore_ascii_case("video") => Some(Kind::Video),
        () => None,
    }
}

/// What about a name breaks file systems, URLs or terminals further down
///
/// Source: Microsoft Learn, "Naming and referencing containers, blobs, and metadata".
fn oddity(name: &str) -> Option<&'static str> {
    if name.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')) {
        return Some("its name has control characters");
    }
    if name.contains('\\') {
        return Some("its name has a backslash, which some tools turn into a slash");
    }
    let mut segments = 0;
    for segment in name.split('/') {
        segments += 1;
        match segment {
            "." | ".." => return Some("its name has a segment `.` or `..`, so no URL leads to it"),
            "" => return Some("its name has an empty segment"),
            _ if segment.ends_with('.') => return Some("a segment of its name ends with a dot"),
            _ => {}
        }
    }
    (segments > 254).then_some("its name has more than 254 segments")
}
