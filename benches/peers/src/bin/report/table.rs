//! Computes medians and prints Markdown tables.

use azure_asset_sync_peers::Measurement;

use crate::options::Contender;

/// The largest number of blobs on a page.
const PAGE: u64 = 5000;

/// All rounds of one client.
pub struct Row<'a> {
    pub contender: &'a Contender,
    pub rounds: Vec<Measurement>,
}

impl Row<'_> {
    /// Returns the median of a figure.
    pub fn median(&self, of: impl Fn(&Measurement) -> f64) -> f64 {
        median(self.rounds.iter().map(of).collect())
    }

    /// Returns the median number of requests.
    pub fn requests(&self) -> f64 {
        self.median(|measured| measured.requests as f64)
    }

    /// Returns the peak memory of all rounds, in MiB.
    pub fn peak_mib(&self) -> f64 {
        let peaks = self.rounds.iter().map(|measured| measured.peak_rss_kib);
        peaks.max().unwrap_or_default() as f64 / 1024.0
    }

    /// Returns the median of the ratios to another client, each within one round.
    pub fn ratio(&self, other: Option<&Self>, of: impl Fn(&Measurement) -> f64) -> String {
        let Some(other) = other else { return "–".into() };
        let rounds = self.rounds.iter().zip(&other.rounds);
        figure(median(rounds.map(|(this, other)| of(this) / of(other)).collect()))
    }
}

/// Returns the row of a client.
fn find<'a, 'b>(rows: &'b [Row<'a>], label: &str) -> Option<&'b Row<'a>> {
    rows.iter().find(|row| row.contender.label == label)
}

/// Returns the smallest number of requests that list this many blobs.
pub fn fewest(blobs: u64) -> f64 {
    blobs.div_ceil(PAGE).max(1) as f64
}

/// Prints processor time, allocations and memory.
pub fn costs(rows: &[Row<'_>], blobs: u64) {
    let (floor, ours) = (find(rows, "hyper"), find(rows, "ours"));
    println!(
        "| client | CPU µs a blob | × wire floor | × ours | allocations a blob | peak RSS MiB | requests | wall s |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for row in rows {
        let cpu = |measured: &Measurement| measured.cpu_us as f64;
        let allocations = row.rounds.iter().all(|measured| measured.allocations.is_some());
        let allocations = allocations.then(|| {
            figure(row.median(|m| m.allocations.unwrap_or_default() as f64 / blobs as f64))
        });
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            row.contender.label,
            figure(row.median(cpu) / blobs as f64),
            row.ratio(floor, cpu),
            row.ratio(ours, cpu),
            allocations.as_deref().unwrap_or("–"),
            figure(row.median(|measured| measured.peak_rss_kib as f64 / 1024.0)),
            row.requests(),
            figure(row.median(wall)),
        );
    }
}

/// Prints wall time at each latency, and the speedup over the fastest peer in the same round.
pub fn walls(columns: &[(u64, Vec<Row<'_>>)], blobs: u64) {
    print!("| client |");
    columns.iter().for_each(|(latency, _)| {
        print!(
            " {latency} ms a page: s | × faster than the best peer | requests | × fewest pages |"
        )
    });
    println!();
    println!("|---|{}", "---|---|---|---|".repeat(columns.len()));
    let Some((_, first)) = columns.first() else { return };
    for label in first.iter().map(|row| &row.contender.label) {
        print!("| {label} |");
        for (_, rows) in columns {
            let Some(row) = find(rows, label) else {
                print!(" – | – | – | – |");
                continue;
            };
            let (requests, factor) = (row.requests(), figure(row.requests() / fewest(blobs)));
            let ratio = figure(median(
                row.rounds.iter().zip(best_peer(rows)).map(|(m, best)| best / wall(m)).collect(),
            ));
            print!(" {} | {ratio} | {requests} | {factor} |", figure(row.median(wall)));
        }
        println!();
    }
}

/// Returns the shortest time of a peer in each round; empty without peers.
fn best_peer(rows: &[Row<'_>]) -> Vec<f64> {
    let peers: Vec<_> = rows.iter().filter(|row| row.contender.is_peer()).collect();
    let rounds = peers.iter().map(|row| row.rounds.len()).min().unwrap_or_default();
    let best = |round: usize| {
        let times = peers.iter().filter_map(|row| row.rounds.get(round)).map(wall);
        times.fold(f64::INFINITY, f64::min)
    };
    (0..rounds).map(best).collect()
}

/// Returns the wall time in seconds.
fn wall(measured: &Measurement) -> f64 {
    measured.wall_ms as f64 / 1000.0
}

/// Returns the median, or NaN if there are no values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

/// Formats a number with three significant digits.
pub fn figure(value: f64) -> String {
    match value {
        _ if value.is_nan() => "–".into(),
        ..0.995 => format!("{value:.3}"),
        ..9.95 => format!("{value:.2}"),
        ..99.5 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
