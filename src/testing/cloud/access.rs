//! What the service principal may do: its role assignments, and the front ends that know of them.

use std::time::Duration;

use super::{
    ACCOUNT, Assignment, CONTAINER, OBJECT_ID, Refusal, State, ask::Ask, delegated, lock,
    state::ticks,
};
use crate::{
    condition::{Request, Role, Source},
    grant::Grant,
    wildcard::star_matches,
};

pub(super) const BLOBS: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs";
pub(super) const CONTAINERS: &str = "Microsoft.Storage/storageAccounts/blobServices/containers";

/// The role assignments of the cloud's service principal, and the front ends that learn of them
#[derive(Default)]
pub(super) struct Access {
    held: Vec<Held>,
    front_ends: usize,
    next: usize,
}

struct Held {
    assignment: Assignment,
    /// The clock when it was assigned
    since: Duration,
    /// For each front end, whether its next answer while it flaps is a denial
    denies_next: Vec<bool>,
}

/// What a request needs
pub(super) struct Need<'a> {
    /// The container that the request is for; `None` for the account
    container: Option<&'a str>,
    what: What,
}

enum What {
    Action(String),
    Data(Box<Request>),
}

impl<'a> Need<'a> {
    /// The container that the request is for; `None` for the account
    pub(super) fn container(&self) -> Option<&'a str> {
        self.container
    }

    /// An action, which no condition limits
    pub(super) fn action(container: Option<&'a str>, action: impl Into<String>) -> Self {
        Self { container, what: What::Action(action.into()) }
    }

    /// A data action on a container, with what every request of the cloud has
    pub(super) fn data(container: &'a str, request: Request, state: &State) -> Self {
        let request = request
            .resource("Microsoft.Storage/storageAccounts:name", ACCOUNT)
            .resource(
                "Microsoft.Storage/storageAccounts:isHnsEnabled",
                state.behavior.is_hierarchical(),
            )
            .resource(&format!("{CONTAINERS}:name"), container)
            .attribute(Source::Environment, "isPrivateLink", false)
            .attribute(Source::Environment, "UtcNow", ticks(state.now()));
        Self { container: Some(container), what: What::Data(Box::new(request)) }
    }
}

impl Access {
    pub(super) fn new(front_ends: usize) -> Self {
        Self { front_ends: front_ends.max(1), ..Self::default() }
    }

    pub(super) fn assign(&mut self, assignment: Assignment, now: Duration) {
        let spread = assignment.spread.len();
        // A front end that no request reaches would make a test of it pass for nothing.
        self.front_ends = self.front_ends.max(spread);
        self.held.push(Held { assignment, since: now, denies_next: vec![false; spread] });
    }

    pub(super) fn unassign_all(&mut self) {
        self.held.clear();
    }

    /// The front end that the next request reaches
    pub(super) fn next_front_end(&mut self) -> usize {
        let at = self.next % self.front_ends.max(1);
        self.next = at + 1;
        at
    }

    fn allows(&mut self, need: &Need<'_>, front_end: usize, now: Duration) -> bool {
        let mut allowed = false;
        for held in &mut self.held {
            // Evaluates all of them, also after one allows: each that flaps takes its turn.
            allowed |= held.is_effective(front_end, now) && held.assignment.allows(need);
        }
        allowed
    }
}

impl Held {
    fn is_effective(&mut self, front_end: usize, now: Duration) -> bool {
        let since = now.saturating_sub(self.since);
        let (Some(spread), Some(denies)) =
            (self.assignment.spread.get(front_end), self.denies_next.get_mut(front_end))
        else {
            return since >= self.assignment.after;
        };
        if since < spread.from || since >= spread.settled {
            return since >= spread.settled;
        }
        *denies = !*denies;
        *denies
    }
}

impl Assignment {
    fn allows(&self, need: &Need<'_>) -> bool {
        let in_scope = match (&self.container, need.container) {
            (None, _) => true,
            (Some(scope), asked) => asked == Some(scope),
        };
        in_scope
            && match &need.what {
                What::Action(action) => self.rights.has_action(action),
                What::Data(request) => {
                    self.rights.has_data_action(request.action())
                        && self.condition.as_ref().is_none_or(|condition| condition.allows(request))
                }
            }
    }
}

impl State {
    /// Whether the service principal may do this, at this front end, now
    pub(super) fn authorize(&self, need: &Need<'_>, front_end: usize) -> Result<(), Refusal> {
        if lock(&self.access).allows(need, front_end, self.clock.elapsed()) {
            return Ok(());
        }
        Err(Refusal::new(403, "AuthorizationPermissionMismatch"))
    }

    pub(super) fn apply(&self, grant: &Grant, after: Duration) {
        let is_other = |principal: &String| !principal.eq_ignore_ascii_case(OBJECT_ID);
        if grant.principal.as_ref().is_some_and(is_other) || grant.account().as_str() != ACCOUNT {
            return;
        }
        for granted in grant.assignments() {
            let mut assignment = match granted.role {
                Some(role) => Assignment::new(role),
                None => Assignment::data_only(),
            };
            if let Some(container) = &granted.container {
                assignment = assignment.on_container(container);
            }
            assignment.condition.clone_from(&granted.condition);
            lock(&self.access).assign(assignment.after(after), self.clock.elapsed());
        }
    }
}

/// What a role has
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rights {
    Role(Role),
    /// Azure's Reader, which is for management
    ManagementReader,
    /// The custom role of a grant
    DataOnly,
}

impl Rights {
    fn has_action(self, action: &str) -> bool {
        match self {
            Self::Role(role) => role.actions().iter().any(|pattern| star_matches(pattern, action)),
            Self::ManagementReader => star_matches("*/read", action),
            Self::DataOnly => false,
        }
    }

    fn has_data_action(self, action: &str) -> bool {
        match self {
            Self::Role(role) => role.allows(action),
            Self::ManagementReader => false,
            Self::DataOnly => action == format!("{BLOBS}/read"),
        }
    }
}

/// Whether the signature of the cloud may do this: read and list its own container, nothing else
pub(super) fn signature_allows(ask: &Ask<'_>, need: &Need<'_>) -> Result<(), Refusal> {
    match (&need.what, need.container) {
        (What::Data(_), Some(CONTAINER)) => Ok(()),
        // It was made for another resource, so it does not match this one.
        (_, Some(container)) if container != CONTAINER => {
            Err(delegated::no_match(&delegated::service_signature(ask)))
        }
        _ => Err(Refusal::new(403, "AuthorizationPermissionMismatch")),
    }
}
