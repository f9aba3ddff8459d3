//! Checks the order in which names are listed.

use azure_asset_sync::store::NameOrder;

use super::{
    Survey,
    client::Client,
    lines::{Finding, Lines, as_assumed, different, not_seen},
};

/// Lists names near the characters for which the orders differ, if there are such names.
pub async fn list_near_boundaries(client: &mut Client<'_>, survey: &mut Survey) {
    let prefix = client.connection.prefix().as_str().to_owned();
    for start in ["\u{e000}", "\u{10000}"] {
        let start = format!("{prefix}{start}");
        let listed = client.list(&[("maxresults", "50"), ("startFrom", &start)]).await;
        if let Ok(listed) = listed {
            survey.further.push(listed.names().into_iter().map(str::to_owned).collect());
        }
    }
}

/// The known orders, and which of them the listings have.
struct Candidates {
    /// The number of pairs of neighbors that were compared.
    pairs: usize,
    /// For each order, whether no pair contradicts it.
    fits: Vec<(NameOrder, bool)>,
}

impl Candidates {
    /// Compares all listings with all orders.
    fn of(survey: &Survey) -> Self {
        let orders =
            [NameOrder::Bytes, NameOrder::Utf16, NameOrder::Segments, NameOrder::SegmentsUtf16];
        let mut found = Self { pairs: 0, fits: orders.map(|order| (order, true)).to_vec() };
        let first = survey.first.names();
        let further = survey.further.iter().map(|names| names.iter().map(String::as_str).collect());
        for names in std::iter::once(first).chain(further) {
            for pair in names.windows(2) {
                // Versions and snapshots of a blob have the same name.
                if pair[0] == pair[1] {
                    continue;
                }
                found.pairs += 1;
                for (order, fits) in &mut found.fits {
                    *fits &= order.compare(pair[0], pair[1]).is_lt();
                }
            }
        }
        found
    }

    /// Returns whether no pair contradicts an order.
    fn has(&self, order: NameOrder) -> bool {
        self.fits.iter().any(|(known, fits)| *known == order && *fits)
    }

    /// Compares an expected order with the one that it could be confused with.
    fn compare(&self, expected: NameOrder, rival: NameOrder) -> Finding {
        let pairs = self.pairs;
        match (self.has(expected), self.has(rival)) {
            (true, false) => as_assumed(format!("{pairs} pairs of neighbors")),
            (true, true) => not_seen(format!("none of {pairs} pairs distinguishes the orders")),
            (false, true) => different(format!("{rival:?}, by {pairs} pairs of neighbors")),
            (false, false) => {
                let other = self.fits.iter().find(|(_, fits)| *fits);
                let other = other.map_or("no known order".to_owned(), |(o, _)| format!("{o:?}"));
                different(format!("{other}, by {pairs} pairs of neighbors"))
            }
        }
    }
}

/// Returns whether the listings have an order that the crate knows.
pub fn is_known(survey: &Survey) -> bool {
    Candidates::of(survey).fits.iter().any(|(_, fits)| *fits)
}

/// Checks the order of names.
pub fn check(lines: &mut Lines, survey: &Survey) {
    let found = Candidates::of(survey);
    if !survey.is_hierarchical() {
        lines.set("order", found.compare(NameOrder::Utf16, NameOrder::Bytes));
        for line in ["order_segments", "order_folders"] {
            lines.set(line, not_seen("the account has no hierarchical namespace"));
        }
        return;
    }
    lines.set("order", not_seen("the account has a hierarchical namespace"));
    let by_segments = found.has(NameOrder::Segments) || found.has(NameOrder::SegmentsUtf16);
    let is_flat = found.has(NameOrder::Bytes) || found.has(NameOrder::Utf16);
    let pairs = found.pairs;
    lines.set(
        "order_segments",
        match (by_segments, is_flat) {
            (true, false) => as_assumed(format!("{pairs} pairs of neighbors")),
            (true, true) => not_seen(format!("none of {pairs} pairs distinguishes the orders")),
            (false, true) => different(format!("as a flat account, by {pairs} pairs")),
            (false, false) => different(format!("no known order, by {pairs} pairs")),
        },
    );
    lines.set("order_folders", found.compare(NameOrder::Segments, NameOrder::SegmentsUtf16));
}
