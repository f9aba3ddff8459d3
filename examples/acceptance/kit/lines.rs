//! What the kit checks: each line is one thing that the crate assumes of the service.

use std::fmt;

use serde::Serialize;

/// How an account answered, compared with what the crate assumes
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    AsAssumed,
    Different,
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

/// One line of the table
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    pub line: &'static str,
    pub assumed: &'static str,
    pub outcome: Outcome,
    /// What was seen, without any name, address or id of the account
    pub evidence: String,
    /// What a difference means for the crate
    pub meaning: &'static str,
}

/// Id, assumption, and what a difference means for the crate
const LINES: &[[&str; 3]] = &[
    [
        "order",
        "names of a flat account ascend by UTF-16 code units",
        "a scan finds the order by the names, for a request or two more; names in no order at all cost the speed of parallel requests",
    ],
    [
        "order_segments",
        "names of a hierarchical account ascend by path segments",
        "a scan finds the order by the names, for a request or two more",
    ],
    [
        "order_folders",
        "the segments of a path compare by bytes",
        "a scan finds the order by the names, for a request or two more",
    ],
    [
        "start_inclusive",
        "`startFrom` begins with the name that it gives",
        "a scan does without `startFrom`, which costs speed if there are no folders",
    ],
    [
        "start_between",
        "`startFrom` with a name that is not there begins with the next name",
        "a scan does without `startFrom`, which costs speed if there are no folders",
    ],
    [
        "start_marks",
        "`startFrom` begins at a wrong place if a mark or modifier follows the prefix",
        "such a start could be used; the crate never does",
    ],
    [
        "bounds_case",
        "the order of `startFrom` and `endBefore` is checked without regard to case",
        "nothing yet: the crate sends no `endBefore`",
    ],
    [
        "marker_again",
        "a continuation marker can be used again",
        "a page that broke off cannot be requested again, so the run fails",
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
    ["chunked", "listings are sent in chunks, without a length", "nothing: the crate reads either"],
    [
        "arrow",
        "a listing is XML, also if the request accepts Arrow",
        "Arrow pages are offered; support for them would make listings faster",
    ],
    [
        "elements",
        "an entry has only elements that the documentation or a recording has",
        "the crate ignores what the new element says",
    ],
    [
        "metadata",
        "metadata is listed if it is requested, and only then",
        "rules and findings that need metadata do not see it",
    ],
    [
        "versions",
        "versions and snapshots can be listed",
        "old versions are not status_line apart from current ones",
    ],
    [
        "delimiter",
        "a delimiter folds names into prefixes, in order",
        "a scan does without folders, which costs speed",
    ],
    [
        "etag",
        "the ETag of a listing is that of a read, without its quotes",
        "each read of a listed blob fails as changed",
    ],
    ["if_match", "`If-Match` takes an ETag without quotes", "each read of a listed blob fails"],
    [
        "if_match_other",
        "a read with another ETag is refused: 412 ConditionNotMet",
        "a read may return the bytes of another version",
    ],
    [
        "range_after_end",
        "a range after the end is refused: 416 with the size in `Content-Range`",
        "nothing: the crate does not need the size there",
    ],
    [
        "empty_blob",
        "a range of an empty blob is refused: 416 InvalidRange",
        "nothing: the crate takes an empty answer for the same",
    ],
    [
        "forbidden_first",
        "what may not be read is 403, whether it is there or not",
        "a diagnosis may name a missing container although a role is missing",
    ],
    [
        "error_code",
        "a refusal has its code in `x-ms-error-code` and in its body",
        "the crate reads the code from the other place",
    ],
    [
        "reason_phrase",
        "the reason phrase of a refusal is the message of its body",
        "nothing: the crate does not read it",
    ],
    [
        "server",
        "`Server` is that of the blob service",
        "refusals by a firewall are not status_line apart from those by the service",
    ],
    [
        "request_id",
        "each answer has an `x-ms-request-id`",
        "errors name no request for the service's support",
    ],
    [
        "version",
        "answers have the `x-ms-version` of the request",
        "nothing: the crate does not read it",
    ],
    [
        "challenge",
        "a request without a credential gets a challenge that names the tenant",
        "the tenant takes a second request",
    ],
    [
        "challenge_token",
        "a text that is no token gets a challenge that names the tenant",
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
        "a view link shows the media type and the disposition that it was made with",
        "browsers save what they should show",
    ],
    [
        "preflight_refused",
        "a preflight from an unknown origin is refused: 403 CorsPreflightFailure",
        "a probe may report CORS as set up although it is not",
    ],
    [
        "preflight",
        "a preflight from the origin names the method and the header that are allowed",
        "a probe reports the CORS rule as incomplete",
    ],
    [
        "exposed_headers",
        "a ranged read from the origin exposes `Content-Range`",
        "players in browsers cannot seek; the rule must name the header, not `*`",
    ],
    [
        "retry_after",
        "an answer that is busy says in `Retry-After` how many seconds to wait",
        "a scan waits by its own backoff",
    ],
];

/// All lines, each not seen until a check says more
pub struct Lines(Vec<Line>);

impl Lines {
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

    /// Enters what a check found
    pub fn set(&mut self, id: &str, found: Finding) {
        let line = self.0.iter_mut().find(|line| line.line == id);
        let line = line.unwrap_or_else(|| panic!("no line `{id}`"));
        (line.outcome, line.evidence) = (found.outcome, found.evidence);
    }

    pub fn into_lines(self) -> Vec<Line> {
        self.0
    }
}

/// What a check found
#[derive(Clone, Debug)]
pub struct Finding {
    pub outcome: Outcome,
    pub evidence: String,
}

pub fn as_assumed(evidence: impl Into<String>) -> Finding {
    Finding { outcome: Outcome::AsAssumed, evidence: evidence.into() }
}

pub fn different(evidence: impl Into<String>) -> Finding {
    Finding { outcome: Outcome::Different, evidence: evidence.into() }
}

pub fn not_seen(evidence: impl Into<String>) -> Finding {
    Finding { outcome: Outcome::NotSeen, evidence: evidence.into() }
}

/// [`as_assumed`] or [`different`]
pub fn compared(is_so: bool, evidence: impl Into<String>) -> Finding {
    if is_so { as_assumed(evidence) } else { different(evidence) }
}

/// The table for people
pub fn table(lines: &[Line]) -> String {
    let mut text = String::new();
    for outcome in [Outcome::Different, Outcome::AsAssumed, Outcome::NotSeen] {
        for line in lines.iter().filter(|line| line.outcome == outcome) {
            text += &format!("{outcome:<11} {:<17} {}\n", line.line, line.assumed);
            text += &format!("{:29} seen: {}\n", "", line.evidence);
            if outcome == Outcome::Different {
                text += &format!("{:29} so: {}\n", "", line.meaning);
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
