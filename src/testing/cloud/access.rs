//! The role assignments of the service principal, and when each front end honors them.
//!
//! Time is passed in as the elapsed time of the cloud's clock. Nothing here waits.

use std::time::Duration;

use super::{
    assignment::{Assignment, Rights},
    identity::{ACCOUNT, OBJECT_ID},
};
use crate::{
    condition::{
        Request, Source,
        catalog::{ACCOUNT_NAME, CONTAINERS},
    },
    grant::Grant,
};

/// The role assignments of the cloud's service principal, and the front ends that apply them.
///
/// Azure answers from many front ends, each of which learns about an assignment at a different
/// time. Here requests reach the front ends in turn, so that a test is deterministic.
#[derive(Default)]
pub(super) struct Access {
    assignments: Vec<ActiveAssignment>,
    // The number of front ends grows with assignments; it never shrinks, so that indexes stay
    // valid.
    front_ends: usize,
    next: usize,
}

/// An assignment and its progress.
struct ActiveAssignment {
    assignment: Assignment,
    /// The elapsed time of the clock when the role was assigned.
    since: Duration,
    /// For each front end with a propagation: whether its previous answer while flapping was
    /// allowed.
    was_allowed: Vec<bool>,
}

/// The access that a request requires.
pub(super) struct RequiredAccess<'a> {
    /// The container of the request; `None` for the account.
    container: Option<&'a str>,
    action: Action,
}

/// The action that a request performs.
enum Action {
    /// A control-plane action, which no condition limits.
    Management(String),
    /// A data action with the attributes that conditions test.
    Data(Box<Request>),
}

impl<'a> RequiredAccess<'a> {
    /// Returns the access for an action that no condition limits.
    pub(super) fn action(container: Option<&'a str>, action: impl Into<String>) -> Self {
        Self { container, action: Action::Management(action.into()) }
    }

    /// Returns the access for a data action on a container.
    ///
    /// Adds the attributes that every request of the cloud has: the account, the container, and the
    /// environment. `now` is in the format of `UtcNow`.
    pub(super) fn data(
        container: &'a str,
        request: Request,
        is_hierarchical: bool,
        now: String,
    ) -> Self {
        let request = request
            // Azure offers these attributes to the conditions of all data actions.
            .resource(ACCOUNT_NAME, ACCOUNT)
            .resource("Microsoft.Storage/storageAccounts:isHnsEnabled", is_hierarchical)
            .resource(&format!("{CONTAINERS}:name"), container)
            // A loopback port is not a private endpoint.
            .attribute(Source::Environment, "isPrivateLink", false)
            .attribute(Source::Environment, "UtcNow", now);
        Self { container: Some(container), action: Action::Data(Box::new(request)) }
    }

    /// Returns the container of the request, or `None` for the account.
    pub(super) fn container(&self) -> Option<&'a str> {
        self.container
    }

    /// Returns whether the action is a data action.
    pub(super) fn is_data(&self) -> bool {
        matches!(self.action, Action::Data(_))
    }
}

impl Access {
    /// Creates the access of a cloud without role assignments.
    pub(super) fn new(front_ends: usize) -> Self {
        Self { front_ends: front_ends.max(1), ..Self::default() }
    }

    /// Adds a role assignment.
    pub(super) fn assign(&mut self, assignment: Assignment, now: Duration) {
        let front_ends = assignment.front_ends().len();
        // A test of a front end that no request reaches would pass without testing anything.
        self.front_ends = self.front_ends.max(front_ends);
        let was_allowed = vec![false; front_ends];
        self.assignments.push(ActiveAssignment { assignment, since: now, was_allowed });
    }

    /// Assigns the roles of a grant, if the grant is for this account and this service principal.
    pub(super) fn apply(&mut self, grant: &Grant, after: Duration, now: Duration) {
        // The Azure CLI accepts IDs in any letter case.
        let is_other = |principal: &str| !principal.eq_ignore_ascii_case(OBJECT_ID);
        if grant.principal().is_some_and(is_other) || grant.account().as_str() != ACCOUNT {
            return;
        }
        for granted in grant.assignments() {
            let mut assignment = match granted.role {
                Some(role) => Assignment::new(role),
                // Only the grant's custom role has no built-in role.
                None => Assignment::data_only(),
            };
            if let Some(container) = &granted.container {
                assignment = assignment.on_container(container);
            }
            if let Some(condition) = &granted.condition {
                assignment = assignment.condition(condition.clone());
            }
            self.assign(assignment.after(after), now);
        }
    }

    /// Removes all role assignments.
    pub(super) fn unassign_all(&mut self) {
        self.assignments.clear();
    }

    /// Returns the front end that the next request reaches.
    pub(super) fn next_front_end(&mut self) -> usize {
        // In turn, not at random: a test that counts answers must get the same answers each time.
        let at = self.next % self.front_ends.max(1);
        self.next = at + 1;
        at
    }

    /// Returns whether an assignment allows a request at a front end.
    pub(super) fn allows(
        &mut self,
        required: &RequiredAccess<'_>,
        front_end: usize,
        now: Duration,
    ) -> bool {
        let mut allowed = false;
        for active in &mut self.assignments {
            // No short circuit: each flapping assignment must advance with each request.
            allowed |= active.is_effective(front_end, now) && allows(&active.assignment, required);
        }
        allowed
    }
}

impl ActiveAssignment {
    /// Returns whether a front end applies the assignment; a flapping one changes with each call.
    fn is_effective(&mut self, front_end: usize, now: Duration) -> bool {
        // A manual clock cannot go back, but a clock of a test may.
        let since = now.saturating_sub(self.since);
        let (Some(propagation), Some(was_allowed)) =
            (self.assignment.front_ends().get(front_end), self.was_allowed.get_mut(front_end))
        else {
            return since >= self.assignment.delay();
        };
        let (from, settled) = propagation.window();
        // Outside the window the front end answers the same each time: denied before, allowed
        // after.
        if since < from || since >= settled {
            return since >= settled;
        }
        *was_allowed = !*was_allowed;
        *was_allowed
    }
}

/// Returns whether an assignment that is in effect allows a request.
fn allows(assignment: &Assignment, required: &RequiredAccess<'_>) -> bool {
    let in_scope = match (assignment.scope(), required.container) {
        // The scope is the account.
        (None, _) => true,
        (Some(scope), container) => container == Some(scope),
    };
    let rights: Rights = assignment.rights();
    in_scope
        && match &required.action {
            Action::Management(action) => rights.has_action(action),
            Action::Data(request) => {
                rights.has_data_action(request.action())
                    && assignment.limit().is_none_or(|condition| condition.allows(request))
            }
        }
}
