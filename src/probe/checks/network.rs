//! The checks up to the sign-in: names, DNS, challenge and token.
//!
//! None of them needs a role: they fail because of wrong names, the network, or the credential.

use std::net::IpAddr;

use super::{
    super::{
        cause::Cause,
        check::{Check, Outcome},
        checked::Checked,
        diagnosis::{Confidence, Diagnosis},
        evidence::Evidence,
        infer,
        time::in_minutes,
    },
    context::{Block, Context, certain, unsupported},
};
use crate::{
    cloud::{Cloud, Reach, reach},
    store::{Answer, Question},
};

/// Checks that connection and grant name the same things. Sends no request.
///
/// A role that is assigned to the application (client) ID can never work, so all later checks are
/// skipped.
pub(super) fn names(context: &mut Context) -> Checked {
    let check = Check::Names;
    if let Some((grant, _)) = context.plan().grant() {
        // An application and its service principal never have the same GUID.
        if grant.principal().is_some_and(|id| id.eq_ignore_ascii_case(grant.application())) {
            context
                .set_block(Block::Everything("not checked: the grant names the wrong principal"));
            let cause = Cause::ApplicationIdAsObjectId;
            return certain(check, Outcome::Failed, cause, Evidence::default());
        }
        if !grant.is_for(context.plan().connection()) {
            context.set_block(Block::Everything("not checked: the grant is for another container"));
            let cause = Cause::Misconfigured;
            let diagnosis = Diagnosis::new(cause, Confidence::Certain, Evidence::default());
            let note = "the grant is for another account or container than the connection";
            return Checked::new(check, Outcome::Failed, note).because(diagnosis);
        }
    }
    let warnings = context.plan().connection().warnings();
    if warnings.is_empty() {
        return Checked::new(check, Outcome::Passed, "");
    }
    let note: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    Checked::new(check, Outcome::Warned, note.join("; "))
}

/// Checks that the account's host name resolves.
///
/// An emulator and a private endpoint may have private addresses, so these are no failure.
pub(super) async fn dns(context: &mut Context) -> Checked {
    let check = Check::Dns;
    match context.ask(Question::Addresses).await {
        (Ok(answer), _) if !answer.known => unsupported(check),
        (Ok(answer), evidence) => {
            let is_custom = matches!(context.plan().connection().cloud(), Cloud::Custom(_));
            let addresses = &answer.addresses;
            let private = !is_custom && !addresses.is_empty() && addresses.iter().all(is_private);
            context.facts_mut().set_private(private);
            // A private address reveals how the service's own network is built, so it is not shown.
            let note = match addresses.first() {
                _ if private => "a private endpoint".to_owned(),
                Some(address) if is_private(address) => "a private address".to_owned(),
                first => first.map(ToString::to_string).unwrap_or_default(),
            };
            Checked::new(check, Outcome::Passed, note).with(evidence)
        }
        // A warning only: if there is a proxy, only the proxy has to resolve the name. The challenge
        // shows whether the account can be reached.
        (Err(error), evidence) => {
            let diagnosis = context.diagnose(check, &error, &evidence);
            Checked::new(check, Outcome::Warned, diagnosis.cause.what())
                .with(evidence)
                .because(diagnosis)
        }
    }
}

/// Checks that the account answers over TLS, and learns its tenant and its time.
///
/// The request has no credential. The expected answer is 401 with a challenge that names the
/// tenant.
pub(super) async fn challenge(context: &mut Context) -> Checked {
    let check = Check::Challenge;
    let (answer, evidence) = match context.ask(Question::Challenge).await {
        // The later checks still run: an unknown answer is not a failure.
        (Ok(answer), _) if !answer.known => return unsupported(check),
        (Ok(answer), evidence) => (answer, evidence),
        (Err(error), evidence) => {
            context.set_block(Block::Everything("not checked: the account does not answer"));
            return context.failed(check, &error, evidence);
        }
    };
    // The request has no credential, so an answer with blobs means that anybody can list them.
    let public = answer.status.is_some_and(|status| (200..300).contains(&status));
    context.facts_mut().set_public(public);
    context.facts_mut().set_challenge(answer.challenge);
    if let Some(cause) = infer::wrong_cloud(context.plan().connection(), context.facts()) {
        let why = "not checked: the connection names another cloud than the account's";
        context.set_block(Block::Everything(why));
        return certain(check, Outcome::Failed, cause, evidence);
    }
    // The first answer of the account, so a wrong clock explains the failures that follow.
    let off = answer.served_at.and_then(|served| context.skew(served));
    context.facts_mut().set_skewed(off.is_some());
    if infer::account_in_other_tenant(context.plan().connection(), context.facts()) {
        return certain(check, Outcome::Warned, Cause::TenantMismatch, evidence);
    }
    if let Some(off) = off {
        let note = format!("this machine's clock is off by {}", in_minutes(off));
        return Checked { note, ..certain(check, Outcome::Warned, Cause::ClockSkew, evidence) };
    }
    if public {
        return certain(check, Outcome::Warned, Cause::PublicContainer, evidence);
    }
    let note = match context.facts().challenge() {
        Some(challenge) => format!("tenant {}", challenge.tenant),
        None => "the account names no tenant".to_owned(),
    };
    Checked::new(check, Outcome::Passed, note).with(evidence)
}

/// Checks that the principal can sign in, and learns its object ID.
///
/// Sends nothing to the storage account. A store without Microsoft Entra ID, for example with a
/// shared access signature, skips the check.
pub(super) async fn token(context: &mut Context) -> Checked {
    let check = Check::Token;
    let (identity, evidence) = match context.ask(Question::Token).await {
        (Ok(Answer { identity: Some(identity), .. }), evidence) => (identity, evidence),
        (Ok(_), _) => {
            return Checked::new(
                check,
                Outcome::Skipped,
                "not checked: the store does not sign in",
            );
        }
        (Err(error), evidence) => {
            context.set_block(Block::Credential("not checked: the sign-in failed"));
            return context.failed(check, &error, evidence);
        }
    };
    let note = match (&identity.object_id, &identity.tenant) {
        (Some(id), Some(tenant)) => format!("principal {id} of tenant {tenant}"),
        _ => "the token does not name its principal".to_owned(),
    };
    context.facts_mut().set_identity(identity);
    if infer::token_of_other_tenant(context.facts()) {
        context.set_block(Block::Credential("not checked: another tenant issued the token"));
        return Checked { note, ..certain(check, Outcome::Failed, Cause::TokenIssuer, evidence) };
    }
    Checked::new(check, Outcome::Passed, note).with(evidence)
}

/// Returns whether an address is private, including IPv4-mapped IPv6 addresses and the shared address
/// space of carriers (RFC 6598).
fn is_private(address: &IpAddr) -> bool {
    reach(*address) == Reach::Private
}
