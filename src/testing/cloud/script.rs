//! The script of a test: faults, refusals, CORS rules and the state of the account.
//!
//! The fields are private, so that the rules of precedence are kept here: a scripted response for
//! one request comes before one for all requests.

use std::{collections::VecDeque, time::Duration};

use super::{
    cors::CorsRule, fault::Fault, refusal::Refusal, sign_in_refusal::SignInRefusal,
    storage_state::StorageState,
};

/// The limit of concurrent requests to the blob service.
#[derive(Clone)]
pub(super) struct ConcurrencyLimit {
    /// How many requests the service accepts at a time.
    pub(super) limit: usize,
    /// How long each accepted request takes, by the cloud's clock.
    pub(super) service_time: Duration,
    /// The response to a request above the limit.
    pub(super) refusal: Refusal,
}

/// The values that a test has set, and may set again while the cloud runs.
#[derive(Default)]
pub(super) struct Script {
    storage_state: StorageState,
    // A queue for single requests and a value for all requests, for both services.
    next_faults: VecDeque<Fault>,
    permanent_fault: Option<Fault>,
    concurrency_limit: Option<ConcurrencyLimit>,
    next_sign_in_refusals: VecDeque<SignInRefusal>,
    permanent_sign_in_refusal: Option<SignInRefusal>,
    cors: Vec<CorsRule>,
    is_public: bool,
    challenge: Option<String>,
}

impl Script {
    /// Creates the script that a cloud starts with.
    pub(super) fn new(cors: Vec<CorsRule>, is_public: bool) -> Self {
        Self { cors, is_public, ..Self::default() }
    }

    /// Takes the fault for the next request to the blob service.
    pub(super) fn next_fault(&mut self) -> Option<Fault> {
        self.next_faults.pop_front().or_else(|| self.permanent_fault.clone())
    }

    /// Takes the refusal for the next sign-in.
    pub(super) fn next_sign_in_refusal(&mut self) -> Option<SignInRefusal> {
        let next = self.next_sign_in_refusals.pop_front();
        // The permanent value is cloned, because it stays.
        next.or_else(|| self.permanent_sign_in_refusal.clone())
    }

    /// Returns the limit of concurrent requests, if there is one.
    pub(super) fn concurrency_limit(&self) -> Option<ConcurrencyLimit> {
        self.concurrency_limit.clone()
    }

    /// Returns the state of the storage account.
    pub(super) fn storage_state(&self) -> StorageState {
        self.storage_state
    }

    /// Returns the CORS rules, in the order in which they apply.
    pub(super) fn cors(&self) -> &[CorsRule] {
        &self.cors
    }

    /// Returns whether anonymous callers may list and read the container `assets`.
    pub(super) fn is_public(&self) -> bool {
        self.is_public
    }

    /// Returns the `WWW-Authenticate` header that replaces the usual one.
    pub(super) fn challenge(&self) -> Option<&str> {
        self.challenge.as_deref()
    }

    /// Queues a fault for one request, after those queued before.
    pub(super) fn push_fault(&mut self, fault: Fault) {
        self.next_faults.push_back(fault);
    }

    /// Sets the fault for all requests that have no queued fault.
    pub(super) fn set_permanent_fault(&mut self, fault: Option<Fault>) {
        self.permanent_fault = fault;
    }

    /// Queues a refusal for one sign-in, after those queued before.
    pub(super) fn push_sign_in_refusal(&mut self, refusal: SignInRefusal) {
        self.next_sign_in_refusals.push_back(refusal);
    }

    /// Sets the refusal for all sign-ins that have no queued refusal.
    pub(super) fn set_permanent_sign_in_refusal(&mut self, refusal: Option<SignInRefusal>) {
        self.permanent_sign_in_refusal = refusal;
    }

    /// Limits the number of concurrent requests.
    pub(super) fn set_concurrency_limit(&mut self, limit: ConcurrencyLimit) {
        self.concurrency_limit = Some(limit);
    }

    /// Sets the state of the storage account.
    pub(super) fn set_storage_state(&mut self, state: StorageState) {
        self.storage_state = state;
    }

    /// Replaces the CORS rules.
    pub(super) fn set_cors(&mut self, rules: Vec<CorsRule>) {
        self.cors = rules;
    }

    /// Sets whether anonymous callers may list and read the container `assets`.
    pub(super) fn set_public(&mut self, is_public: bool) {
        self.is_public = is_public;
    }

    /// Replaces the `WWW-Authenticate` header.
    pub(super) fn set_challenge(&mut self, challenge: Option<String>) {
        self.challenge = challenge;
    }
}
