//! The findings that were noted on an accepted asset, without an allocation in the usual cases.
//!
//! A scan hands out millions of assets, each with its findings. A borrowed slice of a static finding costs
//! nothing, and a second finding turns it into a vector.

use std::{borrow::Cow, ops::Deref, slice, vec};

use serde::{Deserialize, Serialize};

use super::Finding;

/// The findings on an asset, in the order of the checks; dereferences to a slice.
///
/// Most assets have no finding, or one with a fixed text. Neither allocates memory.
///
/// ```
/// use azure_asset_sync::{Reason, Rules, store::Blob};
///
/// let verdict = Rules::default().check(Blob::new("line 1\\a.jpg", 40_000));
/// let findings = verdict.asset().map(|asset| &asset.findings);
/// for finding in findings.into_iter().flatten() {
///     assert_eq!(finding.reason, Reason::OddName);
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Findings(Cow<'static, [Finding]>);

impl Findings {
    /// Adds a finding at the end.
    ///
    /// ```
    /// use azure_asset_sync::{Reason, Rules, store::Blob};
    ///
    /// let verdict = Rules::default().check(Blob::new("a//b.jpg", 40_000));
    /// let mut findings = verdict.asset().map(|asset| asset.findings.clone()).unwrap_or_default();
    /// let first = findings[0].clone();
    /// findings.push(first);
    /// assert_eq!(findings.len(), 2);
    /// ```
    pub fn push(&mut self, finding: Finding) {
        if let Cow::Borrowed(known) = self.0 {
            // Room for the borrowed findings and the new one.
            let mut owned = Vec::with_capacity(known.len() + 1);
            owned.extend_from_slice(known);
            self.0 = Cow::Owned(owned);
        }
        self.0.to_mut().push(finding);
    }

    /// Adds a finding at the end, without an allocation if it is the first and its text is fixed.
    #[inline]
    pub(super) fn add(&mut self, finding: Cow<'static, Finding>) {
        match finding {
            Cow::Borrowed(known) if self.is_empty() => {
                self.0 = Cow::Borrowed(slice::from_ref(known));
            }
            // A second finding, or one with its own text, needs a vector.
            finding => self.push(finding.into_owned()),
        }
    }
}

impl Deref for Findings {
    type Target = [Finding];

    fn deref(&self) -> &[Finding] {
        &self.0
    }
}

impl<const N: usize> PartialEq<[Finding; N]> for Findings {
    fn eq(&self, other: &[Finding; N]) -> bool {
        **self == *other
    }
}

impl FromIterator<Finding> for Findings {
    fn from_iter<I: IntoIterator<Item = Finding>>(findings: I) -> Self {
        Self(Cow::Owned(findings.into_iter().collect()))
    }
}

impl Extend<Finding> for Findings {
    fn extend<I: IntoIterator<Item = Finding>>(&mut self, findings: I) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }
}

impl<'a> IntoIterator for &'a Findings {
    type Item = &'a Finding;
    type IntoIter = slice::Iter<'a, Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_owned().into_iter()
    }
}
