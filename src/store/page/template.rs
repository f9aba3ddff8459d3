//! Blobs that are written as one before.
//!
//! Azure writes the blobs of a page with the same elements in the same order: all but the texts of a
//! few of them is the same bytes. So of a blob that the scanner has read, the bytes are kept without
//! those texts, and the places of the texts. A blob that has the same bytes around texts without `<`
//! would be read by the scanner in the same steps: it looks at nothing but these bytes and where the
//! next `<` is, and takes each text by [`Fields::take`], as is done here. Where one cannot be taken,
//! the scanner says why. Of texts that most blobs have alike, the bytes are kept with the others, and
//! what the scanner made of them is given to each blob that has the same.

use super::{
    element::{after, find},
    fast::Stop,
    field::{Draft, Field, Fields},
};
use crate::store::{AccessTier, Blob, BlobType, Page, Text};

/// How many are kept: with and without a digest, a directory, and so on
const MOST: usize = 8;

/// A larger blob is not kept
const MOST_BYTES: usize = 8 << 10;

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

struct Template {
    /// The bytes around the texts
    fixed: Vec<u8>,
    texts: Vec<Place>,
    /// What is made of texts that are among the fixed bytes
    alike: Alike,
}

struct Place {
    field: Field,
    /// How many of the fixed bytes stand between the text before and this one
    before: usize,
    /// Whether there is a text, empty or not: in an element like `<Etag />` there is none
    is_written: bool,
}

/// What is made of the fields of which [`Field::is_alike`] holds
struct Alike {
    content_encoding: Option<Text>,
    blob_type: Option<BlobType>,
    access_tier: Option<AccessTier>,
    is_directory: bool,
}

impl Alike {
    fn of(blob: &Blob) -> Self {
        Self {
            content_encoding: blob.content_encoding.clone(),
            blob_type: blob.blob_type.clone(),
            access_tier: blob.access_tier.clone(),
            is_directory: blob.is_directory,
        }
    }

    fn give(&self, blob: &mut Blob) {
        blob.content_encoding.clone_from(&self.content_encoding);
        blob.blob_type.clone_from(&self.blob_type);
        blob.access_tier.clone_from(&self.access_tier);
        blob.is_directory = self.is_directory;
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
                Err(Stop::Short) => return Err(Stop::Short),
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

    /// Keeps the form of a blob, of which the scanner met these leaves
    pub(super) fn keep(&mut self, text: &[u8], leaves: &[Leaf], blob: &Blob) {
        // Names are taken last, so with two of them the order would be another.
        let names = leaves.iter().filter(|leaf| leaf.field.is_name()).count();
        if text.len() <= MOST_BYTES && names == 1 {
            self.0.truncate(MOST - 1);
            self.0.insert(0, Template::of(text, leaves, blob));
        }
    }
}

impl Template {
    /// The form of a blob, its leaves in the order in which they are in the text
    fn of(text: &[u8], leaves: &[Leaf], blob: &Blob) -> Self {
        let mut made = Self {
            fixed: Vec::with_capacity(text.len()),
            texts: Vec::new(),
            alike: Alike::of(blob),
        };
        let mut at = 0;
        for leaf in leaves.iter().filter(|leaf| !leaf.field.is_alike()) {
            let before = text.get(at..leaf.start).unwrap_or_default();
            made.fixed.extend_from_slice(before);
            made.texts.push(Place {
                field: leaf.field,
                before: before.len(),
                is_written: leaf.length.is_some(),
            });
            at = leaf.start + leaf.length.unwrap_or(0);
        }
        made.fixed.extend_from_slice(text.get(at..).unwrap_or_default());
        made
    }

    /// Reads a blob of this form from the start of a text into the page: how long it is
    ///
    /// The page may be full, so nothing is added to it for what does not even begin like a blob.
    #[inline]
    fn read(&self, text: &[u8], fields: &mut Fields, page: &mut Page) -> Result<usize, Stop> {
        let start = self.texts.first().map_or(0, |text| text.before);
        let start = self.fixed.get(..start).unwrap_or_default();
        after(text, start).ok_or_else(|| missed(start, text))?;
        Draft::add(page, |draft| self.fit(text, fields, draft))
    }

    /// Takes the texts in a blob of this form at the start of a text: how long it is
    fn fit(&self, text: &[u8], fields: &mut Fields, draft: &mut Draft<'_>) -> Result<usize, Stop> {
        let (mut fixed, mut rest) = (self.fixed.as_slice(), text);
        let mut name = None;
        for Place { field, before, is_written } in &self.texts {
            let (same, behind) = fixed.split_at_checked(*before).ok_or(Stop::Odd)?;
            let left = after(rest, same).ok_or_else(|| missed(same, rest))?;
            (fixed, rest) = (behind, left);
            if *is_written && let Some(length) = fields.take_ahead(*field, rest, draft) {
                rest = rest.get(length..).unwrap_or_default();
                continue;
            }
            let mut found: &[u8] = b"";
            if *is_written {
                let length = find(b'<', rest).ok_or(Stop::Short)?;
                (found, rest) = rest.split_at_checked(length).unwrap_or_default();
            }
            if field.is_name() {
                // Of the texts it alone takes an allocation, which is for a blob that fits.
                name = Some((*field, found));
            } else {
                fields.take(*field, found, draft)?;
            }
        }
        let left = after(rest, fixed).ok_or_else(|| missed(fixed, rest))?;
        let (field, found) = name.ok_or(Stop::Odd)?;
        fields.take(field, found, draft)?;
        self.alike.give(draft.blob);
        Ok(text.len() - left.len())
    }
}

/// What it means that a text does not begin with these bytes
fn missed(same: &[u8], rest: &[u8]) -> Stop {
    if same.starts_with(rest) { Stop::Short } else { Stop::Odd }
}
