//! The three shapes of a grant, and what each of them needs and allows.
//!
//! The shape decides the scope of the assignments, and with it what the principal can do beyond reading:
//! actions on an account cannot be limited by a condition.

use crate::coded::coded_enum;

coded_enum! {
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
    ///
    /// Closed: people and configurations choose a shape, so an unknown one is refused everywhere.
    #[derive(Default)]
    pub closed enum Shape by as_str {
        /// Storage Blob Data Reader on the account, limited by a condition.
        #[default]
        AccountWithCondition = "account-with-condition",
        /// Storage Blob Data Reader on the container, and Storage Blob Delegator on the account.
        ContainerAndDelegator = "container-and-delegator",
        /// A custom role with a single data action, on the container.
        CustomRole = "custom-role",
    }
}

impl Shape {
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
