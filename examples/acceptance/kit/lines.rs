//! The table of the kit: each line is one assumption of the crate about the service.

use std::fmt;

use serde::Serialize;

/// How an account compares with an assumption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The account does what the crate assumes.
    AsAssumed,
    /// The account does something else.
    Different,
    /// The account could not show it, for example because the container has too few blobs.
    NotSeen,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::AsAssumed => "as assumed",
            Self::Different => "different",
            Self::NotSeen => "not seen",
        })
    }
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The ID of the line.
    pub line: &'static str,
    /// What the crate assumes.
    pub assumed: &'static str,
    /// How the account compares with the assumption.
    pub outcome: Outcome,
    /// What was seen, without names, addresses or IDs of the account.
    pub evidence: String,
    /// What a difference means for the crate.
    pub meaning: &'static str,
}

/// ID, assumption, and what a difference means for the crate.
const LINES: &[[&str; 3]] = &[
    [
        "order",
        "names of a flat account ascend by UTF-16 code units",
        "a scan infers the order from the names with one or two more requests; if names have no order, it cannot request pages in parallel",
    ],
    [
        "order_segments",
        "names of a hierarchical account ascend by path segments",
        "a scan infers the order from the names with one or two more requests",
    ],
    [
        "order_folders",
        "the segments of a path compare by bytes",
        "a scan infers the order from the names with one or two more requests",
    ],
    [
        "start_inclusive",
        "`startFrom` begins with exactly that name",
        "a scan does not use `startFrom`, which is slower if there are no folders",
    ],
    [
        "start_between",
        "`startFrom` with a name that does not exist begins with the next name",
        "a scan does not use `startFrom`, which is slower if there are no folders",
    ],
    [
        "start_marks",
        "`startFrom` begins at a wrong place if a mark or modifier follows the prefix",
        "nothing: the crate never uses such a start",
    ],
    [
        "bounds_case",
        "`startFrom` and `endBefore` are compared without regard to letter case",
        "nothing: the crate sends no `endBefore`",
    ],
    [
        "marker_again",
        "a continuation marker can be used again",
        "a page that was cut off cannot be requested again, so the run fails",
    ],
    [
        "marker_form",
        "a marker is `2!`, a length, `!` and encoded text",
        "nothing: the crate does not read markers",
    ],
    [
        "page_limit",
        "a page has as many names as `maxresults` allows",
        "more requests; no name is missed",
    ],
    ["page_full", "a full page has 5,000 names", "more requests; no name is missed"],
    [
        "chunked",
        "listings are sent in chunks, without a length",
        "nothing: the crate reads both forms",
    ],
    [
        "arrow",
        "a listing is XML even if the request accepts Arrow",
        "Arrow pages are offered; support for them would make listings faster",
    ],
    [
        "elements",
        "an entry has only elements of the documentation or of a recording",
        "the crate ignores the new element",
    ],
    [
        "metadata",
        "metadata is listed only if it is requested",
        "rules and findings that need metadata do not see it",
    ],
    [
        "versions",
        "versions and snapshots can be listed",
        "old versions cannot be distinguished from current ones",
    ],
    [
        "delimiter",
        "a delimiter folds names into prefixes, in order",
        "a scan does not use folders, which is slower",
    ],
    [
        "etag",
        "the ETag in a listing is that of a read without quotes",
        "each read of a listed blob fails as changed",
    ],
    ["if_match", "`If-Match` accepts an ETag without quotes", "each read of a listed blob fails"],
    [
        "if_match_other",
        "a read with a different ETag is refused: 412 ConditionNotMet",
        "a read may return the bytes of a different version",
    ],
    [
        "range_after_end",
        "a range after the end is refused: 416 with the size in `Content-Range`",
        "nothing: the crate does not need the size there",
    ],
    [
        "empty_blob",
        "a range of an empty blob is refused: 416 InvalidRange",
        "nothing: the crate treats an empty response the same",
    ],
    [
        "forbidden_first",
        "a resource that may not be read is 403, whether it exists or not",
        "a diagnosis may name a missing container although a role is missing",
    ],
    [
        "error_code",
        "a refusal has its code in `x-ms-error-code` and in the body",
        "the crate reads the code from either place",
    ],
    [
        "reason_phrase",
        "the reason phrase of a refusal is the message of its body",
        "nothing: the crate does not read it",
    ],
    [
        "server",
        "`Server` is that of the blob service",
        "refusals by a firewall cannot be distinguished from those by the service",
    ],
    [
        "request_id",
        "each response has an `x-ms-request-id`",
        "errors have no request ID for Azure support",
    ],
    [
        "version",
        "responses have the `x-ms-version` of the request",
        "nothing: the crate does not read it",
    ],
    [
        "challenge",
        "a request without a credential gets a challenge that names the tenant",
        "finding the tenant takes a second request",
    ],
    [
        "challenge_token",
        "an invalid token gets a challenge that names the tenant",
        "the tenant of an account without public access is not found",
    ],
    [
        "delegation_key",
        "the principal gets a user delegation key",
        "no view links for this account",
    ],
    ["view_link", "a view link opens without a credential", "viewers see an error"],
    [
        "view_link_headers",
        "a view link has the media type and the disposition that were signed",
        "browsers save files instead of showing them",
    ],
    [
        "preflight_refused",
        "a preflight from an unknown origin is refused: 403 CorsPreflightFailure",
        "a probe may report CORS as set up although it is not",
    ],
    [
        "preflight",
        "the response to a preflight from the origin names the allowed method and header",
        "a probe reports the CORS rule as incomplete",
    ],
    [
        "exposed_headers",
        "a ranged read from the origin exposes `Content-Range`",
        "players in browsers cannot seek; the rule must name the header, not `*`",
    ],
    ["retry_after", "a busy response has `Retry-After` in seconds", "a scan uses its own backoff"],
];

/// All lines, each "not seen" until a check fills it in.
pub struct Lines(Vec<Line>);

impl Lines {
    /// Creates the lines before any check.
    pub fn new() -> Self {
        let line = |[line, assumed, meaning]: &[&'static str; 3]| Line {
            line,
            assumed,
            outcome: Outcome::NotSeen,
            evidence: "not checked".to_owned(),
            meaning,
        };
        Self(LINES.iter().map(line).collect())
    }

    /// Fills in a line.
    ///
    /// Panics if there is no such line, which is an error in a check.
    pub fn set(&mut self, id: &str, found: Finding) {
        let line = self.0.iter_mut().find(|line| line.line == id);
        let line = line.unwrap_or_else(|| panic!("no line `{id}`"));
        (line.outcome, line.evidence) = (found.outcome, found.evidence);
    }

    /// Returns the lines.
    pub fn into_lines(self) -> Vec<Line> {
        self.0
    }
}

/// The result of a check.
#[derive(Clone, Debug)]
pub struct Finding {
    pub outcome: Outcome,
    pub evidence: String,
}

/// Returns the finding that the account does what the crate assumes.
pub fn as_assumed(evidence: impl Into<String>) -> Finding {
    Finding { outcome: Outcome::AsAssumed, evidence: evidence.into() }
}

/// Returns the finding that the account does something else.
pub fn different(evidence: impl Into<String>) -> Finding {
    Finding { outcome: Outcome::Different, evidence: evidence.into() }
}

/// Returns the finding that the account could not show it.
pub fn not_seen(evidence: impl Into<String>) -> Finding {
    Finding { outcome: Outcome::NotSeen, evidence: evidence.into() }
}

/// Returns [`as_assumed`] if the condition holds, or [`different`].
pub fn compared(is_so: bool, evidence: impl Into<String>) -> Finding {
    if is_so { as_assumed(evidence) } else { different(evidence) }
}

/// Renders the table for people: differences first.
pub fn table(lines: &[Line]) -> String {
    let mut text = String::new();
    for outcome in [Outcome::Different, Outcome::AsAssumed, Outcome::NotSeen] {
        for line in lines.iter().filter(|line| line.outcome == outcome) {
            text += &format!("{outcome:<11} {:<17} {}\n", line.line, line.assumed);
            text += &format!("{:29} seen: {}\n", "", line.evidence);
            if outcome == Outcome::Different {
                text += &format!("{:29} effect: {}\n", "", line.meaning);
            }
        }
    }
    let count = |outcome| lines.iter().filter(|line| line.outcome == outcome).count();
    text + &format!(
        "\n{} as assumed, {} different, {} not seen\n",
        count(Outcome::AsAssumed),
        count(Outcome::Different),
        count(Outcome::NotSeen)
    )
}
