//! Role assignments that a test gives to the service principal, and how they propagate.

use std::time::Duration;

use crate::{
    condition::{Condition, Role},
    wildcard::star_matches,
};

/// A role assignment of a small cloud's service principal.
///
/// By default the scope is the account, there is no condition, and every front end honors the
/// assignment at once.
///
/// A test of the time until a role works:
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use std::time::Duration;
/// use azure_asset_sync::{
///     Store, condition::Role, store::ListRequest,
///     testing::{Assignment, ManualClock, SmallCloud},
/// };
///
/// let clock = ManualClock::new();
/// let role = Assignment::new(Role::BlobDataReader)
///     .on_container("assets")
///     .after(Duration::from_secs(240));
/// let cloud = SmallCloud::builder().clock(clock.clone()).assignment(role).start().await?;
/// let store = cloud.store(&cloud.connection().build()?)?;
/// assert!(store.list(ListRequest::new("")).await.is_err());
/// clock.advance(Duration::from_secs(240));
/// store.list(ListRequest::new("")).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Assignment {
    rights: Rights,
    container: Option<String>,
    condition: Option<Condition>,
    delay: Duration,
    propagation: Vec<Propagation>,
}

impl Assignment {
    /// Assigns a built-in role.
    pub fn new(role: Role) -> Self {
        Self::of(Rights::Role(role))
    }

    /// Assigns Azure's Reader role: every action that ends in `/read`, and no data action.
    ///
    /// The principal can list containers but can neither list nor read blobs. This is what
    /// customers get who take Reader for Storage Blob Data Reader.
    pub fn management_reader() -> Self {
        Self::of(Rights::ManagementReader)
    }

    /// Assigns the custom role of [`Shape::CustomRole`](crate::grant::Shape::CustomRole), which
    /// lists and reads blobs and allows nothing else.
    pub fn data_only() -> Self {
        Self::of(Rights::DataOnly)
    }

    fn of(rights: Rights) -> Self {
        let (container, condition) = (None, None);
        Self { rights, container, condition, delay: Duration::ZERO, propagation: Vec::new() }
    }

    /// Limits the scope to a container.
    pub fn on_container(mut self, name: impl Into<String>) -> Self {
        self.container = Some(name.into());
        self
    }

    /// Adds a role assignment condition, which is evaluated for each request with a data action.
    pub fn condition(mut self, condition: Condition) -> Self {
        self.condition = Some(condition);
        self
    }

    /// Delays the assignment by this time at the front ends that have no [`Propagation`].
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sets how the assignment propagates to each front end: the first value is for the first front
    /// end.
    ///
    /// The cloud has at least as many front ends as there are values.
    pub fn propagation(mut self, front_ends: impl IntoIterator<Item = Propagation>) -> Self {
        self.propagation = front_ends.into_iter().collect();
        self
    }
}

/// Read access for those who evaluate assignments.
impl Assignment {
    /// Returns what the role allows.
    pub(super) fn rights(&self) -> Rights {
        self.rights
    }

    /// Returns the container of the scope, or `None` if the scope is the account.
    pub(super) fn scope(&self) -> Option<&str> {
        self.container.as_deref()
    }

    /// Returns the condition that limits the assignment.
    pub(super) fn limit(&self) -> Option<&Condition> {
        self.condition.as_ref()
    }

    /// Returns the delay at front ends that have no propagation.
    pub(super) fn delay(&self) -> Duration {
        self.delay
    }

    /// Returns how the assignment propagates to each front end.
    pub(super) fn front_ends(&self) -> &[Propagation] {
        &self.propagation
    }
}

/// How a role assignment becomes effective at one front end.
///
/// Times are those of the cloud's clock, and count from the assignment.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use std::time::Duration;
/// use azure_asset_sync::{
///     Store, condition::Role, store::ListRequest,
///     testing::{Assignment, ManualClock, Propagation, SmallCloud},
/// };
///
/// let clock = ManualClock::new();
/// let minute = Duration::from_secs(60);
/// let role = Assignment::new(Role::BlobDataReader)
///     .propagation([Propagation::at(minute), Propagation::flapping(minute, 2 * minute)]);
/// let cloud = SmallCloud::builder().clock(clock.clone()).assignment(role).start().await?;
/// let store = cloud.store(&cloud.connection().build()?)?;
/// clock.advance(minute);
/// // Requests reach the two front ends in turn; the second allows every other request.
/// let mut answers = Vec::new();
/// for _ in 0..4 {
///     answers.push(store.list(ListRequest::new("")).await.is_ok());
/// }
/// assert_eq!(answers, [true, true, true, false]);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Propagation {
    // INVARIANT: `from` is at most `settled`, which `flapping` ensures.
    from: Duration,
    settled: Duration,
}

impl Propagation {
    /// Takes effect at once, this long after the assignment.
    pub fn at(delay: Duration) -> Self {
        Self { from: delay, settled: delay }
    }

    /// Allows every other request between two times after the assignment, beginning with an allowed
    /// one, and every request after that.
    pub fn flapping(from: Duration, settled: Duration) -> Self {
        Self { from, settled: settled.max(from) }
    }

    /// Returns when the assignment begins to flap and when it has settled; equal if it does not
    /// flap.
    pub(super) fn window(&self) -> (Duration, Duration) {
        (self.from, self.settled)
    }
}

/// The rights of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rights {
    /// A built-in role of Azure for blobs.
    Role(Role),
    /// Azure's Reader role, which is for management only.
    ManagementReader,
    /// The custom role of a grant.
    DataOnly,
}

impl Rights {
    /// Returns whether the role has a control-plane action.
    pub(super) fn has_action(self, action: &str) -> bool {
        match self {
            // The table of roles is that of the crate; a test of its own compares it with Azure's
            // definitions.
            Self::Role(role) => role.actions().iter().any(|pattern| star_matches(pattern, action)),
            // Azure documents this role with the single action `*/read`, which does not cover data
            // actions.
            Self::ManagementReader => star_matches("*/read", action),
            Self::DataOnly => false,
        }
    }

    /// Returns whether the role has a data action.
    pub(super) fn has_data_action(self, action: &str) -> bool {
        match self {
            Self::Role(role) => role.allows(action),
            Self::ManagementReader => false,
            Self::DataOnly => {
                action == "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
            }
        }
    }
}
