//! The checks of the access that a scan needs: list, read, and the key for view links.
//!
//! They send the requests that a scan sends, so a probe that passes means that a scan can start.

use std::num::NonZeroU16;

use super::{
    super::{
        cause::Cause,
        check::{Check, Outcome},
        checked::Checked,
        evidence::Evidence,
    },
    context::{
        Block, Context, certain, is_denied, random_name, requested_but_unsupported, unsupported,
    },
};
use crate::{
    error::{Error, ErrorKind},
    store::{AccessTier, ListRequest, Question, ReadRequest},
};

/// How many pages a list may read to find the first blob.
///
/// An empty page with a continuation marker is legal (Microsoft Learn, "List Blobs"). This many in a
/// row are no reason to report a problem, but the probe must end.
const MAX_PAGES: usize = 8;

/// Checks that the container can be listed with the connection's prefix.
///
/// Uses [`Store::list`](crate::store::Store::list), which a scan uses too.
pub(super) async fn list(context: &mut Context) -> Checked {
    let check = Check::List;
    let mut request = ListRequest::new(context.plan().connection().prefix().as_str().to_owned());
    // One blob is enough to read, and the request costs the same.
    request.max_results = NonZeroU16::new(1);
    let start = context.now();
    let mut blob = None;
    for _ in 0..MAX_PAGES {
        let store = context.plan().subject().store();
        let page = match context.within(store.list(request.clone())).await {
            Ok(page) => page,
            Err(error) => {
                let evidence = Evidence::of_error(&error, context.since(start));
                return list_failed(context, &error, evidence);
            }
        };
        blob = page.blobs.into_iter().next();
        // The same rule as in a scan: a repeated marker would be an endless loop.
        if page.next.is_some() && page.next == request.marker {
            let what = "the service repeated a continuation marker, so the listing would never end";
            let error = Error::new(ErrorKind::RepeatedMarker, what);
            let evidence = Evidence::of_error(&error, context.since(start));
            return list_failed(context, &error, evidence);
        }
        request.marker = page.next;
        if blob.is_some() || request.marker.is_none() {
            break;
        }
    }
    context.facts_mut().set_allowed(check, Some(true));
    // With a marker left over, the first pages were empty, and nothing is known about the others.
    let is_empty = blob.is_none() && request.marker.is_none();
    // An archived blob cannot be read, and a name that fits in no URL cannot be requested. Neither
    // says anything about access, so such a blob is not used for the read.
    let readable = blob.filter(|blob| {
        let is_archived = blob.access_tier == Some(AccessTier::Archive);
        !is_archived && context.plan().connection().blob_url(&blob.name).is_some()
    });
    context.facts_mut().set_readable_blob(readable);
    let evidence = Evidence::of_time(context.since(start));
    if is_empty {
        return certain(check, Outcome::Warned, Cause::EmptyListing, evidence);
    }
    Checked::new(check, Outcome::Passed, "").with(evidence)
}

/// Lists over a connection of its own, to confirm a list that succeeded before.
///
/// Front ends learn of an assignment one after the other, and a connection leads to one of them, so a
/// new connection is likely to reach another front end. Returns `None` if the store cannot do that.
pub(super) async fn confirm_list(context: &mut Context, seen: Checked) -> Option<Checked> {
    let prefix = context.plan().connection().prefix().as_str().to_owned();
    let (result, evidence) = context.ask(Question::List { prefix }).await;
    match result {
        Ok(answer) if !answer.known => None,
        // The result stays that of the first list; only the evidence is new.
        Ok(_) => Some(seen.with(evidence)),
        Err(error) => Some(list_failed(context, &error, evidence)),
    }
}

/// Returns the result of a list that failed, and blocks what depends on the list.
fn list_failed(context: &mut Context, error: &Error, evidence: Evidence) -> Checked {
    // A read that was allowed before says nothing about the front end that refuses now.
    context.facts_mut().set_allowed(Check::Read, None);
    let is_denied = is_denied(error);
    context.facts_mut().set_allowed(Check::List, is_denied.then_some(false));
    // If a permission is missing, the other checks show which one, so they still run.
    if !is_denied {
        context.set_block(Block::Everything("not checked: the list failed"));
    }
    context.failed(Check::List, error, evidence)
}

/// Checks that a byte of a blob can be read, as a browser reads it if the store can do that.
///
/// If the list returned no readable blob, reads a name that no blob has. The service answers 404 only
/// to a principal that may read, and 403 to all others.
pub(super) async fn read(context: &mut Context) -> Checked {
    let check = Check::Read;
    let name = match context.facts().readable_blob() {
        Some(blob) => blob.name.clone(),
        None => format!("{}{}", context.plan().connection().prefix(), random_name()),
    };
    let (result, evidence) = match read_as_browser(context, name.clone()).await {
        Some(read) => read,
        None => plain_read(context, name).await,
    };
    let Err(error) = result else {
        context.facts_mut().set_allowed(check, Some(true));
        return Checked::new(check, Outcome::Passed, "").with(evidence);
    };
    let diagnosis = context.diagnose(check, &error, &evidence);
    // The service gives these answers only to a principal that may read.
    let note = match diagnosis.cause {
        Cause::BlobNotFound => "allowed; there is no blob to read",
        Cause::RangeInvalid => "allowed; the blob is empty",
        Cause::BlobChanged => "allowed; the blob changed after it was listed",
        // Access works, but this blob cannot be read. A scan reports such blobs.
        Cause::BlobArchived | Cause::BlobRehydrating | Cause::CustomerKey => {
            context.facts_mut().set_allowed(check, Some(true));
            let note = diagnosis.cause.what();
            return Checked::new(check, Outcome::Warned, note).with(evidence).because(diagnosis);
        }
        _ => {
            context.facts_mut().set_allowed(check, is_denied(&error).then_some(false));
            return context.failed(check, &error, evidence);
        }
    };
    context.facts_mut().set_allowed(check, Some(true));
    Checked::new(check, Outcome::Passed, note).with(evidence)
}

/// Reads with an `Origin` header, so that one request shows both access and CORS.
///
/// Returns `None` if the caller gave no origin or the store cannot read in this way.
async fn read_as_browser(
    context: &mut Context,
    blob: String,
) -> Option<(Result<(), Error>, Evidence)> {
    let origin = context.plan().origin()?.to_owned();
    let (result, evidence) = context.ask(Question::BrowserRead { blob, origin }).await;
    if matches!(&result, Ok(answer) if !answer.known) {
        return None;
    }
    context.facts_mut().set_reads_as_browser(true);
    Some((result.map(|answer| context.facts_mut().set_browser_answer(answer)), evidence))
}

/// Reads the first byte of a blob, pinned to the version that was listed.
///
/// The condition on the ETag is the one that a scan uses, so a change in between shows as such.
async fn plain_read(context: &Context, name: String) -> (Result<(), Error>, Evidence) {
    let request = match context.facts().readable_blob() {
        Some(blob) => ReadRequest::of(blob, 0..1),
        None => ReadRequest::new(name, 0..1),
    };
    let start = context.now();
    let result = context.within(context.plan().subject().store().read(request)).await;
    let took = context.since(start);
    let evidence = match &result {
        Ok(_) => Evidence::of_time(took),
        Err(error) => Evidence::of_error(error, took),
    };
    (result.map(|_| ()), evidence)
}

/// Checks that a user delegation key can be obtained.
///
/// Without view links a refusal is no failure: the key then only shows where the role is assigned.
pub(super) async fn delegation_key(context: &mut Context) -> Checked {
    let check = Check::DelegationKey;
    let is_needed = context.plan().view_links();
    match context.ask(Question::DelegationKey).await {
        (Ok(answer), _) if !answer.known && is_needed => requested_but_unsupported(check),
        (Ok(answer), _) if !answer.known => unsupported(check),
        (Ok(_), evidence) => {
            context.facts_mut().set_allowed(check, Some(true));
            let note = if is_needed { "" } else { "allowed, but not needed" };
            Checked::new(check, Outcome::Passed, note).with(evidence)
        }
        (Err(error), evidence) => {
            let is_denied = is_denied(&error);
            context.facts_mut().set_allowed(check, is_denied.then_some(false));
            if is_needed {
                return context.failed(check, &error, evidence);
            }
            let note = match is_denied {
                true => "refused, but not needed",
                false => "undetermined: the request failed for another reason than access",
            };
            Checked::new(check, Outcome::Skipped, note).with(evidence)
        }
    }
}
