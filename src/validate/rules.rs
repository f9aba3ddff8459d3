//! The rules that decide whether a blob is an asset, and what happens to it if not.

use std::borrow::Cow;

use super::{
    ByReason, Classification, Filter, Finding, Findings, Format, Kind, MAX_SIZE, Reason, Verdict,
    fixed_findings as fixed, format::Formats, suspicious_name,
};
use crate::{
    store::{AccessTier, Blob, ContentType, Unreadable},
    units::Bytes,
};

/// The kind, the media type, and the position of the format in the rules if the extension has one.
type Identity = (Kind, ContentType, Option<usize>);

/// Which blobs are assets
///
/// ```
/// use azure_asset_sync::{Format, Kind, Reason, Rules, store::Blob, validate::Action};
///
/// let rules = Rules::default()
///     .accept(Format::new("dcm", Kind::Image, "application/dicom"))
///     .max_size(Kind::Image, 1 << 30)
///     .on(Reason::TypeMismatch, Action::Note);
/// assert!(rules.check(Blob::new("scan.DCM", 5_000_000)).asset().is_some());
/// ```
#[derive(Clone, Debug)]
pub struct Rules {
    formats: Formats,
    max_image: u64,
    max_video: u64,
    actions: ByReason<Action>,
    /// None that leaves nothing out
    filter: Option<Box<Filter>>,
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

impl Action {
    /// The action as a stable code
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Note => "note",
            Self::Ignore => "ignore",
        }
    }
}

impl Default for Rules {
    /// The profile of a vision platform
    ///
    /// Everything is rejected but what the listing alone cannot prove wrong: odd and colliding names,
    /// and names of system files, are noted.
    fn default() -> Self {
        let mut rules = Self {
            formats: Formats::default(),
            max_image: 256 << 20,
            max_video: 512 << 30,
            actions: ByReason::all(Action::Reject),
            filter: None,
        };
        let noted =
            [Reason::SystemFile, Reason::OddName, Reason::CaseCollision, Reason::BaseNameCollision];
        for noted in noted {
            rules = rules.on(noted, Action::Note);
        }
        rules
    }
}

impl Rules {
    /// Accepts a format, in the place of the one with the same extension
    #[must_use]
    pub fn accept(mut self, format: Format) -> Self {
        self.formats.accept(format);
        self
    }

    /// Accepts an extension no longer
    #[must_use]
    pub fn refuse(mut self, extension: &str) -> Self {
        self.formats.refuse(extension);
        self
    }

    /// The formats that are accepted, by extension
    pub fn formats(&self) -> &[Format] {
        self.formats.all()
    }

    /// Rejects the blobs that `filter` excludes, with [`Reason::Filtered`]. Replaces an earlier filter.
    ///
    /// A preview and a sync with the same rules have the same filter.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = (!filter.is_empty()).then(|| Box::new(filter));
        self
    }

    /// Returns the filter, or `None` if there is no filter or the filter excludes nothing.
    pub fn active_filter(&self) -> Option<&Filter> {
        self.filter.as_deref()
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

    /// Sets the action for blobs for which `reason` applies.
    ///
    /// [`Reason::Malformed`] is always a rejection, since there is no blob to accept. A blob
    /// without a known extension is accepted only where its Content-Type or `mime_guess` says that
    /// it is an image or a video; else it stays rejected whatever the action.
    #[must_use]
    pub fn on(mut self, reason: Reason, action: Action) -> Self {
        self.actions[reason] = action;
        self
    }

    /// The largest sizes, in bytes
    pub(super) fn limits(&self) -> [u64; 2] {
        [self.max_image, self.max_video]
    }

    /// What follows from a reason
    pub fn action(&self, reason: Reason) -> Action {
        self.actions[reason]
    }

    /// Judges a blob by itself; the first reason to reject it, in the order of [`Reason::ALL`], wins
    ///
    /// Collisions need the other blobs, and are found by a scan.
    pub fn check(&self, blob: Blob) -> Verdict {
        self.classify(&blob).verdict(blob)
    }

    /// How many nanoseconds a byte of a blob's name takes at most, beyond what all rules take
    pub(crate) fn cost(&self) -> usize {
        self.filter.as_ref().map_or(0, |filter| filter.cost())
    }

    /// Applies all rules that need no other blob, and leaves the blob where it is.
    pub(crate) fn classify(&self, blob: &Blob) -> Classification {
        let mut findings = Findings::default();
        match self.apply(blob, &mut findings) {
            Ok((kind, media_type, format)) => {
                Classification::Accept { kind, media_type, findings, format }
            }
            Err(finding) => Classification::Reject(finding),
        }
    }

    /// Adds what the other blobs say to the classification on a blob
    #[inline]
    pub(crate) fn add_finding(
        &self,
        finding: &'static Finding,
        classification: &mut Classification,
    ) {
        if let Classification::Accept { findings, .. } = classification
            && let Err(finding) = self.found(Cow::Borrowed(finding), findings)
        {
            *classification = Classification::Reject(finding);
        }
    }

    /// What follows from a finding
    #[inline]
    fn found(
        &self,
        finding: Cow<'static, Finding>,
        findings: &mut Findings,
    ) -> Result<(), Finding> {
        match self.action(finding.reason) {
            Action::Reject => return Err(finding.into_owned()),
            Action::Note => findings.add(finding),
            Action::Ignore => {}
        }
        Ok(())
    }

    /// Applies the rules in the order of [`Reason::ALL`], up to the first that rejects.
    fn apply(&self, blob: &Blob, findings: &mut Findings) -> Result<Identity, Finding> {
        self.check_entry(blob, findings)?;
        let identity = self.identify(blob, findings)?;
        self.check_content(blob, identity.0, findings)?;
        Ok(identity)
    }

    /// Checks what the listing says about the entry, whatever its format.
    #[inline]
    fn check_entry(&self, blob: &Blob, findings: &mut Findings) -> Result<(), Finding> {
        if blob.size > MAX_SIZE {
            return Err(fixed::NO_SIZE.clone());
        }
        let mut found = |finding| self.found(finding, findings);
        if let Some(filter) = &self.filter
            && let Some(finding) = self.look_by(filter, blob)
        {
            found(finding)?;
        }
        if is_directory(blob) {
            found(Cow::Borrowed(&fixed::DIRECTORY))?;
        }
        if !blob.metadata.is_empty() && has_true_metadata(blob, "is_symlink") {
            found(Cow::Borrowed(&fixed::SYMLINK))?;
        }
        if blob.snapshot.is_some() {
            found(Cow::Borrowed(&fixed::SNAPSHOT))?;
        }
        if blob.version_id.is_some() && blob.is_current_version != Some(true) {
            found(Cow::Borrowed(&fixed::OLD_VERSION))?;
        }
        Ok(())
    }

    /// Determines the kind and the format by the extension and the stored Content-Type.
    #[inline]
    fn identify(&self, blob: &Blob, findings: &mut Findings) -> Result<Identity, Finding> {
        let mut found = |finding| self.found(finding, findings);
        let stored = blob.content_type.as_ref();
        let extension = extension(&blob.name);
        let place = extension.and_then(|extension| self.formats.place(extension));
        let format = place.and_then(|place| self.formats().get(place));
        if let Some(format) = format {
            // Most are stored as what they are, letter by letter.
            if let Some(stored) = stored
                && stored != format.media_type()
                && let Some(stored) = specific(stored.as_str())
                && !format.accepts(stored)
            {
                let detail = format!(
                    "the extension says {}, the stored Content-Type {}",
                    format.media_type(),
                    stored.escape_debug()
                );
                found(custom(Reason::TypeMismatch, detail))?;
            }
            Ok((format.kind(), format.media_type().clone(), place))
        } else {
            let guess = extension.and_then(|e| mime_guess::from_ext(e).first_raw());
            let finding = match (extension, guess) {
                (None, _) => Cow::Borrowed(&fixed::NO_EXTENSION),
                (Some(_), Some(guess)) => custom(
                    Reason::UnsupportedFormat,
                    format!("its extension stands for {guess}, which the rules do not accept"),
                ),
                (Some(_), None) => Cow::Borrowed(&fixed::UNKNOWN_FORMAT),
            };
            let says = |media_type| Some((kind(media_type)?, media_type));
            match stored.map(ContentType::as_str).and_then(specific).or(guess).and_then(says) {
                Some((kind, media_type)) => {
                    found(finding)?;
                    Ok((kind, media_type.into(), None))
                }
                None => Err(finding.into_owned()),
            }
        }
    }

    /// Checks the size, whether the blob can be read, and its name.
    #[inline]
    fn check_content(
        &self,
        blob: &Blob,
        kind: Kind,
        findings: &mut Findings,
    ) -> Result<(), Finding> {
        let mut found = |finding| self.found(finding, findings);
        if blob.size == 0 {
            found(Cow::Borrowed(&fixed::EMPTY))?;
        }
        let most = match kind {
            Kind::Image => self.max_image,
            Kind::Video => self.max_video,
        };
        if blob.size > most {
            let detail = format!("{kind} is {}; the limit is {}", Bytes(blob.size), Bytes(most));
            found(custom(Reason::TooLarge, detail))?;
        }
        if matches!(blob.access_tier, Some(AccessTier::Archive)) {
            let is_moving = blob.unreadable == Some(Unreadable::Rehydrating);
            found(Cow::Borrowed(if is_moving { &fixed::REHYDRATING } else { &fixed::ARCHIVED }))?;
        }
        let is_archived = matches!(blob.access_tier, Some(AccessTier::Archive));
        if let Some(why) = blob.unreadable
            && !(is_archived && why == Unreadable::Rehydrating)
            && let Some(finding) = unreadable(why, blob)
        {
            found(Cow::Borrowed(finding))?;
        }
        for finding in suspicious_name::of(&blob.name) {
            found(Cow::Borrowed(finding))?;
        }
        Ok(())
    }

    /// Why a filter leaves a blob out
    fn look_by(&self, filter: &Filter, blob: &Blob) -> Option<Cow<'static, Finding>> {
        let extension = extension(&blob.name);
        filter.look(blob, extension, || {
            let place = extension.and_then(|extension| self.formats.place(extension));
            if let Some(format) = place.and_then(|place| self.formats().get(place)) {
                return Some(format.kind());
            }
            let stored = blob.content_type.as_ref().map(ContentType::as_str);
            let guess = || extension.and_then(|e| mime_guess::from_ext(e).first_raw());
            stored.and_then(specific).or_else(guess).and_then(kind)
        })
    }
}

/// A finding in words of its own
fn custom(reason: Reason, detail: String) -> Cow<'static, Finding> {
    Cow::Owned(Finding { reason, detail: detail.into() })
}

/// Folders: of a hierarchical namespace, of its emulation by tools, and of people's habit
fn is_directory(blob: &Blob) -> bool {
    blob.is_directory
        || (blob.size == 0 && blob.name.ends_with('/'))
        || has_true_metadata(blob, "hdi_isfolder")
}

/// Whether a blob's metadata has this key with the value `true`
fn has_true_metadata(blob: &Blob, key: &str) -> bool {
    let is_true = |value: &str| value.eq_ignore_ascii_case("true");
    blob.metadata.iter().any(|(k, v)| k.eq_ignore_ascii_case(key) && is_true(v))
}

/// The finding on a blob that nobody can read
fn unreadable(why: Unreadable, blob: &Blob) -> Option<&'static Finding> {
    Some(match why {
        Unreadable::Deleted => &fixed::DELETED,
        Unreadable::NoCurrentVersion => &fixed::NO_CURRENT_VERSION,
        Unreadable::CustomerKey => &fixed::CUSTOMER_KEY,
        Unreadable::Rehydrating => &fixed::REHYDRATING,
        Unreadable::CopyIncomplete => &fixed::COPY_INCOMPLETE,
        Unreadable::IncrementalCopy if blob.snapshot.is_some() => return None,
        Unreadable::IncrementalCopy => &fixed::INCREMENTAL_COPY,
    })
}

/// The text behind the last dot of the last segment; a leading dot only hides a file
fn extension(name: &str) -> Option<&str> {
    let place = name.bytes().rposition(|b| matches!(b, b'.' | b'/'))?;
    let (stem, extension) = name.split_at_checked(place)?;
    let extension = extension.strip_prefix('.')?;
    (!stem.is_empty() && !stem.ends_with('/') && !extension.is_empty()).then_some(extension)
}

/// What tools and browsers store if they do not know the type, or take the type of a form for it
const UNSPECIFIC: &[&str] = &[
    "",
    "application/octet-stream",
    "binary/octet-stream",
    "*/*",
    "application/binary",
    "application/download",
    "application/force-download",
    "application/octetstream",
    "application/unknown",
    "application/x-binary",
    "application/x-download",
    "application/x-octet-stream",
    "application/x-unknown",
    "application/x-unknown-content-type",
    "application/x-www-form-urlencoded",
    "binary",
    "content/unknown",
    "false",
    "multipart/form-data",
    "none",
    "null",
    "octet/stream",
    "undefined",
    "unknown",
    "unknown/unknown",
];

/// A media type without its parameters, where it says something
///
/// What tools store when they do not know contradicts nothing.
fn specific(content_type: &str) -> Option<&str> {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    (!UNSPECIFIC.iter().any(|known| essence.eq_ignore_ascii_case(known))).then_some(essence)
}

fn kind(media_type: &str) -> Option<Kind> {
    let top = media_type.split('/').next().unwrap_or_default();
    match () {
        () if top.eq_ignore_ascii_case("image") => Some(Kind::Image),
        () if top.eq_ignore_ascii_case("video") => Some(Kind::Video),
        () => None,
    }
}
