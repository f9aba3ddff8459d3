//! Blobs that are written as one before.
//!
//! Azure writes the blobs of a page with the same elements in the same order: all but the texts of a
//! few of them is the same bytes. So of a blob that the scanner has read, the bytes around those texts
//! are kept. A blob that has the same bytes around texts without `<` would be read by the scanner in the
//! same steps: it looks at nothing but these bytes and where the next `<` is, and each text is taken as
//! [`Fields::take`] takes it. Where one cannot be taken, the scanner says why. Of texts that most blobs
//! have alike, the bytes are kept with the others, and what the scanner made of them is given to each
//! blob that has the same. The name comes first, as Azure writes it; no other blob is kept.

use super::{
    element::{after, before_tag},
    field::{Draft, Field, Fields},
    limits::MAX_ENTRY,
    scanner::Stop,
};
use crate::store::{self, AccessTier, Blob, BlobType, Page, Unreadable};

/// How many are kept: with and without a digest, a directory, and so on
const MAX_TEMPLATES: usize = 8;

/// A larger blob is not kept
const MAX_TEMPLATE: usize = 8 << 10;

/// An element of a blob that the scanner reads, of which the text may be another the next time
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf {
    pub(super) field: Field,
    /// Where its text begins, and its length; `None` for an element like `<Etag />`
    pub(super) start: usize,
    pub(super) length: Option<usize>,
}

/// The one that fitted last is the first.
#[derive(Default)]
pub(super) struct Templates(Vec<Template>);

#[derive(PartialEq)]
struct Template {
    /// The bytes before the name, which is the first text
    before: Box<[u8]>,
    name: Text,
    others: Vec<Text>,
    /// What is made of texts that are among the bytes around
    shared: SharedValues,
}

/// A text, and the bytes between it and the next
#[derive(PartialEq)]
struct Text {
    field: Field,
    behind: Box<[u8]>,
}

/// What is made of the fields of which [`Field::is_shared`] holds
///
/// That names are ordered by segments, which one of them tells, the first such blob has told the page.
#[derive(PartialEq)]
struct SharedValues {
    content_encoding: Option<store::Text>,
    blob_type: Option<BlobType>,
    access_tier: Option<AccessTier>,
    is_directory: bool,
    unreadable: Option<Unreadable>,
}

impl SharedValues {
    fn of(blob: &Blob) -> Self {
        Self {
            content_encoding: blob.content_encoding.clone(),
            blob_type: blob.blob_type.clone(),
            access_tier: blob.access_tier.clone(),
            is_directory: blob.is_directory,
            unreadable: blob.unreadable,
        }
    }

    /// A blob of which no more is known; inlined, so that it is made where it stays
    #[inline(always)]
    fn blob(&self) -> Blob {
        Blob {
            content_encoding: self.content_encoding.clone(),
            blob_type: self.blob_type.clone(),
            access_tier: self.access_tier.clone(),
            is_directory: self.is_directory,
            unreadable: self.unreadable,
            ..Blob::new(String::new(), 0)
        }
    }
}

impl Templates {
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Reads the blob that a text begins with into the page: how long it is, or `None` where none before is like it
    pub(super) fn read(
        &mut self,
        text: &[u8],
        fields: &mut Fields,
        page: &mut Page,
    ) -> Result<Option<usize>, Stop> {
        for (index, template) in self.0.iter().enumerate() {
            match template.read(text, fields, page) {
                Err(Stop::NeedMore) => return Err(Stop::NeedMore),
                Err(_) => {}
                Ok(length) => {
                    if let Some(before @ [_, _, ..]) = self.0.get_mut(..=index) {
                        before.rotate_right(1);
                    }
                    return Ok(Some(length));
                }
            }
        }
        Ok(None)
    }

    /// Keeps the form of a blob, of which the scanner met these leaves, where it is a new one: a text may
    /// have been what did not fit
    pub(super) fn learn(&mut self, text: &[u8], leaves: &[Leaf], blob: &Blob) {
        if text.len() <= MAX_TEMPLATE
            && let Some(template) = Template::of(text, leaves, blob)
            && !self.0.contains(&template)
        {
            self.0.truncate(MAX_TEMPLATES - 1);
            self.0.insert(0, template);
        }
    }
}

impl Leaf {
    /// Whether to the blob an element like `<Etag />` is as if there were none
    fn is_as_if_missing(&self, leaves: &[Self]) -> bool {
        match self.field {
            Field::Name | Field::EncodedName | Field::IsCurrentVersion => false,
            // It takes back what another has said.
            field => leaves.iter().filter(|leaf| leaf.field == field).count() == 1,
        }
    }
}

impl Template {
    /// The form of a blob, its leaves in the order in which they are in the text; `None` where the name
    /// is not before all others, where there are two, and where an empty element says something
    fn of(text: &[u8], leaves: &[Leaf], blob: &Blob) -> Option<Self> {
        if !leaves.iter().all(|leaf| leaf.length.is_some() || leaf.is_as_if_missing(leaves)) {
            return None;
        }
        let around = |from: usize, to: usize| text.get(from..to).unwrap_or_default().into();
        let texts = leaves.iter().filter(|leaf| !leaf.field.is_shared());
        let texts = texts.filter_map(|leaf| Some((leaf.field, leaf.start, leaf.length?)));
        let (mut others, mut end) = (Vec::new(), text.len());
        for (field, start, length) in texts.rev() {
            others.push(Text { field, behind: around(start + length, end) });
            end = start;
        }
        let name = others.pop().filter(|text| text.field.is_name())?;
        others.reverse();
        let has_another = others.iter().any(|text| text.field.is_name());
        let made = Self { before: around(0, end), name, others, shared: SharedValues::of(blob) };
        (!has_another).then_some(made)
    }

    /// Reads a blob of this form from the start of a text into the page: how long it is
    ///
    /// The page may be full, so nothing is added to it for what does not even begin like a blob.
    #[inline]
    fn read(&self, text: &[u8], fields: &mut Fields, page: &mut Page) -> Result<usize, Stop> {
        let rest = behind(text, &self.before)?;
        let left = Draft::add(
            page,
            || self.shared.blob(),
            |draft| {
                let left = self.fit(rest, fields, draft)?;
                draft.is_large = rest.len() - left.len() > MAX_ENTRY;
                Ok(left)
            },
        )?;
        Ok(text.len() - left.len())
    }

    /// Takes the texts in a blob of this form, from the first of them on: what is behind the blob
    fn fit<'a>(
        &self,
        text: &'a [u8],
        fields: &mut Fields,
        draft: &mut Draft<'_>,
    ) -> Result<&'a [u8], Stop> {
        let (name, is_plain) = before_tag(text).ok_or(Stop::NeedMore)?;
        let mut rest = behind(text.get(name.len()..).ok_or(Stop::NeedMore)?, &self.name.behind)?;
        for Text { field, behind: same } in &self.others {
            let length = match fields.take_prefix(*field, rest, draft) {
                Some(length) => length,
                None => fields.take_until_tag(*field, rest, draft)?,
            };
            rest = behind(rest.get(length..).ok_or(Stop::NeedMore)?, same)?;
        }
        // The last, since it takes an allocation, which is for a blob that fits.
        match self.name.field {
            Field::Name if is_plain => draft.set_plain_name(name)?,
            field => fields.take(field, name, draft)?,
        }
        Ok(rest)
    }
}

/// What is behind these bytes
#[inline(always)]
fn behind<'a>(text: &'a [u8], same: &[u8]) -> Result<&'a [u8], Stop> {
    after(text, same).ok_or_else(|| mismatch(same, text))
}

/// What it means that a text does not begin with these bytes
#[cold]
fn mismatch(same: &[u8], rest: &[u8]) -> Stop {
    if same.starts_with(rest) { Stop::NeedMore } else { Stop::Fallback }
}
