//! The checks of what browsers may do: the CORS preflight, and the answer to a read.
//!
//! CORS rules belong to the account and do not depend on roles. The blob service uses the first rule
//! that matches (Microsoft Learn, "Cross-Origin Resource Sharing (CORS) support for Azure Storage").

use std::time::Duration;

use super::{
    super::{
        cause::Cause,
        check::{Check, Outcome},
        checked::Checked,
        evidence::Evidence,
        infer,
    },
    context::{Context, certain, requested_but_unsupported, unsupported},
};
use crate::store::Question;

/// Checks that a browser's preflight for a ranged read is allowed.
///
/// Sends no credential: browsers do not either.
pub(super) async fn preflight(context: &mut Context) -> Checked {
    let check = Check::Preflight;
    let Some(origin) = context.plan().origin().map(str::to_owned) else {
        return unsupported(check);
    };
    match context.ask(Question::Preflight { origin: origin.clone() }).await {
        (Ok(answer), _) if !answer.known => requested_but_unsupported(check),
        (Ok(answer), evidence)
            if infer::allows_origin(&answer, &origin) && infer::allows_ranges(&answer) =>
        {
            Checked::new(check, Outcome::Passed, "").with(evidence)
        }
        (Ok(_), evidence) => certain(check, Outcome::Failed, Cause::CorsMissing, evidence),
        (Err(error), evidence) => context.failed(check, &error, evidence),
    }
}

/// Checks that a browser may use the answer to the read. Sends no request of its own.
pub(super) fn browser_read(context: &Context) -> Checked {
    let check = Check::BrowserRead;
    let answer = context.facts().browser_answer();
    let (Some(origin), Some(answer)) = (context.plan().origin(), answer) else {
        if !context.facts().reads_as_browser() {
            return requested_but_unsupported(check);
        }
        return Checked::new(check, Outcome::Skipped, "not checked: the read failed");
    };
    // The time is that of the read, which reports it itself.
    let evidence = Evidence::of_answer(answer, Duration::ZERO);
    if !infer::allows_origin(answer, origin) {
        return certain(check, Outcome::Failed, Cause::CorsMissing, evidence);
    }
    if infer::exposes_ranges(answer) {
        return Checked::new(check, Outcome::Passed, "").with(evidence);
    }
    // Videos play, but cannot be sought in, so this is a warning.
    certain(check, Outcome::Warned, Cause::CorsIncomplete, evidence)
}
