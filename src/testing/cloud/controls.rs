//! What a test can change while the cloud runs.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{
    Assignment, CONTAINER, CorsRule, Fault, LoggedRequest, Refusal, Seed, SignInRefusal,
    SmallCloud, StorageState, lock, state::ConcurrencyLimit,
};
use crate::grant::Grant;

impl SmallCloud {
    /// Puts a blob into the container `assets`, in the place of one of the same name
    pub fn put(&self, seed: Seed) {
        let mut containers = lock(&self.state.containers);
        if let Some(container) = containers.get_mut(CONTAINER) {
            Arc::make_mut(container).insert(seed);
        }
    }

    /// Assigns a role to the service principal, now
    pub fn assign(&self, assignment: Assignment) {
        lock(&self.state.access).assign(assignment, self.state.clock.elapsed());
    }

    /// Removes all role assignments, effective at once
    pub fn unassign_all(&self) {
        lock(&self.state.access).unassign_all();
    }

    /// Assigns what a grant says, effective so long from now
    ///
    /// Assigns to the service principal if the grant has its [object id](Self::object_id) or none,
    /// which the commands look up. Any other id, such as the application's, gets nobody anything, as in
    /// Azure, and so does a grant on another account. Rules for cross-origin requests are not
    /// applied.
    pub fn apply(&self, grant: &Grant, after: Duration) {
        self.state.apply(grant, after);
    }

    /// Makes the next request to the blob service fail in this way; each call is for one request
    pub fn inject(&self, fault: Fault) {
        lock(&self.state.script).faults.push_back(fault);
    }

    /// Makes every request to the blob service fail in this way, once those that were
    /// [injected](Self::inject) are through; `None` ends it
    pub fn inject_always(&self, fault: Option<Fault>) {
        lock(&self.state.script).always = fault;
    }

    /// Refuses each request to the blob service that comes while so many are under way, as a
    /// partition with too much to do does; those that it takes are under way for so long, by the
    /// cloud's clock
    pub fn limit_concurrency(&self, most: usize, each: Duration, refusal: Refusal) {
        lock(&self.state.script).busy = Some(ConcurrencyLimit { most, each, refusal });
    }

    /// Refuses the next sign-in: status, OAuth error, the number after `AADSTS`, and the text; each
    /// call is for one of them
    pub fn refuse_sign_in(&self, status: u16, error: &str, aadsts: u32, text: &str) {
        self.inject_sign_in(SignInRefusal::new(status, error, aadsts, text));
    }

    /// The same, for a refusal that has more to say
    pub fn inject_sign_in(&self, refusal: SignInRefusal) {
        lock(&self.state.script).sign_ins.push_back(refusal);
    }

    /// Refuses every sign-in, once those refusals that are for one are through; `None` ends it
    pub fn always_refuse_sign_in(&self, refusal: Option<SignInRefusal>) {
        lock(&self.state.script).always_sign_in = refusal;
    }

    /// Expires all tokens issued so far
    pub fn expire_tokens(&self) {
        lock(&self.state.tokens).expire();
    }

    /// Revokes all user delegation keys: requests signed with them are refused
    pub fn revoke_delegation_keys(&self) {
        lock(&self.state.keys).revoke();
    }

    /// Changes the situation of the storage account, until the next call
    pub fn set_storage_state(&self, state: StorageState) {
        lock(&self.state.script).storage_state = state;
    }

    /// Sets the rules for cross-origin requests, in the place of those that are there
    pub fn set_cors(&self, rules: Vec<CorsRule>) {
        lock(&self.state.script).cors = rules;
    }

    /// Makes the container `assets` public, or private again
    pub fn set_public(&self, is_public: bool) {
        lock(&self.state.script).public = is_public;
    }

    /// Sends this as `WWW-Authenticate` with a 401; `None` for the usual
    ///
    /// What no header can hold, such as a line break, is not sent at all.
    pub fn set_challenge(&self, challenge: Option<String>) {
        lock(&self.state.script).challenge = challenge;
    }

    /// The requests that it was sent, in order, sign-ins included
    pub fn log(&self) -> Vec<LoggedRequest> {
        lock(&self.state.log).0.clone()
    }

    /// How many requests it was sent, sign-ins included
    pub fn requests(&self) -> u64 {
        lock(&self.state.log).0.len() as u64
    }

    /// How many connections to it are open now
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }
}
