//! Role assignments of the service principal.

use std::time::Duration;

use super::access::Rights;
use crate::condition::{Condition, Role};

/// A role assignment of a small cloud's service principal
///
/// By default it is on the account, has no condition, and is effective at once at every front end.
///
/// ```
/// use std::time::Duration;
/// use azure_asset_sync::{condition::Role, testing::{Assignment, Propagation}};
///
/// let assignment = Assignment::new(Role::BlobDataReader).on_container("assets").propagation([
///     Propagation::at(Duration::from_secs(60)),
///     Propagation::flapping(Duration::from_secs(90), Duration::from_secs(240)),
/// ]);
/// # let _ = assignment;
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Assignment {
    pub(super) rights: Rights,
    pub(super) container: Option<String>,
    pub(super) condition: Option<Condition>,
    pub(super) after: Duration,
    pub(super) propagation: Vec<Propagation>,
}

impl Assignment {
    /// The assignment of a built-in role
    pub fn new(role: Role) -> Self {
        Self::of(Rights::Role(role))
    }

    /// The assignment of Azure's Reader: every action that ends in `/read`, and no data action
    ///
    /// So it lists containers, and neither lists nor reads blobs: the mistake of those who take it
    /// for Storage Blob Data Reader.
    pub fn management_reader() -> Self {
        Self::of(Rights::ManagementReader)
    }

    /// The assignment of the custom role of [`Shape::CustomRole`](crate::grant::Shape::CustomRole):
    /// lists and reads blobs, and has no other action
    pub fn data_only() -> Self {
        Self::of(Rights::DataOnly)
    }

    fn of(rights: Rights) -> Self {
        Self {
            rights,
            container: None,
            condition: None,
            after: Duration::ZERO,
            propagation: Vec::new(),
        }
    }

    /// On this container instead of the account
    pub fn on_container(mut self, name: impl Into<String>) -> Self {
        self.container = Some(name.into());
        self
    }

    /// Limited by a condition, which is evaluated with each request for a data action
    pub fn condition(mut self, condition: Condition) -> Self {
        self.condition = Some(condition);
        self
    }

    /// Effective so long after it is assigned, at the front ends that have no [`Propagation`] of their
    /// own
    pub fn after(mut self, delay: Duration) -> Self {
        self.after = delay;
        self
    }

    /// Effective at each front end in its own time, the first of these for the first of them
    ///
    /// The cloud has at least as many front ends as it was given of these.
    pub fn propagation(mut self, front_ends: impl IntoIterator<Item = Propagation>) -> Self {
        self.propagation = front_ends.into_iter().collect();
        self
    }
}

/// How a role assignment becomes effective at one front end
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Propagation {
    pub(super) from: Duration,
    pub(super) settled: Duration,
}

impl Propagation {
    /// All at once, so long after the assignment
    pub fn at(delay: Duration) -> Self {
        Self { from: delay, settled: delay }
    }

    /// Between these two times after the assignment it allows one request and denies the next, in
    /// turns, beginning with an allowed one; then it allows
    pub fn flapping(from: Duration, settled: Duration) -> Self {
        Self { from, settled: settled.max(from) }
    }
}
