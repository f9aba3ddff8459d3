use std::fmt;

use serde::Serialize;

use crate::{
    condition::{Condition, Request, Role},
    connection::Connection,
};

const BLOBS: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs";
const CONTAINERS: &str = "Microsoft.Storage/storageAccounts/blobServices/containers";

/// What a grant lets a principal do: a table of requests
///
/// Made by evaluation, each request against each role assignment, of which one is enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Audit {
    /// The requests, those that a scan makes first
    pub rows: Vec<Access>,
}

/// A request, and whether it is allowed
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Access {
    /// What is asked, in words
    pub request: String,
    /// Whether it is allowed
    pub allowed: bool,
    /// Whether a scan of the connection needs it
    pub needed: bool,
    /// Why it is allowed or not
    pub why: String,
}

impl Audit {
    /// The audit of a condition: Storage Blob Data Reader on the connection's account, under it
    pub fn of_condition(connection: &Connection, condition: &Condition) -> Self {
        let reader = Assigned {
            role: Some(Role::BlobDataReader),
            on_account: true,
            condition: Some(condition),
        };
        audit(connection, &[reader])
    }

    /// Whether everything that a scan needs is allowed
    pub fn suffices(&self) -> bool {
        self.rows.iter().all(|row| row.allowed || !row.needed)
    }

    /// What is allowed, though no scan needs it
    pub fn wider(&self) -> impl Iterator<Item = &Access> {
        self.rows.iter().filter(|row| row.allowed && !row.needed)
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.request.chars().count()).max().unwrap_or(0);
        for row in &self.rows {
            let allowed = if row.allowed { "allow" } else { "deny " };
            let mark = match (row.allowed, row.needed) {
                (false, true) => "missing",
                (true, false) => "wider  ",
                _ => "       ",
            };
            writeln!(f, "{allowed}  {mark}  {:width$}  {}", row.request, row.why)?;
        }
        Ok(())
    }
}

/// What of a role assignment decides
pub(super) struct Assigned<'a> {
    /// The role; `None` for the custom role, which reads and lists and nothing else
    pub(super) role: Option<Role>,
    pub(super) on_account: bool,
    pub(super) condition: Option<&'a Condition>,
}

pub(super) fn audit(connection: &Connection, assignments: &[Assigned<'_>]) -> Audit {
    let container = connection.container().as_str();
    let prefix = connection.prefix().as_str();
    let other = format!("{}-other", container.get(..57).unwrap_or(container));
    let changed: String = prefix
        .chars()
        .map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect();
    let outside = outside(prefix);
    let account = connection.account().as_str();
    let read = |container: &str, path: &str| {
        Request::new(format!("{BLOBS}/read"))
            .resource("Microsoft.Storage/storageAccounts:name", account)
            .resource(&format!("{CONTAINERS}:name"), container)
            .resource(&format!("{BLOBS}:path"), path)
            .resource(&format!("{BLOBS}:isCurrentVersion"), true)
    };
    let list = |container: &str, prefix: Option<&str>| {
        let list = Request::new(format!("{BLOBS}/read"))
            .suboperation("Blob.List")
            .resource("Microsoft.Storage/storageAccounts:name", account)
            .resource(&format!("{CONTAINERS}:name"), container);
        match prefix {
            Some(prefix) => list.request(&format!("{BLOBS}:prefix"), prefix),
            None => list,
        }
    };
    let old = |name: &str| {
        read(container, &format!("{prefix}a.jpg"))
            .resource(&format!("{BLOBS}:isCurrentVersion"), false)
            .request(&format!("{BLOBS}:{name}"), "2026-01-01T00:00:00.0000000Z")
    };
    let mut table = Table { container, assignments, rows: Vec::new() };
    let inside = |name: &str| format!("`{container}/{prefix}{name}`");
    table.data(
        true,
        format!("read {}", inside("a.jpg")),
        container,
        &read(container, &format!("{prefix}a.jpg")),
    );
    let without = list(container, None);
    if prefix.is_empty() {
        table.data(true, format!("list `{container}`, no prefix"), container, &without);
        table.data(
            true,
            format!("list `{container}`, prefix `a/`"),
            container,
            &list(container, Some("a/")),
        );
    } else {
        let named = |prefix: &str| format!("list `{container}`, prefix `{prefix}`");
        table.data(true, named(prefix), container, &list(container, Some(prefix)));
        let longer = format!("{prefix}a/");
        table.data(true, named(&longer), container, &list(container, Some(&longer)));
        table.data(false, format!("list `{container}`, no prefix"), container, &without);
        table.data(false, named(""), container, &list(container, Some("")));
        table.data(false, named(&outside), container, &list(container, Some(&outside)));
        let path = format!("{outside}a.jpg");
        table.data(false, format!("read `{container}/{path}`"), container, &read(container, &path));
        if changed != prefix {
            table.data(false, named(&changed), container, &list(container, Some(&changed)));
            let path = format!("{changed}a.jpg");
            table.data(
                false,
                format!("read `{container}/{path}`"),
                container,
                &read(container, &path),
            );
        }
    }
    let path = format!("{prefix}a.jpg");
    table.data(false, format!("read `{other}/{path}`"), &other, &read(&other, &path));
    let prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
    table.data(false, format!("list `{other}`"), &other, &list(&other, prefix));
    table.data(
        false,
        format!("read an old version of {}", inside("a.jpg")),
        container,
        &old("versionId"),
    );
    table.data(
        false,
        format!("read a snapshot of {}", inside("a.jpg")),
        container,
        &old("snapshot"),
    );
    for (what, action) in [("write", "write"), ("delete", "delete")] {
        let request = Request::new(format!("{BLOBS}/{action}"))
            .resource(&format!("{CONTAINERS}:name"), container)
            .resource(&format!("{BLOBS}:path"), path.as_str());
        table.data(false, format!("{what} {}", inside("a.jpg")), container, &request);
    }
    let containers = format!("{CONTAINERS}/read");
    let key = "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action";
    table.control("list the names of all containers".into(), None, &containers);
    table.control(
        format!("properties and metadata of `{container}`"),
        Some(container),
        &containers,
    );
    table.control(format!("properties and metadata of `{other}`"), Some(&other), &containers);
    table.control("a key for view links (user delegation key)".into(), None, key);
    Audit { rows: table.rows }
}

/// A folder beside a prefix
fn outside(prefix: &str) -> String {
    let start = prefix.trim_end_matches('/');
    if prefix.ends_with('/') { format!("{start}-other/") } else { format!("zz-{start}/") }
}

struct Table<'a> {
    container: &'a str,
    assignments: &'a [Assigned<'a>],
    rows: Vec<Access>,
}

impl Table<'_> {
    /// A request for a data action, which conditions can limit
    fn data(&mut self, needed: bool, words: String, container: &str, request: &Request) {
        let mut reasons = Vec::new();
        for assigned in self.assignments {
            let has = match assigned.role {
                Some(role) => role.allows(request.action()),
                None => request.action() == format!("{BLOBS}/read"),
            };
            let (allowed, why) = match assigned.condition {
                _ if !has => (false, "the role does not have the action".to_owned()),
                _ if !assigned.on_account && container != self.container => {
                    (false, "the role is assigned on another container".to_owned())
                }
                None => (true, "the role has the action, without a condition".to_owned()),
                Some(condition) => (condition.allows(request), condition.reason(request)),
            };
            if allowed {
                return self.rows.push(Access { request: words, allowed, needed, why });
            }
            reasons.push(why);
        }
        let why = most_telling(reasons);
        self.rows.push(Access { request: words, allowed: false, needed, why });
    }

    /// A request for an action, which no condition limits
    fn control(&mut self, words: String, container: Option<&str>, action: &str) {
        let mut reasons = Vec::new();
        for assigned in self.assignments {
            let has = assigned.role.is_some_and(|role| {
                role.actions().iter().any(|pattern| {
                    pattern
                        .strip_suffix('*')
                        .map_or(*pattern == action, |start| action.starts_with(start))
                })
            });
            let why = match () {
                () if !has => "the role does not have the action",
                () if assigned.on_account => {
                    let why = "an action of the role, on the whole account: no condition limits it";
                    return self.rows.push(Access {
                        request: words,
                        allowed: true,
                        needed: false,
                        why: why.into(),
                    });
                }
                () if container == Some(self.container) => {
                    let why = "an action of the role, on this container";
                    return self.rows.push(Access {
                        request: words,
                        allowed: true,
                        needed: false,
                        why: why.into(),
                    });
                }
                () => "it takes a role on the account; this one is on the container",
            };
            reasons.push(why.to_owned());
        }
        let why = most_telling(reasons);
        self.rows.push(Access { request: words, allowed: false, needed: false, why });
    }
}

/// Of the reasons of several assignments, one that is not only that the role has no such action
fn most_telling(mut reasons: Vec<String>) -> String {
    let position = reasons.iter().position(|reason| reason != "the role does not have the action");
    if reasons.is_empty() {
        "no role is assigned".to_owned()
    } else {
        reasons.swap_remove(position.unwrap_or(0))
    }
}
