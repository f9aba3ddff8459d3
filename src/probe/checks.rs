//! The checks, each of which asks its question and takes note of the answer.

use std::{net::IpAddr, num::NonZeroU16, time::Duration};

use super::{
    Cause, Check, Checked, Confidence, Diagnosis, Evidence, Outcome,
    health::in_minutes,
    infer,
    pass::{Block, Pass},
};
use crate::{
    cloud::{Cloud, Reach, reach},
    error::{Error, ErrorKind},
    name::ContainerName,
    store::{AccessTier, Answer, ListRequest, Question, ReadRequest},
};

/// An empty page with a marker is legal; so many in a row are no reason to doubt
const MOST_PAGES: usize = 8;

impl Pass {
    pub(super) fn names(&mut self) -> Checked {
        let check = Check::Names;
        if let Some((grant, _)) = &self.plan.grant
            && grant.principal().is_some_and(|id| id.eq_ignore_ascii_case(grant.application()))
        {
            self.block = Block::Everything("the grant names a wrong principal");
            let cause = Cause::ApplicationIdAsObjectId;
            let diagnosis = Diagnosis::new(cause, Confidence::Certain, Evidence::default());
            return Checked::new(check, Outcome::Failed, cause.what()).because(diagnosis);
        }
        if let Some((grant, _)) = &self.plan.grant
            && !grant.is_for(&self.plan.connection)
        {
            self.block = Block::Everything("the grant is for another container");
            let diagnosis =
                Diagnosis::new(Cause::Misconfigured, Confidence::Certain, Evidence::default());
            let note = "the grant is for another account or container than the connection";
            return Checked::new(check, Outcome::Failed, note).because(diagnosis);
        }
        let warnings = self.plan.connection.warnings();
        if warnings.is_empty() {
            return Checked::new(check, Outcome::Passed, "");
        }
        let note: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        Checked::new(check, Outcome::Warned, note.join("; "))
    }

    pub(super) async fn dns(&mut self) -> Checked {
        let check = Check::Dns;
        match self.ask(Question::Addresses).await {
            (Ok(answer), _) if !answer.known => unanswered(check),
            (Ok(answer), evidence) => {
                let own = matches!(self.plan.connection.cloud(), Cloud::Custom(_));
                let addresses = &answer.addresses;
                self.facts.private =
                    !own && !addresses.is_empty() && addresses.iter().all(is_private);
                // A private address tells how the service's own network is built.
                let note = match addresses.first() {
                    _ if self.facts.private => "a private endpoint".to_owned(),
                    Some(address) if is_private(address) => "a private address".to_owned(),
                    first => first.map(ToString::to_string).unwrap_or_default(),
                };
                Checked::new(check, Outcome::Passed, note).with(evidence)
            }
            // Behind a proxy only the proxy needs to know the name: the challenge decides.
            (Err(error), evidence) => {
                let diagnosis = self.diagnose(check, &error, &evidence);
                Checked::new(check, Outcome::Warned, diagnosis.cause.what())
                    .with(evidence)
                    .because(diagnosis)
            }
        }
    }

    pub(super) async fn challenge(&mut self) -> Checked {
        let check = Check::Challenge;
        let (answer, evidence) = match self.ask(Question::Challenge).await {
            (Ok(answer), _) if !answer.known => return unanswered(check),
            (Ok(answer), evidence) => (answer, evidence),
            (Err(error), evidence) => {
                self.block = Block::Everything("the account does not answer");
                return self.failed(check, &error, evidence);
            }
        };
        self.facts.challenge = answer.challenge;
        let public = answer.status.is_some_and(|status| (200..300).contains(&status));
        self.facts.public = Some(public);
        if let Some(cause) = infer::wrong_cloud(&self.plan.connection, &self.facts) {
            self.block = Block::Everything("the sign-in would be of no use");
            let diagnosis = Diagnosis::new(cause, Confidence::Certain, evidence.clone());
            return Checked::new(check, Outcome::Failed, cause.what())
                .with(evidence)
                .because(diagnosis);
        }
        self.facts.other_tenant =
            infer::account_in_other_tenant(&self.plan.connection, &self.facts);
        let off = answer.served_at.and_then(|served| self.skew(served));
        self.facts.skewed = off.is_some();
        let (cause, note) = match off {
            _ if self.facts.other_tenant => (Some(Cause::TenantMismatch), String::new()),
            Some(off) => (
                Some(Cause::ClockSkew),
                format!("this machine's clock is off by {}", in_minutes(off)),
            ),
            None if public => (Some(Cause::PublicContainer), String::new()),
            None => (None, String::new()),
        };
        if let Some(cause) = cause {
            let diagnosis = Diagnosis::new(cause, Confidence::Certain, evidence.clone());
            let note = if note.is_empty() { cause.what().to_owned() } else { note };
            return Checked::new(check, Outcome::Warned, note).with(evidence).because(diagnosis);
        }
        let note = match &self.facts.challenge {
            Some(challenge) => format!("tenant {}", challenge.tenant),
            None => "it names no tenant".to_owned(),
        };
        Checked::new(check, Outcome::Passed, note).with(evidence)
    }

    pub(super) async fn token(&mut self) -> Checked {
        let check = Check::Token;
        let (identity, evidence) = match self.ask(Question::Token).await {
            (Ok(Answer { identity: Some(identity), .. }), evidence) => (identity, evidence),
            (Ok(_), _) => {
                return Checked::new(check, Outcome::Skipped, "the store signs in to nothing");
            }
            (Err(error), evidence) => {
                self.block = Block::Credential("there is no token");
                return self.failed(check, &error, evidence);
            }
        };
        let note = match (&identity.object_id, &identity.tenant) {
            (Some(id), Some(tenant)) => format!("principal {id} of tenant {tenant}"),
            _ => "its token tells no principal".to_owned(),
        };
        self.facts.identity = Some(identity);
        if infer::token_of_other_tenant(&self.facts) {
            self.block = Block::Credential("the token is of another tenant");
            let cause = Cause::TokenIssuer;
            let diagnosis = Diagnosis::new(cause, Confidence::Certain, evidence.clone());
            return Checked::new(check, Outcome::Failed, note).with(evidence).because(diagnosis);
        }
        Checked::new(check, Outcome::Passed, note).with(evidence)
    }

    pub(super) async fn list(&mut self) -> Checked {
        let check = Check::List;
        let prefix = self.plan.connection.prefix().as_str().to_owned();
        // To confirm, over a connection of its own: that may lead to another front end.
        if self.confirms.is_some() {
            let (result, evidence) = self.ask(Question::List { prefix: prefix.clone() }).await;
            match result {
                Ok(answer) if !answer.known => {}
                Ok(_) => {
                    // As it was seen before, with the evidence of now.
                    let seen = self.confirms.take();
                    let seen = seen.unwrap_or_else(|| Checked::new(check, Outcome::Passed, ""));
                    return seen.with(evidence);
                }
                Err(error) => return self.list_failed(&error, evidence),
            }
        }
        let mut request = ListRequest::new(prefix);
        request.max_results = NonZeroU16::new(1);
        let start = self.plan.clock.elapsed();
        let mut blob = None;
        for _ in 0..MOST_PAGES {
            let page = match self.within(self.plan.store.store().list(request.clone())).await {
                Ok(page) => page,
                Err(error) => {
                    let evidence = Evidence::of_error(&error, self.since(start));
                    return self.list_failed(&error, evidence);
                }
            };
            blob = page.blobs.into_iter().next();
            if page.next.is_some() && page.next == request.marker {
                let what = "the service gave a marker a second time, so a listing would never end";
                let error = Error::new(ErrorKind::RepeatedMarker, what);
                let evidence = Evidence::of_error(&error, self.since(start));
                return self.list_failed(&error, evidence);
            }
            request.marker = page.next;
            if blob.is_some() || request.marker.is_none() {
                break;
            }
        }
        self.facts.allowed.list = Some(true);
        let empty = blob.is_none() && request.marker.is_none();
        self.facts.blob = blob.filter(|blob| {
            let archived = blob.access_tier == Some(AccessTier::Archive);
            !archived && self.plan.connection.blob_url(&blob.name).is_some()
        });
        let evidence = Evidence::of_time(self.since(start));
        if !empty {
            return Checked::new(check, Outcome::Passed, "").with(evidence);
        }
        let cause = Cause::EmptyListing;
        let diagnosis = Diagnosis::new(cause, Confidence::Certain, evidence.clone());
        Checked::new(check, Outcome::Warned, cause.what()).with(evidence).because(diagnosis)
    }

    fn list_failed(&mut self, error: &Error, evidence: Evidence) -> Checked {
        // A read that was allowed before says nothing of the front end that refuses now.
        self.facts.allowed.read = None;
        self.facts.allowed.list = denied(error).then_some(false);
        // Where it is a matter of permission, the other questions tell which.
        if !denied(error) {
            self.block = Block::Everything("the list failed");
        }
        self.failed(Check::List, error, evidence)
    }

    pub(super) async fn read(&mut self) -> Checked {
        let check = Check::Read;
        let name = match &self.facts.blob {
            Some(blob) => blob.name.clone(),
            None => format!("{}{}", self.plan.connection.prefix(), random_name()),
        };
        let mut as_browser = None;
        if let Some(origin) = &self.plan.origin {
            let question = Question::BrowserRead { blob: name.clone(), origin: origin.clone() };
            let (result, evidence) = self.ask(question).await;
            if !matches!(&result, Ok(answer) if !answer.known) {
                as_browser = Some((result, evidence));
            }
        }
        self.facts.asked_as_browser = as_browser.is_some();
        let (result, evidence) = match as_browser {
            Some((result, evidence)) => {
                (result.map(|answer| self.facts.browser = Some(answer)), evidence)
            }
            None => self.plain_read(name).await,
        };
        let Err(error) = result else {
            self.facts.allowed.read = Some(true);
            return Checked::new(check, Outcome::Passed, "").with(evidence);
        };
        let diagnosis = self.diagnose(check, &error, &evidence);
        // Answers that only who may read is given.
        let note = match diagnosis.cause {
            Cause::BlobNotFound => "allowed; there was no blob to read",
            Cause::RangeInvalid => "allowed; the blob is empty",
            Cause::BlobChanged => "allowed; the blob has changed since it was listed",
            Cause::BlobArchived | Cause::BlobRehydrating | Cause::CustomerKey => {
                self.facts.allowed.read = Some(true);
                let note = diagnosis.cause.what();
                return Checked::new(check, Outcome::Warned, note)
                    .with(evidence)
                    .because(diagnosis);
            }
            _ => {
                self.facts.allowed.read = denied(&error).then_some(false);
                return self.failed(check, &error, evidence);
            }
        };
        self.facts.allowed.read = Some(true);
        Checked::new(check, Outcome::Passed, note).with(evidence)
    }

    async fn plain_read(&self, name: String) -> (Result<(), Error>, Evidence) {
        let request = match &self.facts.blob {
            Some(blob) => ReadRequest::of(blob, 0..1),
            None => ReadRequest::new(name, 0..1),
        };
        let start = self.plan.clock.elapsed();
        let result = self.within(self.plan.store.store().read(request)).await;
        let took = self.since(start);
        let evidence = match &result {
            Ok(_) => Evidence::of_time(took),
            Err(error) => Evidence::of_error(error, took),
        };
        (result.map(|_| ()), evidence)
    }

    pub(super) async fn delegation_key(&mut self) -> Checked {
        let check = Check::DelegationKey;
        let wanted = self.plan.view_links;
        match self.ask(Question::DelegationKey).await {
            (Ok(answer), _) if !answer.known && wanted => not_probed(check),
            (Ok(answer), _) if !answer.known => unanswered(check),
            (Ok(_), evidence) => {
                self.facts.allowed.key = Some(true);
                let note = if wanted { "" } else { "allowed, and not needed" };
                Checked::new(check, Outcome::Passed, note).with(evidence)
            }
            (Err(error), evidence) => {
                self.facts.allowed.key = denied(&error).then_some(false);
                if wanted {
                    return self.failed(check, &error, evidence);
                }
                let note = match self.facts.allowed.key {
                    Some(_) => "refused, and not needed",
                    None => "the answer tells neither yes nor no",
                };
                Checked::new(check, Outcome::Skipped, note).with(evidence)
            }
        }
    }

    pub(super) async fn preflight(&mut self) -> Checked {
        let check = Check::Preflight;
        let Some(origin) = self.plan.origin.clone() else { return unanswered(check) };
        match self.ask(Question::Preflight { origin: origin.clone() }).await {
            (Ok(answer), _) if !answer.known => not_probed(check),
            (Ok(answer), evidence)
                if infer::allows_origin(&answer, &origin) && infer::allows_ranges(&answer) =>
            {
                Checked::new(check, Outcome::Passed, "").with(evidence)
            }
            (Ok(_), evidence) => cors_missing(check, evidence),
            (Err(error), evidence) => self.failed(check, &error, evidence),
        }
    }

    pub(super) fn browser_read(&mut self) -> Checked {
        let check = Check::BrowserRead;
        let (Some(origin), Some(answer)) = (&self.plan.origin, &self.facts.browser) else {
            if !self.facts.asked_as_browser {
                return not_probed(check);
            }
            return Checked::new(check, Outcome::Skipped, "there was no answer to a read");
        };
        let evidence = Evidence::of_answer(answer, Duration::ZERO);
        if !infer::allows_origin(answer, origin) {
            return cors_missing(check, evidence);
        }
        if infer::exposes_ranges(answer) {
            return Checked::new(check, Outcome::Passed, "").with(evidence);
        }
        let cause = Cause::CorsIncomplete;
        let diagnosis = Diagnosis::new(cause, Confidence::Certain, evidence.clone());
        Checked::new(check, Outcome::Warned, cause.what()).with(evidence).because(diagnosis)
    }

    /// A question whose good answer is no
    pub(super) async fn least_privilege(&mut self, check: Check) -> Checked {
        let connection = &self.plan.connection;
        let elsewhere = || ContainerName::try_from(random_name());
        let (question, cause) = match (check, elsewhere()) {
            (Check::OutsidePrefix, _) => {
                let container = connection.container().clone();
                let prefix = format!("{}/", random_name());
                (Question::ListOther { container, prefix }, Cause::PrefixNotLimited)
            }
            (Check::ListContainers, _) => (Question::ListContainers, Cause::ContainersListable),
            (Check::OtherList, Ok(container)) => {
                let prefix = connection.prefix().as_str().to_owned();
                (Question::ListOther { container, prefix }, Cause::BroadAccess)
            }
            (_, Ok(container)) => {
                let blob = random_name();
                (Question::ReadOther { container, blob }, Cause::BroadAccess)
            }
            (_, Err(_)) => return unanswered(check),
        };
        let (result, evidence) = self.ask(question).await;
        let allowed = match &result {
            Ok(answer) if !answer.known => return unanswered(check),
            Ok(_) => Some(true),
            // Only who may look is told that there is nothing.
            Err(error) => match error.kind() {
                ErrorKind::ContainerNotFound | ErrorKind::BlobNotFound => Some(true),
                _ => denied(error).then_some(false),
            },
        };
        let slot = match check {
            Check::OtherList => &mut self.facts.allowed.other_list,
            Check::OtherRead => &mut self.facts.allowed.other_read,
            Check::OutsidePrefix => &mut self.facts.allowed.outside_prefix,
            _ => &mut self.facts.allowed.containers,
        };
        *slot = allowed;
        match allowed {
            Some(false) => Checked::new(check, Outcome::Passed, "refused").with(evidence),
            Some(true) => {
                let diagnosis = Diagnosis::new(cause, Confidence::Certain, evidence.clone());
                Checked::new(check, Outcome::Warned, cause.what()).with(evidence).because(diagnosis)
            }
            None => Checked::new(check, Outcome::Skipped, "the answer tells neither yes nor no")
                .with(evidence),
        }
    }
}

pub(super) fn unanswered(check: Check) -> Checked {
    Checked::new(check, Outcome::Skipped, "the store does not tell")
}

/// What was asked for by the caller, and the store cannot tell
fn not_probed(check: Check) -> Checked {
    let cause = Cause::NotProbed;
    let diagnosis = Diagnosis::new(cause, Confidence::Certain, Evidence::default());
    Checked::new(check, Outcome::Warned, cause.what()).because(diagnosis)
}

fn cors_missing(check: Check, evidence: Evidence) -> Checked {
    let cause = Cause::CorsMissing;
    let diagnosis = Diagnosis::new(cause, Confidence::Certain, evidence.clone());
    Checked::new(check, Outcome::Failed, cause.what()).with(evidence).because(diagnosis)
}

/// Whether it is a lack of permission that the service tells of
fn denied(error: &Error) -> bool {
    matches!(Diagnosis::at(Check::List, error).cause, Cause::AccessMissing)
}

/// A name that nothing has
fn random_name() -> String {
    format!("azure-asset-sync-probe-{:016x}", fastrand::u64(..))
}

/// Also if it is written as an IPv6 address, or is of the shared space of a carrier
fn is_private(address: &IpAddr) -> bool {
    reach(*address) == Reach::Private
}
