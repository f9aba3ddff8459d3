//! From all answers together to what is wrong: pure, and where single answers mislead.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{
    Cause, Check, Checked, Confidence, Diagnosis, Health, Outcome, Outlook, Plan, PropagationTime,
    Retry, pass::Facts,
};
use crate::{cloud::Cloud, connection::Connection, name::is_guid, store::Answer};

pub(super) fn health(plan: &Plan, mut checks: Vec<Checked>, facts: &Facts) -> Health {
    checks.sort_by_key(|checked| checked.check);
    let connection = &plan.connection;
    let object_id = facts.identity.as_ref().and_then(|identity| identity.object_id.clone());
    // Later answers can tell more of an earlier check.
    let checks: Vec<_> =
        checks.into_iter().map(|checked| self::checked(plan, checked, facts)).collect();
    let first = checks.iter().find(|checked| checked.outcome == Outcome::Failed);
    let diagnosis = first.and_then(|checked| checked.diagnosis.clone());
    let outlook = match diagnosis.as_ref().map(|diagnosis| can_resolve(diagnosis.cause, plan.age()))
    {
        None => Outlook::Ready,
        Some(true) => Outlook::Wait,
        Some(false) => Outlook::Stop,
    };
    let has_prefix = !connection.prefix().is_empty();
    Health {
        account: connection.account().clone(),
        container: connection.container().clone(),
        prefix: connection.prefix().clone(),
        at: whole_seconds(plan.clock.time()),
        outlook,
        diagnosis,
        tenant: facts.challenge.as_ref().map(|challenge| challenge.tenant.to_string()),
        object_id,
        public: facts.public,
        privileges: plan.least_privilege.then(|| {
            let allowed = facts.ever_allowed.or(facts.allowed);
            allowed.privileges(has_prefix)
        }),
        checks,
    }
}

/// As it is stored
fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

/// Whether a cause can pass by itself, when what it waits for is so old
pub(super) fn can_resolve(cause: Cause, age: Duration) -> bool {
    match (cause.retry(), cause.spread()) {
        (Retry::Transient, _) => true,
        (_, Some(spread)) => age < spread.worst,
        // As long as front ends may differ, this is also what two of them say of one assignment.
        _ => is_mixed(cause) && age < PropagationTime::ROLE.worst,
    }
}

/// Whether some requests were allowed and others not
pub(super) fn is_mixed(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::ListNotCovered
            | Cause::ReadNotCovered
            | Cause::KeyOutOfScope
            | Cause::ManagementRoleOnly
    )
}

/// A check with what the answers so far tell of it, and the command that mends it
pub(super) fn checked(plan: &Plan, mut checked: Checked, facts: &Facts) -> Checked {
    let Some(diagnosis) = checked.diagnosis.take() else { return checked };
    let object_id = facts.identity.as_ref().and_then(|identity| identity.object_id.as_deref());
    let mut diagnosis = refined(plan, diagnosis, checked.check, facts);
    diagnosis = diagnosis.with_names(&plan.connection, object_id);
    if let Some((grant, form)) = &plan.grant {
        diagnosis = diagnosis.with_grant(grant, *form);
    }
    if checked.outcome == Outcome::Failed {
        checked.note = diagnosis.cause.what().to_owned();
    }
    checked.because(diagnosis)
}

/// The cause that several answers together point to
fn refined(plan: &Plan, diagnosis: Diagnosis, check: Check, facts: &Facts) -> Diagnosis {
    let allowed = facts.allowed;
    let (cause, confidence) = match (diagnosis.cause, check) {
        (
            Cause::TokenExpired
            | Cause::TokenInvalid
            | Cause::SignatureRejected
            | Cause::SasLifetime
            | Cause::SasExpired
            | Cause::SasNotYetValid
            | Cause::AssertionTime,
            _,
        ) if facts.skewed => (Cause::ClockSkew, Confidence::Likely),
        // What a principal of the wrong tenant is told.
        (
            Cause::TenantNotFound
            | Cause::ServicePrincipalMissing
            | Cause::CredentialRejected
            | Cause::TokenIssuer,
            _,
        ) if facts.other_tenant => (Cause::TenantMismatch, Confidence::Certain),
        (Cause::Unreachable | Cause::RequestTimeout, Check::Challenge) if facts.private => {
            (Cause::PrivateEndpoint, Confidence::Likely)
        }
        (Cause::KeyOutOfScope, Check::DelegationKey) => match allowed.list {
            Some(true) => (Cause::KeyOutOfScope, Confidence::Likely),
            // Nothing is allowed, so the scope is the least of it.
            _ => (Cause::AccessMissing, Confidence::Possible),
        },
        (Cause::AccessMissing, Check::List | Check::Read) => match other_principal(plan, facts) {
            Some(cause) => (cause, Confidence::Certain),
            None => match (allowed.list, allowed.read, allowed.containers, allowed.key) {
                (Some(false), Some(true), ..) => (Cause::ListNotCovered, Confidence::Likely),
                (Some(true), Some(false), ..) => (Cause::ReadNotCovered, Confidence::Likely),
                // Azure's own Reader can list containers and not make keys; a role for data that
                // is on the account can do both.
                (_, _, Some(true), Some(false)) => (Cause::ManagementRoleOnly, Confidence::Likely),
                (_, _, Some(true), Some(true)) => (Cause::ConditionMismatch, Confidence::Likely),
                _ => return diagnosis,
            },
        },
        _ => return diagnosis,
    };
    Diagnosis { cause, confidence, ..diagnosis }
}

/// Whether the grant gave the role to somebody else than who signed in
fn other_principal(plan: &Plan, facts: &Facts) -> Option<Cause> {
    let (grant, _) = plan.grant.as_ref()?;
    let granted = grant.principal()?;
    let identity = facts.identity.as_ref()?;
    if granted.eq_ignore_ascii_case(identity.object_id.as_deref()?) {
        return None;
    }
    let application = identity.application.as_deref();
    if application.is_some_and(|id| id.eq_ignore_ascii_case(granted)) {
        return Some(Cause::ApplicationIdAsObjectId);
    }
    Some(Cause::WrongPrincipal)
}

/// Whether the account is of another cloud, by its challenge
pub(super) fn wrong_cloud(connection: &Connection, facts: &Facts) -> Option<Cause> {
    let challenge = facts.challenge.as_ref()?;
    // An endpoint of one's own may stand before an account of any cloud.
    let own = matches!(connection.cloud(), Cloud::Custom(_));
    let other = family(connection.cloud().authority()) != family(&challenge.host);
    (!own && other).then_some(Cause::WrongCloud)
}

/// Whether the account belongs to another tenant than the connection names, by its challenge
pub(super) fn account_in_other_tenant(connection: &Connection, facts: &Facts) -> bool {
    let (Some(challenge), Some(tenant)) = (&facts.challenge, connection.tenant()) else {
        return false;
    };
    let both = is_guid(tenant.as_str()) && is_guid(challenge.tenant.as_str());
    both && !tenant.as_str().eq_ignore_ascii_case(challenge.tenant.as_str())
}

/// The cloud that an authority signs in to
fn family(authority: &str) -> &'static str {
    match authority {
        host if host.contains("microsoftonline.us") => "us_government",
        host if host.contains(".cn") => "china",
        _ => "public",
    }
}

pub(super) fn token_of_other_tenant(facts: &Facts) -> bool {
    let token = facts.identity.as_ref().and_then(|identity| identity.tenant.as_deref());
    let account = facts.challenge.as_ref().map(|challenge| challenge.tenant.as_str());
    matches!((token, account), (Some(token), Some(account)) if is_guid(account) && !token.eq_ignore_ascii_case(account))
}

/// Whether pages of the origin may use the answer
pub(super) fn allows_origin(answer: &Answer, origin: &str) -> bool {
    let allowed = answer.cors.as_ref().and_then(|cors| cors.allow_origin.as_deref());
    allowed.is_some_and(|allowed| allowed == "*" || allowed == origin)
}

/// Whether a preflight lets pages read ranges
pub(super) fn allows_ranges(answer: &Answer) -> bool {
    let has = |list: Option<&str>, wanted: &str| {
        let list = list.unwrap_or_default();
        list.split(',').any(|one| one.trim() == "*" || one.trim().eq_ignore_ascii_case(wanted))
    };
    answer.cors.as_ref().is_some_and(|cors| {
        has(cors.allow_methods.as_deref(), "GET") && has(cors.allow_headers.as_deref(), "range")
    })
}

/// Whether a page sees which range it was given: a player that seeks by itself asks for that
pub(super) fn exposes_ranges(answer: &Answer) -> bool {
    let exposed = answer.cors.as_ref().and_then(|cors| cors.expose_headers.as_deref());
    exposed.unwrap_or_default().split(',').any(|header| {
        let header = header.trim();
        header == "*" || header.eq_ignore_ascii_case("content-range")
    })
}
