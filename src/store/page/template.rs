//! Templates: blobs that are written like an earlier one are read by comparing bytes.
//!
//! Azure writes the blobs of a page with the same elements in the same order, so that most bytes of
//! a blob are those of the blob before. From a blob that the scanner has read, a template keeps
//! these literal bytes and the places of the texts that differ, called slots. If the next blob has
//! the same literals around slots without `<`, the scanner would read it in the same steps: it
//! examines only the literals and the position of each `<`, and converts each text with
//! [`Values::take`], as a template does. If a text cannot be converted, the template gives up, and
//! the scanner reads the blob.
//!
//! Texts that most blobs share, such as the access tier, are part of the literals, and their values
//! are copied from the template. The name must be the first slot, as Azure writes it; other blobs
//! get no template.

use super::{
    draft::Draft,
    field::Field,
    stop::Stop,
    swar::{before_tag, strip_start},
    values::Values,
};
use crate::store::{AccessTier, Blob, BlobType, Page, Text, Unreadable};

/// The most templates that are kept: with and without a digest, a directory, and so on.
const MAX_TEMPLATES: usize = 8;

/// The most bytes of a blob that becomes a template.
const MAX_TEMPLATE: usize = 8 << 10;

/// An element that the scanner has read in a blob, and whose text may differ in the next blob.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf {
    pub(super) field: Field,
    /// The offset of the text in the blob.
    pub(super) start: usize,
    /// The length of the text; `None` for an empty element such as `<Etag />`.
    pub(super) length: Option<usize>,
}

/// The templates of a page, the last one that matched first.
#[derive(Default)]
pub(super) struct Templates(Vec<Template>);

/// The form of a blob: literal bytes around slots.
#[derive(PartialEq)]
struct Template {
    /// The literal bytes before the name.
    start: Box<[u8]>,
    name: Slot,
    others: Vec<Slot>,
    /// The values of the texts that are part of the literals.
    shared: SharedValues,
}

/// A text that differs from blob to blob, and the literal bytes between it and the next slot.
#[derive(PartialEq)]
struct Slot {
    field: Field,
    literal: Box<[u8]>,
}

/// The values of the fields for which [`Field::is_shared`] holds.
///
/// The order of names by path segments, which `ResourceType` implies, is not among them: the blob
/// that the template was made from has already set it for the page.
#[derive(PartialEq)]
struct SharedValues {
    content_encoding: Option<Text>,
    blob_type: Option<BlobType>,
    access_tier: Option<AccessTier>,
    is_directory: bool,
    unreadable: Option<Unreadable>,
}

impl SharedValues {
    /// Copies the values of a blob.
    fn of(blob: &Blob) -> Self {
        Self {
            content_encoding: blob.content_encoding.clone(),
            blob_type: blob.blob_type.clone(),
            access_tier: blob.access_tier.clone(),
            is_directory: blob.is_directory,
            unreadable: blob.unreadable,
        }
    }

    /// Returns a blob with only these values.
    // Inlined, so that the blob is constructed in its place in the page.
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
    /// Returns the number of templates.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Reads the blob that a text begins with into the page.
    ///
    /// Returns the length of the blob, or `None` if no template matches.
    pub(super) fn read(
        &mut self,
        text: &[u8],
        values: &mut Values,
        page: &mut Page,
    ) -> Result<Option<usize>, Stop> {
        for (index, template) in self.0.iter().enumerate() {
            match template.read(text, values, page) {
                // The text ends before it differs from the template, so only more text can decide.
                Err(Stop::NeedMore) => return Err(Stop::NeedMore),
                Err(_) => {}
                Ok(length) => {
                    // Moves the template to the front, because the next blob is likely to match it.
                    if let Some(before @ [_, _, ..]) = self.0.get_mut(..=index) {
                        before.rotate_right(1);
                    }
                    return Ok(Some(length));
                }
            }
        }
        Ok(None)
    }

    /// Makes a template of a blob, from the leaves that the scanner has found in it.
    ///
    /// Keeps no second template of the same form: the scanner may have read the blob only because
    /// one of its texts did not fit.
    pub(super) fn learn(&mut self, text: &[u8], leaves: &[Leaf], blob: &Blob) {
        // A larger blob is unusual, and its copy would stay for the rest of the page.
        if text.len() <= MAX_TEMPLATE
            && let Some(template) = Template::of(text, leaves, blob)
            && !self.0.contains(&template)
        {
            // The last template is the one that matched least recently.
            self.0.truncate(MAX_TEMPLATES - 1);
            self.0.insert(0, template);
        }
    }
}

impl Leaf {
    /// Returns whether an empty element such as `<Etag />` means the same as no element.
    fn equals_absent(&self, leaves: &[Self]) -> bool {
        match self.field {
            Field::Name | Field::EncodedName | Field::IsCurrentVersion => false,
            // If the element appears twice, the empty one removes the value of the other.
            field => leaves.iter().filter(|leaf| leaf.field == field).count() == 1,
        }
    }
}

impl Template {
    /// Makes a template of a blob; `leaves` are in the order of the text.
    ///
    /// Returns `None` if the name is not the first slot, if there are two names, or if an empty
    /// element has a meaning.
    fn of(text: &[u8], leaves: &[Leaf], blob: &Blob) -> Option<Self> {
        // An empty element becomes part of a literal, so it must not have a meaning of its own.
        if !leaves.iter().all(|leaf| leaf.length.is_some() || leaf.equals_absent(leaves)) {
            return None;
        }
        let literal = |from: usize, to: usize| text.get(from..to).unwrap_or_default().into();
        // The texts of shared fields become no slots, so they stay within the literals.
        let texts = leaves.iter().filter(|leaf| !leaf.field.is_shared());
        let texts = texts.filter_map(|leaf| Some((leaf.field, leaf.start, leaf.length?)));
        let (mut others, mut end) = (Vec::new(), text.len());
        // From the last slot to the first, because a literal ends where the next slot begins.
        for (field, start, length) in texts.rev() {
            others.push(Slot { field, literal: literal(start + length, end) });
            end = start;
        }
        let name = others.pop().filter(|slot| slot.field.is_name())?;
        others.reverse();
        let has_another = others.iter().any(|slot| slot.field.is_name());
        let made = Self { start: literal(0, end), name, others, shared: SharedValues::of(blob) };
        (!has_another).then_some(made)
    }

    /// Reads a blob of this form from the start of a text into the page; returns its length.
    // The first literal is compared before the page is touched: most texts that do not match differ
    // there, and a full page would grow in vain.
    #[inline]
    fn read(&self, text: &[u8], values: &mut Values, page: &mut Page) -> Result<usize, Stop> {
        let rest = after_literal(text, &self.start)?;
        let left = Draft::add(
            page,
            || self.shared.blob(),
            |draft| {
                let left = self.fill(rest, values, draft)?;
                draft.limit_length(rest.len() - left.len());
                Ok(left)
            },
        )?;
        Ok(text.len() - left.len())
    }

    /// Reads the slots of a blob, beginning with the name; returns the text after the blob.
    fn fill<'a>(
        &self,
        text: &'a [u8],
        values: &mut Values,
        draft: &mut Draft<'_>,
    ) -> Result<&'a [u8], Stop> {
        // The name is only measured here.
        let (name, is_plain) = before_tag(text).ok_or(Stop::NeedMore)?;
        let mut rest =
            after_literal(text.get(name.len()..).ok_or(Stop::NeedMore)?, &self.name.literal)?;
        for Slot { field, literal } in &self.others {
            let length = match values.take_prefix(*field, rest, draft) {
                Some(length) => length,
                None => values.take_until_tag(*field, rest, draft)?,
            };
            rest = after_literal(rest.get(length..).ok_or(Stop::NeedMore)?, literal)?;
        }
        // The name comes last because it is allocated, which only a blob that matches needs.
        match self.name.field {
            Field::Name if is_plain => draft.set_plain_name(name)?,
            field => values.take(field, name, draft)?,
        }
        Ok(rest)
    }
}

/// Returns the text after a literal.
#[inline(always)]
fn after_literal<'a>(text: &'a [u8], literal: &[u8]) -> Result<&'a [u8], Stop> {
    strip_start(text, literal).ok_or_else(|| mismatch(literal, text))
}

/// Returns why a text does not begin with a literal: it differs, or it ends too early.
#[cold]
fn mismatch(literal: &[u8], rest: &[u8]) -> Stop {
    if literal.starts_with(rest) { Stop::NeedMore } else { Stop::Fallback }
}
