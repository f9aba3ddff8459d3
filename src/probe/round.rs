//! One pass over the checks, a check at a time.

use std::{
    collections::VecDeque,
    net::IpAddr,
    num::NonZeroU16,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::timeout;

use super::{
    Cause, Check, Checked, Confidence, Diagnosis, Evidence, Health, Outcome, Plan, Subject,
    conclude, health::minutes, privilege::Allowed,
};
use crate::{
    cloud::Cloud,
    error::{Error, ErrorKind},
    name::ContainerName,
    store::{
        AccessTier, Answer, Blob, Inspect, ListRequest, Question, ReadRequest, Store,
        inspect::{Challenge, Identity},
    },
};

/// An empty page with a marker is legal; so many in a row are no reason to doubt
const MOST_PAGES: usize = 8;

/// Clocks that differ by less are no cause: tokens and signatures leave that much room
///
/// Source: Microsoft Learn, "Configurable token lifetimes" (five minutes of tolerance).
const TOLERATED_SKEW: Duration = Duration::from_secs(300);

/// What the answers told, beside passed and failed
#[derive(Clone, Default)]
pub(super) struct Facts {
    pub(super) allowed: Allowed,
    pub(super) identity: Option<Identity>,
    pub(super) challenge: Option<Challenge>,
    /// Whether this machine's clock is off by more than is tolerated
    pub(super) skewed: bool,
    /// Whether all addresses of the host are private ones
    pub(super) private: bool,
    /// How long the services asked to wait
    pub(super) retry_after: Option<Duration>,
    /// A blob to read, where the list had one that can be
    blob: Option<Blob>,
    /// Whether the list had anything
    pub(super) empty: bool,
    /// What the read told a browser
    browser: Option<Answer>,
}

pub(super) struct Round {
    plan: Arc<Plan>,
    todo: VecDeque<Check>,
    done: Vec<Checked>,
    facts: Facts,
    block: Block,
    /// Whether a pass was made before it
    again: bool,
}

/// What of the rest cannot be asked, and why
enum Block {
    Nothing,
    /// What needs the credential
    Credential(&'static str),
    Everything(&'static str),
}

/// A pass that is over
pub(super) struct Finished {
    pub(super) health: Health,
    pub(super) facts: Facts,
}

impl Round {
    /// A pass over everything
    pub(super) fn first(plan: Arc<Plan>) -> Self {
        let mut todo = vec![Check::Names, Check::Dns, Check::Challenge];
        todo.extend(behind_the_network(&plan));
        Self::over(plan, todo, Vec::new(), Facts::default())
    }

    /// A pass over what can have changed since one that failed
    pub(super) fn again(plan: Arc<Plan>, before: Finished) -> Self {
        if before.health.failed(Check::Challenge) {
            return Self::first(plan);
        }
        let mut todo = behind_the_network(&plan);
        // The rule for browsers is none of the role's.
        todo.retain(|&check| check != Check::Preflight || !before.health.passed(check));
        let facts = Facts {
            challenge: before.facts.challenge,
            skewed: before.facts.skewed,
            private: before.facts.private,
            ..Facts::default()
        };
        let done = before.health.checks.into_iter().filter(|done| !todo.contains(&done.check));
        let done = done.collect();
        Self { again: true, ..Self::over(plan, todo, done, facts) }
    }

    /// A pass over the list alone, since one that was good
    pub(super) fn confirm(plan: Arc<Plan>, before: Finished) -> Self {
        let done = before.health.checks.into_iter().filter(|done| done.check != Check::List);
        let done = done.collect();
        Self::over(plan, vec![Check::List], done, before.facts)
    }

    fn over(plan: Arc<Plan>, todo: Vec<Check>, done: Vec<Checked>, facts: Facts) -> Self {
        Self { plan, todo: todo.into(), done, facts, block: Block::Nothing, again: false }
    }

    /// Makes the next check; `None` once all are made
    pub(super) async fn step(&mut self) -> Option<Checked> {
        let check = self.todo.pop_front()?;
        let checked = match self.block {
            Block::Everything(why) => Checked::new(check, Outcome::Skipped, why),
            Block::Credential(why) if needs_credential(check) => {
                Checked::new(check, Outcome::Skipped, why)
            }
            // What a role must not allow is asked again once it allows what it must.
            Block::Nothing
                if self.again
                    && self.facts.allowed.list != Some(true)
                    && matches!(
                        check,
                        Check::OtherList | Check::OtherRead | Check::OutsidePrefix
                    ) =>
            {
                Checked::new(check, Outcome::Skipped, "not before the container can be listed")
            }
            _ => self.make(check).await,
        };
        let checked = conclude::checked(&self.plan, checked, &self.facts);
        self.done.push(checked.clone());
        Some(checked)
    }

    /// What follows from the checks that were made
    pub(super) fn finish(self) -> Finished {
        let Self { plan, done, facts, .. } = self;
        Finished { health: conclude::health(&plan, done, &facts), facts }
    }

    async fn make(&mut self, check: Check) -> Checked {
        match check {
            Check::Names => self.names(),
            Check::Dns => self.dns().await,
            Check::Challenge => self.challenge().await,
            Check::Token => self.token().await,
            Check::List => self.list().await,
            Check::Read => self.read().await,
            Check::DelegationKey => self.delegation_key().await,
            Check::Preflight => self.preflight().await,
            Check::BrowserRead => self.browser_read(),
            Check::OtherList | Check::OtherRead | Check::OutsidePrefix | Check::ListContainers => {
                self.neighbour(check).await
            }
        }
    }

    fn names(&mut self) -> Checked {
        let check = Check::Names;
        if let Some((grant, _)) = &self.plan.grant
            && grant.principal().is_some_and(|id| id.eq_ignore_ascii_case(grant.application()))
        {
            self.block = Block::Everything("the grant names a wrong principal");
            let cause = Cause::ApplicationIdAsObjectId;
            let diagnosis = Diagnosis::new(cause, Confidence::Certain, Evidence::default());
            return Checked::new(check, Outcome::Failed, cause.what()).because(diagnosis);
        }
        let warnings = self.plan.connection.warnings();
        if warnings.is_empty() {
            return Checked::new(check, Outcome::Passed, "");
        }
        let note: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        Checked::new(check, Outcome::Warned, note.join("; "))
    }

    async fn dns(&mut self) -> Checked {
        let check = Check::Dns;
        match self.ask(Question::Addresses).await {
            (Ok(answer), _) if !answer.known => unasked(check),
            (Ok(answer), evidence) => {
                let own = matches!(self.plan.connection.cloud(), Cloud::Custom(_));
                let addresses = &answer.addresses;
                self.facts.private = !own && addresses.iter().all(is_private);
                let mut note = addresses.first().map(ToString::to_string).unwrap_or_default();
                if self.facts.private {
                    note.push_str(", a private endpoint");
                }
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

    async fn challenge(&mut self) -> Checked {
        let check = Check::Challenge;
        let (answer, evidence) = match self.ask(Question::Challenge).await {
            (Ok(answer), _) if !answer.known => return unasked(check),
            (Ok(answer), evidence) => (answer, evidence),
            (Err(error), evidence) => {
                self.block = Block::Everything("the account does not answer");
                return self.failed(check, &error, evidence);
            }
        };
        self.facts.challenge = answer.challenge;
        if let Some(cause) = conclude::of_challenge(&self.plan.connection, &self.facts) {
            self.block = Block::Everything("the sign-in would be of no use");
            let diagnosis = Diagnosis::new(cause, Confidence::Certain, evidence.clone());
            return Checked::new(check, Outcome::Failed, cause.what())
                .with(evidence)
                .because(diagnosis);
        }
        let off = answer.served_at.and_then(|served| self.skew(served));
        self.facts.skewed = off.is_some();
        if let Some(off) = off {
            let diagnosis = Diagnosis::new(Cause::ClockSkew, Confidence::Certain, evidence.clone());
            let note = format!("this machine's clock is off by {}", minutes(off));
            return Checked::new(check, Outcome::Warned, note).with(evidence).because(diagnosis);
        }
        if answer.status.is_some_and(|status| (200..300).contains(&status)) {
            let cause = Cause::PublicContainer;
            let diagnosis = Diagnosis::new(cause, Confidence::Certain, evidence.clone());
            return Checked::new(check, Outcome::Warned, cause.what())
                .with(evidence)
                .because(diagnosis);
        }
        let note = match &self.facts.challenge {
            Some(challenge) => format!("tenant {}", challenge.tenant),
            None => "it names no tenant".to_owned(),
        };
        Checked::new(check, Outcome::Passed, note).with(evidence)
    }

    async fn token(&mut self) -> Checked {
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
        if conclude::is_of_another_tenant(&self.facts) {
            self.block = Block::Credential("the token is of another tenant");
            let cause = Cause::TokenIssuer;
            let diagnosis = Diagnosis::new(cause, Confidence::Certain, evidence.clone());
            return Checked::new(check, Outcome::Failed, note).with(evidence).because(diagnosis);
        }
        Checked::new(check, Outcome::Passed, note).with(evidence)
    }

    async fn list(&mut self) -> Checked {
        let check = Check::List;
        let prefix = self.plan.connection.prefix().as_str().to_owned();
        // To confirm, over a connection of its own: that may lead to another front end.
        if self.facts.allowed.list == Some(true) {
            let (result, evidence) = self.ask(Question::List { prefix: prefix.clone() }).await;
            match result {
                Ok(answer) if !answer.known => {}
                Ok(_) => return Checked::new(check, Outcome::Passed, "").with(evidence),
                Err(error) => return self.no_list(&error, evidence),
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
                    return self.no_list(&error, evidence);
                }
            };
            blob = page.blobs.into_iter().next();
            request.marker = page.next;
            if blob.is_some() || request.marker.is_none() {
                break;
            }
        }
        self.facts.allowed.list = Some(true);
        self.facts.empty = blob.is_none() && request.marker.is_none();
        self.facts.blob = blob.filter(|blob| {
            let archived = blob.access_tier == Some(AccessTier::Archive);
            !archived && self.plan.connection.blob_url(&blob.name).is_some()
        });
        let evidence = Evidence { took: self.since(start), ..Evidence::default() };
        if !self.facts.empty {
            return Checked::new(check, Outcome::Passed, "").with(evidence);
        }
        let cause = Cause::EmptyListing;
        let diagnosis = Diagnosis::new(cause, Confidence::Certain, evidence.clone());
        Checked::new(check, Outcome::Warned, cause.what()).with(evidence).because(diagnosis)
    }

    fn no_list(&mut self, error: &Error, evidence: Evidence) -> Checked {
        // A read that was allowed before says nothing of the front end that refuses now.
        self.facts.allowed.read = None;
        self.facts.allowed.list = denied(error).then_some(false);
        // Where it is a matter of permission, the other questions tell which.
        if !denied(error) {
            self.block = Block::Everything("the list failed");
        }
        self.failed(Check::List, error, evidence)
    }

    async fn read(&mut self) -> Checked {
        let check = Check::Read;
        let name = match &self.facts.blob {
            Some(blob) => blob.name.clone(),
            None => format!("{}{}", self.plan.connection.prefix(), made_up()),
        };
        let (result, evidence) = match (&self.plan.origin, &self.plan.store) {
            (Some(origin), Subject::Inspected(_)) => {
                let question = Question::BrowserRead { blob: name, origin: origin.clone() };
                let (result, evidence) = self.ask(question).await;
                (result.map(|answer| self.facts.browser = Some(answer)), evidence)
            }
            _ => {
                let request = match &self.facts.blob {
                    Some(blob) => ReadRequest::of(blob, 0..1),
                    None => ReadRequest::new(name, 0..1),
                };
                let start = self.plan.clock.elapsed();
                let result = self.within(self.plan.store.store().read(request)).await;
                let took = self.since(start);
                let evidence = match &result {
                    Ok(_) => Evidence { took, ..Evidence::default() },
                    Err(error) => Evidence::of_error(error, took),
                };
                (result.map(|_| ()), evidence)
            }
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

    async fn delegation_key(&mut self) -> Checked {
        let check = Check::DelegationKey;
        let wanted = self.plan.view_links;
        match self.ask(Question::DelegationKey).await {
            (Ok(answer), _) if !answer.known => {
                Checked::new(check, Outcome::Skipped, "the store has no token for it")
            }
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
                let note = "refused, and not needed";
                Checked::new(check, Outcome::Skipped, note).with(evidence)
            }
        }
    }

    async fn preflight(&mut self) -> Checked {
        let check = Check::Preflight;
        let Some(origin) = self.plan.origin.clone() else { return unasked(check) };
        match self.ask(Question::Preflight { origin: origin.clone() }).await {
            (Ok(answer), _) if !answer.known => unasked(check),
            (Ok(answer), evidence) if conclude::lets_in(&answer, &origin) => {
                Checked::new(check, Outcome::Passed, "").with(evidence)
            }
            (Ok(_), evidence) => no_rule(check, evidence),
            (Err(error), evidence) => self.failed(check, &error, evidence),
        }
    }

    fn browser_read(&mut self) -> Checked {
        let check = Check::BrowserRead;
        let (Some(origin), Some(answer)) = (&self.plan.origin, &self.facts.browser) else {
            return Checked::new(check, Outcome::Skipped, "there was no answer to a read");
        };
        let evidence = Evidence::of_answer(answer, Duration::ZERO);
        if !conclude::lets_in(answer, origin) {
            return no_rule(check, evidence);
        }
        if conclude::lets_seek(answer) {
            return Checked::new(check, Outcome::Passed, "").with(evidence);
        }
        let cause = Cause::CorsIncomplete;
        let diagnosis = Diagnosis::new(cause, Confidence::Certain, evidence.clone());
        Checked::new(check, Outcome::Warned, cause.what()).with(evidence).because(diagnosis)
    }

    /// A question whose good answer is no
    async fn neighbour(&mut self, check: Check) -> Checked {
        let connection = &self.plan.connection;
        let elsewhere = || ContainerName::try_from(made_up());
        let (question, cause) = match (check, elsewhere()) {
            (Check::OutsidePrefix, _) => {
                let container = connection.container().clone();
                let prefix = format!("{}/", made_up());
                (Question::ListOther { container, prefix }, Cause::PrefixNotLimited)
            }
            (Check::ListContainers, _) => (Question::ListContainers, Cause::ContainersListable),
            (Check::OtherList, Ok(container)) => {
                let prefix = connection.prefix().as_str().to_owned();
                (Question::ListOther { container, prefix }, Cause::BroadAccess)
            }
            (_, Ok(container)) => {
                let blob = made_up();
                (Question::ReadOther { container, blob }, Cause::BroadAccess)
            }
            (_, Err(_)) => return unasked(check),
        };
        let (result, evidence) = self.ask(question).await;
        let allowed = match &result {
            Ok(answer) if !answer.known => return unasked(check),
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

    fn diagnose(&mut self, check: Check, error: &Error, evidence: &Evidence) -> Diagnosis {
        self.facts.retry_after = self.facts.retry_after.max(error.retry_after());
        if error.served_at().and_then(|served| self.skew(served)).is_some() {
            self.facts.skewed = true;
        }
        Diagnosis { evidence: evidence.clone(), ..Diagnosis::at(check, error) }
    }

    fn failed(&mut self, check: Check, error: &Error, evidence: Evidence) -> Checked {
        let diagnosis = self.diagnose(check, error, &evidence);
        Checked::new(check, Outcome::Failed, diagnosis.cause.what())
            .with(evidence)
            .because(diagnosis)
    }

    async fn ask(&self, question: Question) -> (Result<Answer, Error>, Evidence) {
        let Subject::Inspected(store) = &self.plan.store else {
            return (Ok(Answer::unknown()), Evidence::default());
        };
        let start = self.plan.clock.elapsed();
        let result = self.within(store.inspect(question)).await;
        let took = self.since(start);
        let evidence = match &result {
            Ok(answer) => Evidence::of_answer(answer, took),
            Err(error) => Evidence::of_error(error, took),
        };
        (result, evidence)
    }

    async fn within<T>(&self, request: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        timeout(self.plan.request_timeout, request).await.unwrap_or_else(|_| {
            let what = "no answer within the time for a request; check the network";
            Err(Error::new(ErrorKind::Timeout, what))
        })
    }

    fn since(&self, start: Duration) -> Duration {
        self.plan.clock.elapsed().saturating_sub(start)
    }

    /// By how much the clocks differ, where that is more than is tolerated
    fn skew(&self, served: SystemTime) -> Option<Duration> {
        let now = self.plan.clock.time();
        let off = now.duration_since(served).unwrap_or_else(|behind| behind.duration());
        (off > TOLERATED_SKEW).then_some(off)
    }
}

/// The checks that need more than an account that answers
fn behind_the_network(plan: &Plan) -> Vec<Check> {
    let mut todo = vec![Check::Token, Check::List, Check::Read];
    if plan.view_links || plan.least_privilege {
        todo.push(Check::DelegationKey);
    }
    if plan.origin.is_some() {
        todo.extend([Check::Preflight, Check::BrowserRead]);
    }
    if plan.least_privilege {
        todo.extend([Check::OtherList, Check::OtherRead]);
        if !plan.connection.prefix().is_empty() {
            todo.push(Check::OutsidePrefix);
        }
        todo.push(Check::ListContainers);
    }
    todo
}

fn needs_credential(check: Check) -> bool {
    !matches!(check, Check::Preflight | Check::Names | Check::Dns | Check::Challenge)
}

fn unasked(check: Check) -> Checked {
    Checked::new(check, Outcome::Skipped, "the store does not tell")
}

fn no_rule(check: Check, evidence: Evidence) -> Checked {
    let cause = Cause::CorsMissing;
    let diagnosis = Diagnosis::new(cause, Confidence::Certain, evidence.clone());
    Checked::new(check, Outcome::Failed, cause.what()).with(evidence).because(diagnosis)
}

/// Whether it is a lack of permission that the service tells of
fn denied(error: &Error) -> bool {
    matches!(Diagnosis::at(Check::List, error).cause, Cause::AccessMissing)
}

/// A name that nothing has
fn made_up() -> String {
    format!("azure-asset-sync-probe-{:016x}", fastrand::u64(..))
}

/// Source: RFC 1918 and RFC 4193
fn is_private(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private(),
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

impl Subject {
    fn store(&self) -> &dyn Store {
        match self {
            Self::Plain(store) => store,
            Self::Inspected(store) => store,
        }
    }
}
