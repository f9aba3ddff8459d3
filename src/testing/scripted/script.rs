//! The script: which call of a store gets which fault.
//!
//! Everything is decided by counting, so that the same calls get the same faults each time.

use std::{
    collections::HashMap,
    ops::{Bound, RangeBounds},
};

use super::{calls::StoreRequest, fault::StoreFault};
use crate::store::{ListRequest, Marker, Page, Question};

/// The calls of a [`ScriptedStore`](super::ScriptedStore) that get a fault: all of a sort, or some of them.
///
/// ```
/// use azure_asset_sync::testing::On;
///
/// On::list(); // every request for a page
/// On::list().call(3); // the third one
/// On::page(2).calls(..=4); // the first four attempts at the second page
/// On::page_with("b.jpg"); // every page that has this blob
/// On::read_of("b.jpg").calls(2..); // each read of this blob but the first
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct On {
    target: Target,
    calls: (Bound<u64>, Bound<u64>),
}

#[derive(Clone, Debug)]
enum Target {
    Any,
    List,
    Page(u64),
    PageWith(String),
    Read,
    ReadOf(String),
    Inspect,
    Question(Question),
}

impl On {
    fn new(target: Target) -> Self {
        Self { target, calls: (Bound::Unbounded, Bound::Unbounded) }
    }

    /// Matches every call.
    pub fn any() -> Self {
        Self::new(Target::Any)
    }

    /// Matches requests for pages.
    pub fn list() -> Self {
        Self::new(Target::List)
    }

    /// Matches requests for this page of a listing, counted from 1.
    ///
    /// A request without a marker is for page 1, and a request with the marker of a page is for the page
    /// after it. A retry is for the same page. A scan with several requests in flight has several
    /// listings, each with a page 1; [`page_with`](Self::page_with) tells their pages apart.
    pub fn page(number: u64) -> Self {
        Self::new(Target::Page(number))
    }

    /// Matches requests whose page has the blob of this name.
    ///
    /// The wrapped store returns the page first, and then the fault applies.
    pub fn page_with(name: impl Into<String>) -> Self {
        Self::new(Target::PageWith(name.into()))
    }

    /// Matches reads.
    pub fn read() -> Self {
        Self::new(Target::Read)
    }

    /// Matches reads of the blob of this name.
    pub fn read_of(name: impl Into<String>) -> Self {
        Self::new(Target::ReadOf(name.into()))
    }

    /// Matches the questions of a probe.
    pub fn inspect() -> Self {
        Self::new(Target::Inspect)
    }

    /// Matches this question of a probe.
    pub fn question(question: Question) -> Self {
        Self::new(Target::Question(question))
    }

    /// Of the calls that match, selects the one with this number, counted from 1.
    pub fn call(self, number: u64) -> Self {
        self.calls(number..=number)
    }

    /// Of the calls that match, selects those with these numbers, counted from 1.
    pub fn calls(mut self, numbers: impl RangeBounds<u64>) -> Self {
        self.calls = (numbers.start_bound().cloned(), numbers.end_bound().cloned());
        self
    }
}

/// What a rule is compared with.
pub(super) enum Asked<'a> {
    /// A request, before the wrapped store is called.
    Request(&'a StoreRequest),
    /// The page that the wrapped store has returned.
    Content(&'a Page),
}

struct Rule {
    on: On,
    fault: StoreFault,
    /// How many calls have matched.
    matched: u64,
}

/// The faults, and what must be remembered of earlier pages.
#[derive(Default)]
pub(super) struct Script {
    rules: Vec<Rule>,
    /// The number of the page to which a marker leads. Each distinct marker is kept.
    numbers: HashMap<Marker, u64>,
    /// The requests that an empty page has postponed, by the marker of that page.
    postponed: HashMap<Marker, ListRequest>,
}

impl Script {
    pub(super) fn add(&mut self, on: On, fault: StoreFault) {
        self.rules.push(Rule { on, fault, matched: 0 });
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Counts a call; returns its faults, in the order in which they were injected.
    pub(super) fn faults(&mut self, asked: &Asked<'_>) -> Vec<StoreFault> {
        let number = match asked {
            Asked::Request(StoreRequest::List(request)) => self.page_number(request),
            _ => 0,
        };
        let mut faults = Vec::new();
        for rule in &mut self.rules {
            if rule.on.target.matches(asked, number) {
                rule.matched += 1;
                if rule.on.calls.contains(&rule.matched) {
                    faults.push(rule.fault.clone());
                }
            }
        }
        faults
    }

    /// Returns the number of the page that is requested.
    fn page_number(&self, request: &ListRequest) -> u64 {
        // A marker that this store has not returned may come from an earlier one.
        request.marker.as_ref().and_then(|marker| self.numbers.get(marker)).copied().unwrap_or(1)
    }

    /// Remembers to which page the marker of a page leads.
    pub(super) fn number_next(&mut self, request: &ListRequest, page: &Page) {
        if let Some(next) = &page.next {
            let number = self.page_number(request) + 1;
            self.numbers.entry(next.clone()).or_insert(number);
        }
    }

    /// Returns a marker with which a request comes again.
    pub(super) fn marker_of(&mut self, request: ListRequest) -> Marker {
        let number = self.postponed.len() + 1;
        let marker = Marker::from(format!("scripted-{number}"));
        self.postponed.insert(marker.clone(), request);
        marker
    }

    /// Returns the request for the wrapped store, which does not know the markers of empty pages.
    pub(super) fn resolve(&self, mut request: ListRequest) -> ListRequest {
        let postponed = request.marker.as_ref().and_then(|marker| self.postponed.get(marker));
        if let Some(postponed) = postponed {
            request.marker.clone_from(&postponed.marker);
            request.start_from.clone_from(&postponed.start_from);
        }
        request
    }
}

impl Target {
    /// Returns whether a call matches; `number` is that of the requested page.
    fn matches(&self, asked: &Asked<'_>, number: u64) -> bool {
        match (self, asked) {
            (Self::PageWith(name), Asked::Content(page)) => {
                page.blobs.iter().any(|blob| blob.name == *name)
            }
            (Self::PageWith(_), _) | (_, Asked::Content(_)) => false,
            (Self::Any, Asked::Request(_)) => true,
            (Self::List, Asked::Request(request)) => matches!(request, StoreRequest::List(_)),
            (Self::Page(page), Asked::Request(request)) => {
                matches!(request, StoreRequest::List(_)) && *page == number
            }
            (Self::Read, Asked::Request(request)) => matches!(request, StoreRequest::Read(_)),
            (Self::ReadOf(name), Asked::Request(request)) => {
                matches!(request, StoreRequest::Read(read) if read.name == *name)
            }
            (Self::Inspect, Asked::Request(request)) => matches!(request, StoreRequest::Inspect(_)),
            (Self::Question(question), Asked::Request(request)) => {
                matches!(request, StoreRequest::Inspect(asked) if asked == question)
            }
        }
    }
}
