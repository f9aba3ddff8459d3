//! Checks where a listing begins (`startFrom`) and ends (`endBefore`).

use azure_asset_sync::store::{NameOrder, azure::RawRequest};
use regex::Regex;

use super::{
    Survey,
    client::{Client, RequestKind, status_line},
    lines::{Finding, Lines, as_assumed, compared, different, not_seen},
    order,
};

/// One character of each Unicode category at which a listing begins at a wrong place.
const MARKS: [(&str, char); 5] =
    [("Sk", '^'), ("Lm", '\u{2b0}'), ("Mn", '\u{300}'), ("Me", '\u{488}'), ("Cf", '\u{ad}')];

/// Checks the bounds of listings.
pub async fn check(client: &mut Client<'_>, lines: &mut Lines, survey: &Survey) {
    if !order::is_known(survey) {
        for line in ["start_inclusive", "start_between", "start_marks", "bounds_case"] {
            lines.set(line, not_seen("names have no known order"));
        }
        return;
    }
    for (line, found) in [
        ("start_inclusive", inclusive(client, survey).await),
        ("start_between", between(client, survey).await),
        ("start_marks", marks(client, survey).await),
        ("bounds_case", bounds(client, survey).await),
    ] {
        lines.set(line, found.unwrap_or_else(|found| found));
    }
}

/// Returns a name in the middle of the first page that has no mark after the prefix, and its index.
fn middle<'a>(client: &Client<'_>, survey: &'a Survey) -> Result<(usize, &'a str), Finding> {
    let names = survey.first.names();
    let pattern = mark();
    let prefix = client.connection.prefix().as_str().len();
    let is_plain = |name: &str| name.get(prefix..).is_some_and(|rest| !pattern.is_match(rest));
    let at = (names.len() / 2..names.len()).find(|at| *at > 0 && is_plain(names[*at]));
    at.map(|at| (at, survey.first.page.blobs[at].name.as_str()))
        .ok_or_else(|| not_seen("the container has too few names"))
}

/// Returns a pattern for a mark or a modifier at the start.
fn mark() -> Regex {
    // The pattern is constant and valid.
    Regex::new(r"^[\p{Mn}\p{Me}\p{Cf}\p{Lm}\p{Sk}]").unwrap()
}

/// Checks that `startFrom` begins with the given name.
async fn inclusive(client: &mut Client<'_>, survey: &Survey) -> Result<Finding, Finding> {
    let (at, name) = middle(client, survey)?;
    let names = survey.first.names();
    let listed = client.list(&[("maxresults", "2"), ("startFrom", name)]).await?;
    Ok(match listed.names().first().copied() {
        Some(first) if first == name => as_assumed("the first name is the given name"),
        Some(first) if names.get(at + 1) == Some(&first) => {
            different("exclusive: the first name is the one after the given name")
        }
        Some(first) if first == names[0] => {
            different("ignored: the listing starts at the beginning")
        }
        Some(_) => different("the listing starts somewhere else"),
        None => different("the listing is empty"),
    })
}

/// Checks that `startFrom` with a name that does not exist begins with the next name.
async fn between(client: &mut Client<'_>, survey: &Survey) -> Result<Finding, Finding> {
    let (at, name) = middle(client, survey)?;
    let names = survey.first.names();
    // This sorts right after the name in every order, unless another name continues it.
    let start = format!("{name}!");
    let Some(next) = names[at + 1..].iter().find(|next| !next.starts_with(name)) else {
        return Err(not_seen("no name after the middle of the page"));
    };
    if names[at + 1..].iter().any(|next| next.starts_with(name)) {
        return Err(not_seen("the names around the middle continue each other"));
    }
    let listed = client.list(&[("maxresults", "2"), ("startFrom", &start)]).await?;
    Ok(match listed.names().first() {
        Some(first) if first == next => as_assumed("the first name is the next one"),
        Some(first) if *first == names[0] => {
            different("ignored: the listing starts at the beginning")
        }
        _ => different("the listing starts somewhere else"),
    })
}

/// Checks that `startFrom` with a mark or a modifier begins at a wrong place.
async fn marks(client: &mut Client<'_>, survey: &Survey) -> Result<Finding, Finding> {
    let prefix = client.connection.prefix().as_str().to_owned();
    let names = survey.first.names();
    let pattern = mark();
    let is_complete = survey.first.page.next.is_none();
    let mut right = Vec::new();
    let mut wrong = Vec::new();
    let mut has_names = false;
    for (category, usual) in MARKS {
        let of_category = Regex::new(&format!(r"^\p{{{category}}}")).unwrap();
        // A name of the container that begins with one also shows whether it is skipped.
        let own = names.iter().find_map(|name| {
            let rest = name.strip_prefix(&prefix)?;
            rest.chars().next().filter(|_| pattern.is_match(rest) && of_category.is_match(rest))
        });
        let start = format!("{prefix}{}", own.unwrap_or(usual));
        let order = survey.first.page.order;
        let order = if order == NameOrder::Unsorted { NameOrder::Utf16 } else { order };
        let expected = names.iter().find(|name| order.compare(name, &start).is_ge());
        if expected.is_none() && !is_complete {
            continue;
        }
        let listed = client.list(&[("maxresults", "1"), ("startFrom", &start)]).await?;
        if listed.names().first() == expected {
            right.push(category);
            has_names |= own.is_some();
        } else {
            wrong.push(category);
        }
    }
    Ok(match (wrong.is_empty(), has_names) {
        (false, _) => {
            as_assumed(format!("wrong for {}, right for [{}]", wrong.join(" "), right.join(" ")))
        }
        (true, true) => different(format!("right for {}", right.join(" "))),
        (true, false) => not_seen("no name has a mark or modifier after the prefix"),
    })
}

/// Checks that `startFrom` and `endBefore` are compared without regard to letter case.
async fn bounds(client: &mut Client<'_>, survey: &Survey) -> Result<Finding, Finding> {
    let names = survey.first.names();
    let pattern = mark();
    let at = client.connection.prefix().as_str().len();
    let is_plain = |name: &str| name.get(at..).is_some_and(|rest| !pattern.is_match(rest));
    // The pair must be in order without regard to case, too.
    let pair = names
        .windows(2)
        .find(|pair| pair[0].to_lowercase() < pair[1].to_lowercase() && is_plain(pair[0]));
    let Some(&[first, second]) = pair else {
        return Err(not_seen("the container has too few names"));
    };
    let parameters = [("maxresults", "2"), ("startFrom", first), ("endBefore", second)];
    let bounded = client.list(&parameters).await?;
    if bounded.names() != [first] {
        return Err(not_seen("`endBefore` has no effect in this version of the service"));
    }
    let prefix = client.connection.prefix().as_str();
    let [upper, lower] = ["B", "b"].map(|end| format!("{prefix}{end}"));
    let parameters = [("maxresults", "1"), ("startFrom", &*upper), ("endBefore", &*lower)];
    let request = RawRequest::get(client.list_url(&parameters));
    let answer = client.send(RequestKind::List, "GET", "list from B to b", request).await?;
    Ok(compared(answer.status == 400, status_line(&answer)))
}
