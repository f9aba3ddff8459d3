//! Inference: from all facts of a pass to the cause of a failure.
//!
//! Pure functions over [`Facts`] and answers. A single answer can mislead (for example, a wrong clock
//! looks like an expired token), so a diagnosis is refined by what the other answers showed.

use std::time::Duration;

use super::{
    cause::Cause,
    check::{Check, Outcome},
    checked::Checked,
    class::{PropagationTime, Retry},
    diagnosis::{Confidence, Diagnosis},
    facts::Facts,
    health::{Health, Outlook},
    plan::Plan,
    privilege::Privileges,
    time::whole_seconds,
};
use crate::{cloud::Cloud, connection::Connection, name::is_guid, store::Answer};

/// Infers the health from the results and the facts of a pass.
///
/// Refines every diagnosis once more, because a later answer can explain an earlier failure.
pub(super) fn health(plan: &Plan, mut checks: Vec<Checked>, facts: &Facts) -> Health {
    // A later pass made some checks again, so they are out of order.
    checks.sort_by_key(|checked| checked.check);
    let connection = plan.connection();
    let checks: Vec<_> =
        checks.into_iter().map(|checked| self::checked(plan, checked, facts)).collect();
    // Later checks often fail as a consequence, so the first failure is the one to act on. An optional
    // check, such as CORS, has no influence on whether a scan can start.
    let first = checks
        .iter()
        .find(|checked| checked.check.is_required() && checked.outcome == Outcome::Failed);
    let diagnosis = first.and_then(|checked| checked.diagnosis.clone());
    let can_resolve = diagnosis.as_ref().map(|diagnosis| can_resolve(diagnosis.cause, plan.age()));
    let outlook = match can_resolve {
        None => Outlook::Ready,
        Some(true) => Outlook::Wait,
        Some(false) => Outlook::Stop,
    };
    // Without a prefix, every name of the container is inside it.
    let has_prefix = !connection.prefix().is_empty();
    Health {
        account: connection.account().clone(),
        container: connection.container().clone(),
        prefix: connection.prefix().clone(),
        at: whole_seconds(plan.clock().time()),
        outlook,
        diagnosis,
        tenant: facts.challenge().map(|challenge| challenge.tenant.to_string()),
        object_id: facts.object_id().map(str::to_owned),
        public: facts.public(),
        privileges: plan
            .least_privilege()
            .then(|| Privileges::of(&facts.allowed_by_any_pass(), has_prefix)),
        checks,
    }
}

/// Returns whether a cause can pass without a change, if the change it waits for has this age.
///
/// A zero age means that nobody knows when the change was made, so it may have been just now.
pub(super) fn can_resolve(cause: Cause, age: Duration) -> bool {
    match (cause.retry(), cause.propagation_time()) {
        (Retry::Transient, _) => true,
        (_, Some(time)) => age < time.worst,
        // While an assignment propagates, front ends disagree, and their answers look like this.
        _ => cause.is_mixed() && age < PropagationTime::ROLE.worst,
    }
}

/// Refines the diagnosis of a result by the facts so far, and adds the command of its remedy.
///
/// A result without a diagnosis is returned unchanged.
pub(super) fn checked(plan: &Plan, mut checked: Checked, facts: &Facts) -> Checked {
    let Some(diagnosis) = checked.diagnosis.take() else { return checked };
    let mut diagnosis = refined(plan, diagnosis, checked.check, facts);
    diagnosis = diagnosis.with_names(plan.connection(), facts.object_id());
    // The grant's command wins over the general one: it fits the customer's shell.
    if let Some((grant, form)) = plan.grant() {
        diagnosis = diagnosis.with_grant(grant, form);
    }
    // The note of a failure repeats its cause, which may just have changed.
    if checked.outcome == Outcome::Failed {
        checked.note = diagnosis.cause.what().to_owned();
    }
    checked.because(diagnosis)
}

/// Returns the diagnosis with the cause that several answers together point to.
fn refined(plan: &Plan, diagnosis: Diagnosis, check: Check, facts: &Facts) -> Diagnosis {
    let allowed = |check| facts.allowed(check);
    let (cause, confidence) = match (diagnosis.cause, check) {
        // Every check of validity times fails if this machine's clock is wrong.
        (
            Cause::TokenExpired
            | Cause::TokenInvalid
            | Cause::SignatureRejected
            | Cause::SasLifetime
            | Cause::SasExpired
            | Cause::SasNotYetValid
            | Cause::AssertionTime,
            _,
        ) if facts.is_skewed() => (Cause::ClockSkew, Confidence::Likely),
        // In the wrong tenant, the application is unknown and its tokens are of no use.
        (
            Cause::TenantNotFound
            | Cause::ServicePrincipalMissing
            | Cause::CredentialRejected
            | Cause::TokenIssuer,
            _,
        ) if account_in_other_tenant(plan.connection(), facts) => {
            (Cause::TenantMismatch, Confidence::Certain)
        }
        (Cause::Unreachable | Cause::RequestTimeout, Check::Challenge) if facts.is_private() => {
            (Cause::PrivateEndpoint, Confidence::Likely)
        }
        (Cause::KeyOutOfScope, Check::DelegationKey) => match allowed(Check::List) {
            Some(true) => (Cause::KeyOutOfScope, Confidence::Likely),
            // Nothing at all is allowed, so the scope is not the problem.
            _ => (Cause::AccessMissing, Confidence::Possible),
        },
        (Cause::AccessMissing, Check::List | Check::Read) => {
            match (other_principal(plan, facts), access_cause(facts)) {
                (Some(cause), _) => (cause, Confidence::Certain),
                (None, Some(cause)) => (cause, Confidence::Likely),
                (None, None) => return diagnosis,
            }
        }
        _ => return diagnosis,
    };
    Diagnosis { cause, confidence, ..diagnosis }
}

/// Infers why a list or a read was denied, from which other requests were allowed.
///
/// Returns `None` if the answers leave it open: then the cause stays that the role is missing.
fn access_cause(facts: &Facts) -> Option<Cause> {
    let allowed = [Check::List, Check::Read, Check::ListContainers, Check::DelegationKey]
        .map(|check| facts.allowed(check));
    match allowed {
        [Some(false), Some(true), ..] => Some(Cause::ListNotCovered),
        [Some(true), Some(false), ..] => Some(Cause::ReadNotCovered),
        // The role Reader can list containers but obtains no keys. A data role on the account can do
        // both.
        [_, _, Some(true), Some(false)] => Some(Cause::ManagementRoleOnly),
        [_, _, Some(true), Some(true)] => Some(Cause::ConditionMismatch),
        _ => None,
    }
}

/// Returns a cause if the grant assigns the role to another principal than the one that signed in.
///
/// Needs a grant that names its principal, and a token that can be read. Without them, nothing is
/// known.
fn other_principal(plan: &Plan, facts: &Facts) -> Option<Cause> {
    let (grant, _) = plan.grant()?;
    let granted = grant.principal()?;
    let identity = facts.identity()?;
    if granted.eq_ignore_ascii_case(identity.object_id.as_deref()?) {
        return None;
    }
    let application = identity.application.as_deref();
    if application.is_some_and(|id| id.eq_ignore_ascii_case(granted)) {
        return Some(Cause::ApplicationIdAsObjectId);
    }
    Some(Cause::WrongPrincipal)
}

/// Returns a cause if the challenge of the account names the authority of another cloud.
pub(super) fn wrong_cloud(connection: &Connection, facts: &Facts) -> Option<Cause> {
    let challenge = facts.challenge()?;
    // A custom endpoint can belong to an account of any cloud.
    let is_custom = matches!(connection.cloud(), Cloud::Custom(_));
    let differs = family(connection.cloud().authority()) != family(&challenge.host);
    (!is_custom && differs).then_some(Cause::WrongCloud)
}

/// Returns whether the account belongs to another tenant than the connection names.
///
/// Only GUIDs are compared: a connection may name its tenant by a domain.
pub(super) fn account_in_other_tenant(connection: &Connection, facts: &Facts) -> bool {
    let (Some(challenge), Some(tenant)) = (facts.challenge(), connection.tenant()) else {
        return false;
    };
    let are_guids = is_guid(tenant.as_str()) && is_guid(challenge.tenant.as_str());
    are_guids && !tenant.as_str().eq_ignore_ascii_case(challenge.tenant.as_str())
}

/// Returns whether the token was issued by another tenant than the one that the account belongs to.
///
/// A challenge with a domain name instead of a GUID proves nothing.
pub(super) fn token_of_other_tenant(facts: &Facts) -> bool {
    let token = facts.identity().and_then(|identity| identity.tenant.as_deref());
    let account = facts.challenge().map(|challenge| challenge.tenant.as_str());
    matches!((token, account), (Some(token), Some(account)) if is_guid(account) && !token.eq_ignore_ascii_case(account))
}

/// Returns the cloud that an authority belongs to, by its host name.
///
/// Several hosts belong to one cloud, so hosts are not compared as texts.
fn family(authority: &str) -> &'static str {
    match authority {
        host if host.contains("microsoftonline.us") => "us_government",
        host if host.contains(".cn") => "china",
        _ => "public",
    }
}

/// Returns whether a browser lets pages of the origin use the answer.
pub(super) fn allows_origin(answer: &Answer, origin: &str) -> bool {
    let allowed = answer.cors.as_ref().and_then(|cors| cors.allow_origin.as_deref());
    allowed.is_some_and(|allowed| allowed == "*" || allowed == origin)
}

/// Returns whether a preflight allows pages to read ranges.
pub(super) fn allows_ranges(answer: &Answer) -> bool {
    answer.cors.as_ref().is_some_and(|cors| {
        lists(cors.allow_methods.as_deref(), "GET") && lists(cors.allow_headers.as_deref(), "range")
    })
}

/// Returns whether a page sees which range it received. A player that seeks needs that.
pub(super) fn exposes_ranges(answer: &Answer) -> bool {
    let exposed = answer.cors.as_ref().and_then(|cors| cors.expose_headers.as_deref());
    lists(exposed, "content-range")
}

/// Returns whether a header with a comma-separated list has a token, or `*`.
fn lists(header: Option<&str>, token: &str) -> bool {
    let header = header.unwrap_or_default();
    header.split(',').map(str::trim).any(|one| one == "*" || one.eq_ignore_ascii_case(token))
}
