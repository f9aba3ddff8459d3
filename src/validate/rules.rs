//! The rules that decide whether a blob is an asset, and the action for each reason.
//!
//! Rules look at one blob at a time. Findings that need other blobs come from `collisions`, through
//! [`Rules::add_finding`].
//!
//! This is on the hot path of every scan: a usual blob passes all checks without an allocation.

use std::borrow::Cow;

use super::{
    ByReason, Classification, Filter, Finding, Findings, Format, Kind, MAX_SIZE, Reason, Verdict,
    fixed_findings as fixed, format::Formats, suspicious_name,
};
use crate::{
    coded::coded_enum,
    store::{AccessTier, Blob, ContentType, Unreadable},
    units::Bytes,
};

/// The kind, the media type, and the position of the format in the rules if the extension has one.
type Identity = (Kind, ContentType, Option<usize>);

/// The rules that decide which blobs are assets.
///
/// The defaults fit a vision platform. Every method returns changed rules.
///
/// ```
/// use azure_asset_sync::{Format, Kind, Reason, Rules, store::Blob, validate::Action};
///
/// let rules = Rules::default()
///     .accept(Format::new("dcm", Kind::Image, "application/dicom"))
///     .max_size(Kind::Image, 1 << 30)
///     .on(Reason::TypeMismatch, Action::Note);
/// assert!(rules.check(Blob::new("scan.DCM", 5_000_000)).asset().is_some());
/// let verdict = rules.check(Blob::new("IMG_0001.heic", 0));
/// assert_eq!(verdict.rejection().map(|it| it.reason), Some(Reason::Empty));
/// ```
///
/// In JSON, rules are what differs from the defaults, under the names of the methods. Unknown fields,
/// reasons and actions are refused, and all problems are reported at once:
///
/// ```
/// use azure_asset_sync::{Kind, Reason, Rules, validate::Action};
///
/// let json = r#"{
///     "accept": [{"extension": "dcm", "kind": "image", "media_type": "application/dicom"}],
///     "refuse": ["gif"],
///     "max_size": {"image": 1073741824},
///     "on": {"type_mismatch": "note"},
///     "filter": {"include": ["hall-3/**"]}
/// }"#;
/// let rules: Rules = serde_json::from_str(json)?;
/// assert_eq!(rules.action(Reason::TypeMismatch), Action::Note);
/// assert_eq!(serde_json::from_str::<Rules>(&serde_json::to_string(&rules)?)?, rules);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    formats: Formats,
    max_image: u64,
    max_video: u64,
    actions: ByReason<Action>,
    /// The filter; never one that excludes nothing.
    filter: Option<Box<Filter>>,
}

coded_enum! {
    /// The action for blobs for which a reason applies.
    ///
    /// A preview with [`Action::Note`] shows how many blobs a rule concerns before it rejects any.
    pub closed enum Action by as_str {
        /// Reject the blob.
        Reject = "reject",
        /// Accept the blob and add a finding to the asset.
        Note = "note",
        /// Do nothing.
        Ignore = "ignore",
    }
}

impl Default for Rules {
    /// Returns the profile of a vision platform.
    ///
    /// Suspicious names, colliding names and names of system files are noted, because the listing alone
    /// does not prove that these blobs are wrong. All other reasons reject.
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
    /// Accepts a format; replaces the format with the same extension.
    ///
    /// ```
    /// use azure_asset_sync::{Format, Kind, Rules};
    ///
    /// let rules = Rules::default().accept(Format::new("dng", Kind::Image, "image/x-adobe-dng"));
    /// assert!(rules.formats().iter().any(|format| format.extension() == "dng"));
    /// ```
    #[must_use]
    pub fn accept(mut self, format: Format) -> Self {
        self.formats.accept(format);
        self
    }

    /// Stops accepting an extension, given in any letter case.
    ///
    /// Blobs with this extension are then rejected with [`Reason::UnsupportedFormat`].
    #[must_use]
    pub fn refuse(mut self, extension: &str) -> Self {
        self.formats.refuse(extension);
        self
    }

    /// Returns the accepted formats, sorted by extension.
    ///
    /// The position of a format in this slice is the one by which reports count.
    pub fn formats(&self) -> &[Format] {
        self.formats.all()
    }

    /// Rejects the blobs that `filter` excludes, with [`Reason::Filtered`]. Replaces an earlier filter.
    ///
    /// A preview and a sync with the same rules have the same filter.
    ///
    /// ```
    /// use azure_asset_sync::{Reason, Rules, store::Blob, validate::Filter};
    ///
    /// let rules = Rules::default().filter(Filter::builder().exclude("**/thumbs/**").build()?);
    /// let verdict = rules.check(Blob::new("a/thumbs/1.jpg", 900));
    /// assert_eq!(verdict.rejection().map(|it| it.reason), Some(Reason::Filtered));
    /// # Ok::<(), azure_asset_sync::Error>(())
    /// ```
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        // A filter that excludes nothing is dropped, so that scans do not call it for every blob.
        self.filter = (!filter.is_empty()).then(|| Box::new(filter));
        self
    }

    /// Returns the filter, or `None` if there is no filter or the filter excludes nothing.
    pub fn active_filter(&self) -> Option<&Filter> {
        self.filter.as_deref()
    }

    /// Sets the largest accepted size of a kind, in bytes. The defaults are 256 MiB for images and 512 GiB
    /// for videos.
    #[doc(alias = "maximum size")]
    #[must_use]
    pub fn max_size(mut self, kind: Kind, bytes: u64) -> Self {
        match kind {
            Kind::Image => self.max_image = bytes,
            Kind::Video => self.max_video = bytes,
            // Nothing is known of such blobs, so there is nothing to limit.
            Kind::Other => {}
        }
        self
    }

    /// Sets the action for blobs for which `reason` applies.
    ///
    /// [`Reason::Malformed`] always rejects, because there is no blob to accept. A blob without a known
    /// extension can only be accepted if its Content-Type or `mime_guess` says that it is an image or a
    /// video. Otherwise it is rejected whatever the action.
    ///
    /// ```
    /// use azure_asset_sync::{Reason, Rules, store::Blob, validate::Action};
    ///
    /// let rules = Rules::default().on(Reason::SystemFile, Action::Reject);
    /// assert!(rules.check(Blob::new("._IMG_1.JPG", 4096)).rejection().is_some());
    /// let rules = rules.on(Reason::SystemFile, Action::Ignore);
    /// let verdict = rules.check(Blob::new("._IMG_1.JPG", 4096));
    /// assert!(verdict.asset().is_some_and(|asset| asset.findings.is_empty()));
    /// ```
    #[must_use]
    pub fn on(mut self, reason: Reason, action: Action) -> Self {
        self.actions[reason] = action;
        self
    }

    /// Returns the largest sizes of images and videos, in bytes.
    pub(super) fn limits(&self) -> [u64; 2] {
        [self.max_image, self.max_video]
    }

    /// Returns the action for a reason.
    pub fn action(&self, reason: Reason) -> Action {
        self.actions[reason]
    }

    /// Decides about one blob. The first reason that rejects, in the order of [`Reason::ALL`], wins.
    ///
    /// ```
    /// use azure_asset_sync::{Rules, store::Blob};
    ///
    /// let verdict = Rules::default().check(Blob::new("Hall 3/IMG_0001 .JPG", 2_000_000));
    /// let asset = verdict.asset().ok_or("rejected")?;
    /// assert_eq!(asset.blob.size, 2_000_000);
    /// # Ok::<(), &str>(())
    /// ```
    ///
    /// Collisions of names are found by a scan, because they depend on the other blobs.
    pub fn check(&self, blob: Blob) -> Verdict {
        self.classify(&blob).verdict(blob)
    }

    /// Returns the most nanoseconds that the filter takes for each byte of a blob's name.
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

    /// Applies a finding that other blobs caused, for example a collision of names.
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

    /// Performs the action for a finding: fails with it, notes it or ignores it.
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
    // `check_entry`, `identify` and `check_content` follow the order of `Reason::ALL`, which is public.
    fn apply(&self, blob: &Blob, findings: &mut Findings) -> Result<Identity, Finding> {
        self.check_entry(blob, findings)?;
        let identity = self.identify(blob, findings)?;
        self.check_content(blob, identity.0, findings)?;
        Ok(identity)
    }

    /// Checks what the listing says about the entry, whatever its format.
    #[inline]
    fn check_entry(&self, blob: &Blob, findings: &mut Findings) -> Result<(), Finding> {
        // A malformed size is not a rule: no action can accept it.
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
        // Most blobs have no metadata, so the search for a key is skipped for them.
        if !blob.metadata.is_empty() && has_true_metadata(blob, "is_symlink") {
            found(Cow::Borrowed(&fixed::SYMLINK))?;
        }
        if blob.snapshot.is_some() {
            found(Cow::Borrowed(&fixed::SNAPSHOT))?;
        }
        // A listing with versions marks the current one. A version without the mark is an earlier one.
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
            // Most blobs are stored with exactly the format's media type, so that comparison comes first.
            if let Some(stored) = stored
                && stored != format.media_type()
                && let Some(stored) = specific(stored.as_str())
                && !format.accepts(stored)
            {
                let detail = format!(
                    "the extension means {}, but the stored Content-Type is {}",
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
                    format!("its extension means {guess}, which the rules do not accept"),
                ),
                (Some(_), None) => Cow::Borrowed(&fixed::UNKNOWN_FORMAT),
            };
            let says = |media_type| Some((kind(media_type)?, media_type));
            // Without a format, the stored type counts more than a guess from the extension.
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
        // The limits of the two kinds differ by a factor of two thousand.
        let most = match kind {
            Kind::Image => self.max_image,
            Kind::Video => self.max_video,
            Kind::Other => MAX_SIZE,
        };
        if blob.size > most {
            let detail = format!("{kind} is {}; the limit is {}", Bytes(blob.size), Bytes(most));
            found(custom(Reason::TooLarge, detail))?;
        }
        if matches!(blob.access_tier, Some(AccessTier::Archive)) {
            let is_moving = blob.unreadable == Some(Unreadable::Rehydrating);
            found(Cow::Borrowed(if is_moving { &fixed::REHYDRATING } else { &fixed::ARCHIVED }))?;
        }
        // A blob that is being rehydrated is still in the archive tier, so it gets one finding, not two.
        let is_archived = matches!(blob.access_tier, Some(AccessTier::Archive));
        if let Some(why) = blob.unreadable
            && !(is_archived && why == Unreadable::Rehydrating)
            && let Some(finding) = unreadable(why, blob)
        {
            found(Cow::Borrowed(finding))?;
        }
        // Names of files that were never finished or are hidden are noted last, after everything that rejects.
        for finding in suspicious_name::of(&blob.name) {
            found(Cow::Borrowed(finding))?;
        }
        Ok(())
    }

    /// Returns why the filter excludes a blob, or `None` if it does not.
    fn look_by(&self, filter: &Filter, blob: &Blob) -> Option<Cow<'static, Finding>> {
        let extension = extension(&blob.name);
        // The kind is only determined if the filter selects kinds, because guessing takes time.
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

/// Makes a finding with a text that depends on the blob.
fn custom(reason: Reason, detail: String) -> Cow<'static, Finding> {
    Cow::Owned(Finding { reason, detail: detail.into() })
}

/// Returns whether a blob represents a folder: in a hierarchical namespace, in the emulation of one by
/// tools (`hdi_isfolder`), or as an empty blob with a trailing slash.
fn is_directory(blob: &Blob) -> bool {
    blob.is_directory
        || (blob.size == 0 && blob.name.ends_with('/'))
        || has_true_metadata(blob, "hdi_isfolder")
}

/// Returns whether a blob's metadata has a key with the value `true`, both in any letter case.
fn has_true_metadata(blob: &Blob, key: &str) -> bool {
    let is_true = |value: &str| value.eq_ignore_ascii_case("true");
    blob.metadata.iter().any(|(k, v)| k.eq_ignore_ascii_case(key) && is_true(v))
}

/// Returns the finding for a blob that cannot be read.
fn unreadable(why: Unreadable, blob: &Blob) -> Option<&'static Finding> {
    Some(match why {
        Unreadable::Deleted => &fixed::DELETED,
        Unreadable::NoCurrentVersion => &fixed::NO_CURRENT_VERSION,
        Unreadable::CustomerKey => &fixed::CUSTOMER_KEY,
        Unreadable::Rehydrating => &fixed::REHYDRATING,
        Unreadable::CopyIncomplete => &fixed::COPY_INCOMPLETE,
        // Snapshots of an incremental copy can be read, only its base cannot.
        Unreadable::IncrementalCopy if blob.snapshot.is_some() => return None,
        Unreadable::IncrementalCopy => &fixed::INCREMENTAL_COPY,
        Unreadable::Other => &fixed::UNREADABLE,
    })
}

/// Returns the text after the last dot of the last segment. A leading dot hides a file and begins no
/// extension.
fn extension(name: &str) -> Option<&str> {
    let place = name.bytes().rposition(|b| matches!(b, b'.' | b'/'))?;
    let (stem, extension) = name.split_at_checked(place)?;
    let extension = extension.strip_prefix('.')?;
    (!stem.is_empty() && !stem.ends_with('/') && !extension.is_empty()).then_some(extension)
}

/// Content-Types that tools and browsers store if they do not know the type, or if they confuse it with
/// the type of a form.
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

/// Returns a media type without its parameters, or `None` if it is unspecific.
///
/// An unspecific type contradicts no extension.
fn specific(content_type: &str) -> Option<&str> {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    (!UNSPECIFIC.iter().any(|known| essence.eq_ignore_ascii_case(known))).then_some(essence)
}

/// Returns the kind of a media type, or `None` for other types.
fn kind(media_type: &str) -> Option<Kind> {
    let top = media_type.split('/').next().unwrap_or_default();
    match () {
        () if top.eq_ignore_ascii_case("image") => Some(Kind::Image),
        () if top.eq_ignore_ascii_case("video") => Some(Kind::Video),
        () => None,
    }
}
