//! The three shapes of a grant, and what each of them needs and allows.

use std::fmt;

/// How much is granted, and by what means
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shape {
    /// Storage Blob Data Reader on the account, limited by a condition
    #[default]
    AccountWithCondition,
    /// Storage Blob Data Reader on the container, and Storage Blob Delegator on the account
    ContainerAndDelegator,
    /// A custom role with the one data action, on the container
    CustomRole,
}

impl Shape {
    /// All of them
    pub const ALL: &[Self] =
        &[Self::AccountWithCondition, Self::ContainerAndDelegator, Self::CustomRole];

    /// Its stable name, such as `custom-role`
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountWithCondition => "account-with-condition",
            Self::ContainerAndDelegator => "container-and-delegator",
            Self::CustomRole => "custom-role",
        }
    }

    /// What it needs, and what it lets the principal do
    pub fn cost(self) -> &'static str {
        match self {
            Self::AccountWithCondition => {
                "one role assignment. The principal can also read the names and properties of all containers of the account, and make keys for view links: no condition limits that"
            }
            Self::ContainerAndDelegator => {
                "two role assignments. View links work, and the names of other containers cannot be listed. The principal can make keys for view links, which reach only what it can read itself"
            }
            Self::CustomRole => {
                "a custom role, which takes the right to define roles. The principal can list and read the blobs and nothing else: no view links, and no container properties"
            }
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
