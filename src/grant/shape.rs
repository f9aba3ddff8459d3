//! The three shapes of a grant, and what each of them needs and allows.
//!
//! The shape decides the scope of the assignments, and with it what the principal can do beyond reading:
//! actions on an account cannot be limited by a condition.

use std::fmt;

/// How much is granted, and by what means.
///
/// | shape | assignments | view links | other container names |
/// | --- | --- | --- | --- |
/// | [`AccountWithCondition`](Self::AccountWithCondition) | 1 | yes | visible |
/// | [`ContainerAndDelegator`](Self::ContainerAndDelegator) | 2 | yes | hidden |
/// | [`CustomRole`](Self::CustomRole) | 1, and a custom role | no | hidden |
///
/// ```
/// use azure_asset_sync::grant::Shape;
///
/// for shape in Shape::ALL {
///     println!("{shape}: {}", shape.cost());
/// }
/// assert_eq!(Shape::default(), Shape::AccountWithCondition);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shape {
    /// Storage Blob Data Reader on the account, limited by a condition.
    #[default]
    AccountWithCondition,
    /// Storage Blob Data Reader on the container, and Storage Blob Delegator on the account.
    ContainerAndDelegator,
    /// A custom role with a single data action, on the container.
    CustomRole,
}

impl Shape {
    /// All shapes.
    pub const ALL: &[Self] =
        &[Self::AccountWithCondition, Self::ContainerAndDelegator, Self::CustomRole];

    /// Returns the stable name, for example `custom-role`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountWithCondition => "account-with-condition",
            Self::ContainerAndDelegator => "container-and-delegator",
            Self::CustomRole => "custom-role",
        }
    }

    /// Returns what the shape needs and what it allows, as text for people.
    pub fn cost(self) -> &'static str {
        // Each text continues the sentence "It needs …" before the step that assigns the role.
        match self {
            Self::AccountWithCondition => {
                "one role assignment. The principal can also read the names and properties of all containers of the account, and obtain keys for view links: no condition can limit that"
            }
            Self::ContainerAndDelegator => {
                "two role assignments. View links work, and the names of other containers cannot be listed. The principal can obtain keys for view links, which reach only what it can read itself"
            }
            Self::CustomRole => {
                "a custom role, which needs the right to define roles. The principal can list and read the blobs and nothing else: no view links, and no container properties"
            }
        }
    }
}

impl fmt::Display for Shape {
    /// Writes the stable name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
