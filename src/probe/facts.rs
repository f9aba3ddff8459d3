//! The facts that the answers of a pass showed, beyond passed and failed.
//!
//! [`Facts`] is the only thing that checks write and that inference reads. It stores what was observed
//! and draws no conclusion; `infer` does that.

use std::{collections::BTreeMap, time::Duration};

use super::check::Check;
use crate::store::{
    Answer, Blob,
    inspect::{Challenge, Identity},
};

/// The requests that were allowed, by the check that made them.
///
/// A check is absent if it was not made, or if its answer neither allows nor denies the request (for
/// example a timeout).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Allowed(BTreeMap<Check, bool>);

impl Allowed {
    /// Returns whether the request of a check was allowed, or `None` if that is not known.
    pub(super) fn get(&self, check: Check) -> Option<bool> {
        self.0.get(&check).copied()
    }

    /// Records whether the request of a check was allowed; `None` forgets what was recorded.
    fn set(&mut self, check: Check, allowed: Option<bool>) {
        match allowed {
            // The previous value is of no interest.
            Some(allowed) => self.0.insert(check, allowed),
            None => self.0.remove(&check),
        };
    }

    /// Returns what at least one of the two allowed.
    ///
    /// Allowed wins over denied, because a front end that denies may not have learned of the role
    /// assignment yet.
    fn or(&self, other: &Self) -> Self {
        let mut merged = self.clone();
        for (check, allowed) in &other.0 {
            // `or_default` is `false`, which changes nothing in an "or".
            *merged.0.entry(*check).or_default() |= allowed;
        }
        merged
    }
}

/// The facts that the answers of a pass showed.
///
/// INVARIANT: no field has a secret. A token or a signature never gets here, only what follows from
/// it.
#[derive(Clone, Default)]
pub(super) struct Facts {
    allowed: Allowed,
    /// The requests that any pass of a wait was allowed, from passes that could list the container.
    ever_allowed: Allowed,
    identity: Option<Identity>,
    challenge: Option<Challenge>,
    public: Option<bool>,
    is_skewed: bool,
    is_private: bool,
    retry_after: Option<Duration>,
    readable_blob: Option<Blob>,
    reads_as_browser: bool,
    browser_answer: Option<Answer>,
}

impl Facts {
    /// Keeps what a later pass does not observe again, and forgets the rest.
    pub(super) fn for_next_pass(self) -> Self {
        Self {
            // The network does not change from pass to pass, and access only grows while it
            // propagates. The sign-in and the list are observed again.
            ever_allowed: self.ever_allowed,
            challenge: self.challenge,
            public: self.public,
            is_skewed: self.is_skewed,
            is_private: self.is_private,
            ..Self::default()
        }
    }

    /// Adds what this pass was allowed to what any pass was allowed.
    ///
    /// A pass that could not list the container does not count: its refusals say more about the state
    /// of one front end than about the assignment.
    pub(super) fn end_pass(&mut self) {
        if self.allowed(Check::List) == Some(true) {
            self.ever_allowed = self.ever_allowed.or(&self.allowed);
        }
    }

    /// Returns whether the request of a check was allowed in this pass.
    pub(super) fn allowed(&self, check: Check) -> Option<bool> {
        self.allowed.get(check)
    }

    /// Returns what this pass or an earlier pass of the same wait was allowed.
    pub(super) fn allowed_by_any_pass(&self) -> Allowed {
        self.ever_allowed.or(&self.allowed)
    }

    /// `None` means that the answer neither allows nor denies the request.
    pub(super) fn set_allowed(&mut self, check: Check, allowed: Option<bool>) {
        self.allowed.set(check, allowed);
    }

    /// The principal that signed in, from the claims of its token.
    pub(super) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Records who signed in.
    pub(super) fn set_identity(&mut self, identity: Identity) {
        self.identity = Some(identity);
    }

    /// The object ID of the principal that signed in.
    pub(super) fn object_id(&self) -> Option<&str> {
        self.identity.as_ref()?.object_id.as_deref()
    }

    /// The tenant and the authority that the account sends its callers to.
    pub(super) fn challenge(&self) -> Option<&Challenge> {
        self.challenge.as_ref()
    }

    /// Records the challenge, or that the account sent none that can be trusted.
    pub(super) fn set_challenge(&mut self, challenge: Option<Challenge>) {
        self.challenge = challenge;
    }

    /// Whether anybody may list the container; `None` if the account did not answer.
    pub(super) fn public(&self) -> Option<bool> {
        self.public
    }

    /// Records whether a list without a credential succeeded.
    pub(super) fn set_public(&mut self, public: bool) {
        self.public = Some(public);
    }

    /// Whether the clocks of the service and of this machine differ by more than Azure tolerates.
    pub(super) fn is_skewed(&self) -> bool {
        self.is_skewed
    }

    /// Records the comparison with the `Date` header of the latest answer.
    pub(super) fn set_skewed(&mut self, is_skewed: bool) {
        self.is_skewed = is_skewed;
    }

    /// Whether all addresses of the account's host are private.
    pub(super) fn is_private(&self) -> bool {
        self.is_private
    }

    /// Records what the host name resolved to.
    pub(super) fn set_private(&mut self, is_private: bool) {
        self.is_private = is_private;
    }

    /// The longest `Retry-After` of the answers.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Keeps the longer one of two `Retry-After` headers.
    pub(super) fn raise_retry_after(&mut self, retry_after: Option<Duration>) {
        self.retry_after = self.retry_after.max(retry_after);
    }

    /// A listed blob that can be read: not archived, and with a name that fits in a URL.
    pub(super) fn readable_blob(&self) -> Option<&Blob> {
        self.readable_blob.as_ref()
    }

    /// Records the blob that the next read uses.
    pub(super) fn set_readable_blob(&mut self, blob: Option<Blob>) {
        self.readable_blob = blob;
    }

    /// Whether the store can read a blob as a browser does.
    pub(super) fn reads_as_browser(&self) -> bool {
        self.reads_as_browser
    }

    /// Records that the store answered a read as a browser, with data or with an error.
    pub(super) fn set_reads_as_browser(&mut self, reads_as_browser: bool) {
        self.reads_as_browser = reads_as_browser;
    }

    /// The answer to a read as a browser, with its CORS headers.
    pub(super) fn browser_answer(&self) -> Option<&Answer> {
        self.browser_answer.as_ref()
    }

    /// Records an answer whose CORS headers the next check looks at.
    pub(super) fn set_browser_answer(&mut self, answer: Answer) {
        self.browser_answer = Some(answer);
    }
}

#[cfg(test)]
mod tests {
    use super::Facts;
    use crate::probe::Check;

    #[test]
    fn an_allowed_request_outlives_a_later_refusal() {
        let mut facts = Facts::default();
        facts.set_allowed(Check::List, Some(true));
        facts.set_allowed(Check::ListContainers, Some(true));
        facts.end_pass();
        let mut facts = facts.for_next_pass();
        assert_eq!(facts.allowed(Check::List), None);
        facts.set_allowed(Check::ListContainers, Some(false));
        facts.set_allowed(Check::OtherRead, Some(false));
        let allowed = facts.allowed_by_any_pass();
        assert_eq!(allowed.get(Check::ListContainers), Some(true));
        assert_eq!(allowed.get(Check::OtherRead), Some(false));
        assert_eq!(allowed.get(Check::DelegationKey), None);
    }
}
