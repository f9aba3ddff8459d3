//! The settings that a test can change while a small cloud runs.
//!
//! Every change applies to requests that arrive after it. Requests that are being answered finish
//! with what they have found.

use std::time::Duration;

use super::{
    assignment::Assignment, cors::CorsRule, fault::Fault, handle::SmallCloud, log::LoggedRequest,
    refusal::Refusal, script::ConcurrencyLimit, seed::Seed, sign_in_refusal::SignInRefusal,
    storage_state::StorageState,
};
use crate::grant::Grant;

impl SmallCloud {
    /// Puts a blob into the container `assets`, and replaces a blob with the same name.
    pub fn put(&self, seed: Seed) {
        self.state().put(seed);
    }

    /// Assigns a role to the service principal now.
    pub fn assign(&self, assignment: Assignment) {
        let now = self.state().clock().elapsed();
        self.state().access().assign(assignment, now);
    }

    /// Removes all role assignments; the removal is effective at once at every front end.
    pub fn unassign_all(&self) {
        self.state().access().unassign_all();
    }

    /// Assigns the roles of a grant, effective this long from now.
    ///
    /// The grant must be for this account, and for the [object ID](Self::object_id) of the service
    /// principal, or have no principal, in which case the commands of the grant look it up. A grant
    /// with a different ID, for example the application ID, gives access to nobody, as in Azure.
    /// CORS rules of the grant are not applied; see [`set_cors`](Self::set_cors).
    pub fn apply(&self, grant: &Grant, after: Duration) {
        let now = self.state().clock().elapsed();
        self.state().access().apply(grant, after, now);
    }

    /// Makes the next request to the blob service fail in this way. Several calls queue up, one for
    /// each request.
    pub fn inject(&self, fault: Fault) {
        self.state().script().push_fault(fault);
    }

    /// Makes every request to the blob service fail in this way, after the faults that were
    /// [injected](Self::inject) for single requests. `None` ends it.
    pub fn inject_always(&self, fault: Option<Fault>) {
        self.state().script().set_permanent_fault(fault);
    }

    /// Refuses requests to the blob service while this many are in flight, as a busy partition
    /// does.
    ///
    /// Each accepted request takes `service_time` by the cloud's clock.
    pub fn limit_concurrency(&self, limit: usize, service_time: Duration, refusal: Refusal) {
        // Replaces the previous limit; there is one partition.
        let limit = ConcurrencyLimit { limit, service_time, refusal };
        self.state().script().set_concurrency_limit(limit);
    }

    /// Refuses the next sign-in with a status, an OAuth error, the number after `AADSTS`, and a
    /// text. Several calls queue up, one for each sign-in.
    pub fn refuse_sign_in(&self, status: u16, error: &str, aadsts: u32, text: &str) {
        self.inject_sign_in(SignInRefusal::new(status, error, aadsts, text));
    }

    /// Refuses the next sign-in. Several calls queue up, one for each sign-in.
    pub fn inject_sign_in(&self, refusal: SignInRefusal) {
        self.state().script().push_sign_in_refusal(refusal);
    }

    /// Refuses every sign-in, after the refusals that were injected for single ones. `None` ends
    /// it.
    pub fn always_refuse_sign_in(&self, refusal: Option<SignInRefusal>) {
        self.state().script().set_permanent_sign_in_refusal(refusal);
    }

    /// Makes all tokens issued so far expire.
    pub fn expire_tokens(&self) {
        self.state().tokens().expire();
    }

    /// Revokes all user delegation keys: requests signed with them are refused.
    pub fn revoke_delegation_keys(&self) {
        self.state().delegation_keys().revoke();
    }

    /// Sets the state of the storage account, until the next call.
    pub fn set_storage_state(&self, state: StorageState) {
        self.state().script().set_storage_state(state);
    }

    /// Replaces the CORS rules.
    pub fn set_cors(&self, rules: Vec<CorsRule>) {
        self.state().script().set_cors(rules);
    }

    /// Makes the container `assets` public, or private again.
    pub fn set_public(&self, is_public: bool) {
        self.state().script().set_public(is_public);
    }

    /// Replaces the `WWW-Authenticate` header of responses with status 401; `None` restores the
    /// usual one.
    ///
    /// A text that a header cannot hold, for example with a line break, removes the header.
    pub fn set_challenge(&self, challenge: Option<String>) {
        self.state().script().set_challenge(challenge);
    }

    /// Returns the requests that the cloud received, in order, sign-ins included.
    pub fn log(&self) -> Vec<LoggedRequest> {
        self.state().log().requests().to_vec()
    }

    /// Returns the number of requests that the cloud received, sign-ins included.
    pub fn requests(&self) -> u64 {
        self.state().log().requests().len() as u64
    }

    /// Returns the number of connections that are open now.
    pub fn connections(&self) -> usize {
        self.state().open_connections()
    }
}
