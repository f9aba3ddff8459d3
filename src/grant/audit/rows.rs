//! The rows of an audit: the families of requests that an audit covers.
//!
//! A family fixes the attributes that the words of its row name, and leaves all others open. INVARIANT:
//! samples in a family are real requests, because an example is shown to people.

use std::collections::BTreeSet;

use super::access::Assigned;
use crate::{
    condition::{
        Request, Source,
        catalog::{ACCOUNT_NAME, BLOBS, CONTAINERS, DELEGATION_KEY},
        prove::{self, Budget, Domain, Family, Texts},
    },
    connection::Connection,
};

/// The characters of container names, including those of `$root`, `$web` and `$logs`.
///
/// A superset is safe: a proof about more names also holds for the real ones. Source: Microsoft Learn,
/// "Naming and referencing containers, blobs, and metadata".
const CONTAINER_CHARACTERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789-$";

/// A suboperation of reads from the preview of conditions. A request may have the suboperation or not.
///
/// Source: Microsoft Learn, "Example Azure role assignment conditions for Blob Storage", which calls it
/// deprecated but supported.
const WITH_TAGS: &str = "Blob.Read.WithTagConditions";

/// The containers that an audit has rows for.
pub(super) struct Places<'a> {
    account: &'a str,
    container: &'a str,
    prefix: &'a str,
    /// Other containers that the conditions name or that roles are assigned on, in groups that no
    /// condition distinguishes.
    named: Vec<Vec<String>>,
}

/// How many named containers have rows of their own. All others belong to "another container".
///
/// A condition of the length that Azure accepts can name about this many.
const MOST_NAMED: usize = 1000;

/// A row that is not decided yet.
pub(super) struct Row {
    /// The requests, in words.
    pub(super) words: String,
    /// Whether a scan sends such requests.
    pub(super) needed: bool,
    /// The container, if the row is about one.
    pub(super) container: Option<String>,
    /// The other containers of the group, each with the words of its row.
    pub(super) same: Vec<(String, String)>,
    pub(super) kind: Kind,
}

/// The kind of action that a row is about.
pub(super) enum Kind {
    /// A data action, which conditions can limit, with all families of the row.
    Data(Vec<Family>),
    /// An action, which no condition can limit. `of_account` if a role on a container is not enough.
    Control { action: String, of_account: bool },
}

impl<'a> Places<'a> {
    /// Collects the containers that the assignments name.
    pub(super) fn of(
        connection: &'a Connection,
        assignments: &[Assigned<'_>],
        budget: &mut Budget,
    ) -> Self {
        let container = connection.container().as_str();
        let conditions: Vec<_> =
            assignments.iter().filter_map(|assigned| assigned.condition).collect();
        let mut named: BTreeSet<String> =
            conditions.iter().flat_map(|condition| prove::containers(condition)).collect();
        named.remove(container);
        // `split_off` keeps the names before this one.
        if let Some(end) = named.iter().nth(MOST_NAMED).cloned() {
            named.split_off(&end);
        }
        // A role on a container treats this container differently, so it gets a group of its own.
        let own: BTreeSet<String> = assignments
            .iter()
            .filter_map(|assigned| assigned.container)
            .filter(|name| *name != container)
            .map(str::to_owned)
            .collect();
        named.retain(|name| !own.contains(name));
        let owned = |group: Vec<&str>| group.into_iter().map(str::to_owned).collect();
        let mut named: Vec<Vec<String>> =
            match prove::indistinguishable(&conditions, &named, budget) {
                // Containers that no condition distinguishes are decided once.
                Some(groups) => groups.into_iter().map(owned).collect(),
                // Without a proof that they are alike, each container gets a group of its own.
                None => named.into_iter().map(|name| vec![name]).collect(),
            };
        named.extend(own.into_iter().map(|name| vec![name]));
        Self {
            account: connection.account().as_str(),
            container,
            prefix: connection.prefix().as_str(),
            named,
        }
    }

    /// Returns the names of all other containers with rows of their own.
    fn names(&self) -> impl Iterator<Item = &String> {
        self.named.iter().flatten()
    }

    /// Returns all rows, those that a scan needs first.
    pub(super) fn rows(&self) -> Vec<Row> {
        let mut rows = self.container(self.container, true);
        // Versions and snapshots are not in the listing that a scan reads.
        let old = [
            (true, format!("read an old version of {}", self.shown(self.container))),
            (false, format!("read a snapshot of {}", self.shown(self.container))),
        ];
        for (is_version, words) in old {
            let family = self.old(is_version);
            rows.push(self.data(words, false, Some(self.container), vec![family]));
        }
        for group in &self.named {
            let Some((first, others)) = group.split_first() else { continue };
            let mut own = self.container(first, false);
            for other in others {
                for (row, words) in own.iter_mut().zip(self.words(other)) {
                    row.same.push((other.clone(), words));
                }
            }
            rows.extend(own);
        }
        rows.push(self.data(
            "read a blob of another container".into(),
            false,
            None,
            self.elsewhere(),
        ));
        let list = list(self.another(base("read").suboperation("Blob.List"), true));
        rows.push(self.data("list another container".into(), false, None, vec![list]));
        // No scan needs these, and a customer wants to see them denied.
        for action in ["write", "delete"] {
            let family = self.blobs(self.at(self.container, base(action)), Some(true));
            let words = format!("{action} {}", self.shown(self.container));
            rows.push(self.data(words, false, Some(self.container), vec![family]));
        }
        let containers = format!("{CONTAINERS}/read");
        let control = |words: String, container: Option<&str>, action: &str, of_account| Row {
            words,
            needed: false,
            container: container.map(str::to_owned),
            same: Vec::new(),
            kind: Kind::Control { action: action.to_owned(), of_account },
        };
        rows.push(control("list the names of all containers".into(), None, &containers, true));
        for name in std::iter::once(self.container).chain(self.names().map(String::as_str)) {
            let words = format!("properties and metadata of `{name}`");
            rows.push(control(words, Some(name), &containers, false));
        }
        let words = "properties and metadata of another container".to_owned();
        rows.push(control(words, None, &containers, false));
        rows.push(control(
            "a key for view links (user delegation key)".into(),
            None,
            DELEGATION_KEY,
            true,
        ));
        rows
    }

    /// Returns the rows for reads and lists of one container.
    ///
    /// The first rows are the ones that a scan needs, if `needed` is set.
    fn container(&self, name: &str, needed: bool) -> Vec<Row> {
        let read = |inside| {
            reads(|request| {
                // A scan reads current versions only; old ones have rows of their own.
                let is_current = needed && inside;
                let request = match is_current {
                    true => request.resource(&format!("{BLOBS}:isCurrentVersion"), true),
                    false => request,
                };
                let family = self.blobs(self.at(name, request), Some(inside));
                match is_current {
                    true => family
                        .open(Source::Request, &format!("{BLOBS}:versionId"), Domain::Absent)
                        .open(Source::Request, &format!("{BLOBS}:snapshot"), Domain::Absent),
                    false => family,
                }
            })
        };
        let lists = |prefix| {
            let family = self.at(name, base("read").suboperation("Blob.List"));
            vec![family.open(Source::Request, &format!("{BLOBS}:prefix"), prefix)]
        };
        let place = Some(name);
        let mut words = self.words(name).into_iter();
        let mut row =
            |needed, families| self.data(words.next().unwrap_or_default(), needed, place, families);
        if self.prefix.is_empty() {
            let any = Domain::Text(Texts::like(&["a/"]));
            return vec![
                row(needed, read(true)),
                row(needed, lists(Domain::Absent)),
                row(needed, lists(any)),
            ];
        }
        let within = Texts::like(&[self.prefix, &format!("{}a/", self.prefix)]);
        let within = Domain::Text(within.beginning_with(self.prefix));
        let samples = outside(self.prefix);
        let samples: Vec<&str> = samples.iter().map(String::as_str).chain([""]).collect();
        let others = Domain::Text(Texts::like(&samples).not_beginning_with(self.prefix));
        vec![
            row(needed, read(true)),
            row(needed, lists(within)),
            row(false, lists(Domain::Absent)),
            row(false, lists(others)),
            row(false, read(false)),
        ]
    }

    /// Returns the words of the rows of [`container`](Self::container), in the same order.
    fn words(&self, name: &str) -> Vec<String> {
        let read = format!("read {}", self.shown(name));
        let bare = format!("list `{name}`, no prefix");
        let within = format!("list `{name}`, prefix `{}…`", self.prefix);
        if self.prefix.is_empty() {
            return vec![read, bare, within];
        }
        let others = format!("list `{name}`, another prefix");
        vec![read, within, bare, others, format!("read another blob of `{name}`")]
    }

    /// Returns a row about a data action.
    fn data(
        &self,
        words: String,
        needed: bool,
        container: Option<&str>,
        families: Vec<Family>,
    ) -> Row {
        let container = container.map(str::to_owned);
        Row { words, needed, container, same: Vec::new(), kind: Kind::Data(families) }
    }

    /// Returns the words for the blobs of a container under the prefix.
    fn shown(&self, container: &str) -> String {
        format!("`{container}/{}…`", self.prefix)
    }

    /// Returns a family of requests for one container.
    fn at(&self, container: &str, request: Request) -> Family {
        let request = request
            .resource(ACCOUNT_NAME, self.account)
            .resource(&format!("{CONTAINERS}:name"), container);
        Family::of(request)
    }

    /// Limits the blob name of a family: under the prefix, outside of it, or any name for `None`.
    fn blobs(&self, family: Family, inside: Option<bool>) -> Family {
        let sample = |start: &str| format!("{start}a.jpg");
        let texts = match inside {
            Some(true) => Texts::like(&[&sample(self.prefix)]).beginning_with(self.prefix),
            Some(false) => {
                let samples = outside(self.prefix).map(|start| sample(&start));
                Texts::like(&samples.each_ref().map(String::as_str)).not_beginning_with(self.prefix)
            }
            None => Texts::like(&[&sample(self.prefix), "a.jpg"]),
        };
        // A blob name has at least one character.
        let texts = texts.none_of(std::iter::once(String::new()));
        family.open(Source::Resource, &format!("{BLOBS}:path"), Domain::Text(texts))
    }

    /// Returns the family of reads of an old version, or of a snapshot.
    ///
    /// The two differ in which attribute is present: `versionId` or `snapshot`.
    fn old(&self, is_version: bool) -> Family {
        let request = self
            .at(self.container, base("read").resource(&format!("{BLOBS}:isCurrentVersion"), false));
        let names = if is_version { ["versionId", "snapshot"] } else { ["snapshot", "versionId"] };
        let [given, absent] = names.map(|name| format!("{BLOBS}:{name}"));
        self.blobs(request, Some(true)).open(Source::Request, &given, Domain::Present).open(
            Source::Request,
            &absent,
            Domain::Absent,
        )
    }

    /// Returns a family of requests for any container that has no rows of its own.
    ///
    /// Excludes all names that have rows, because "another container" must not include them.
    fn another(&self, request: Request, is_list: bool) -> Family {
        // A name that starts like the container's own is the likeliest to be allowed by mistake. It must
        // not be longer than 63 characters.
        let start = self.container.get(..57).unwrap_or(self.container);
        let other = format!("{start}-other");
        let excluded = self.names().cloned();
        let excluded = excluded.chain([self.container.to_owned(), String::new()]);
        let names = Texts::like(&[&other, "another", "px"])
            .of_characters(CONTAINER_CHARACTERS)
            .none_of(excluded);
        let family = Family::of(request.resource(ACCOUNT_NAME, self.account)).open(
            Source::Resource,
            &format!("{CONTAINERS}:name"),
            Domain::Text(names),
        );
        if is_list { family } else { self.blobs(family, None) }
    }

    /// Returns the families of reads in any container that has no rows of its own.
    fn elsewhere(&self) -> Vec<Family> {
        reads(|request| self.another(request, false))
    }
}

/// Returns a request for an action on blobs.
fn base(action: &str) -> Request {
    Request::new(format!("{BLOBS}/{action}"))
}

/// Returns the families of reads, with the suboperation of the preview and without.
fn reads(family: impl Fn(Request) -> Family) -> Vec<Family> {
    vec![family(base("read")), family(base("read").suboperation(WITH_TAGS))]
}

/// Returns the family of lists with any prefix or without one.
fn list(family: Family) -> Family {
    let texts = Domain::Text(Texts::like(&["a/"]).or_absent());
    family.open(Source::Request, &format!("{BLOBS}:prefix"), texts)
}

/// Returns prefixes outside a prefix that are easily confused with it: a folder next to it, and the prefix
/// in another letter case.
fn outside(prefix: &str) -> [String; 2] {
    let start = prefix.trim_end_matches('/');
    let beside =
        if prefix.ends_with('/') { format!("{start}-other/") } else { format!("zz-{start}/") };
    // Conditions can compare without letter case, but names of blobs differ by it.
    let changed = prefix.chars().map(|c| match c.is_lowercase() {
        true => c.to_ascii_uppercase(),
        false => c.to_ascii_lowercase(),
    });
    [beside, changed.collect()]
}
