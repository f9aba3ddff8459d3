//! Pages of a listing from a malicious server, over HTTP.

use std::sync::{Arc, Mutex};

use azure_asset_sync::{
    AzureStore, Credential, Prefix, Preview, Scan, scan::Order, store::Include, testing::TestDisk,
};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};

use crate::{
    answers::ServerThread,
    measure::{KIB, MIB, Table, outcome},
};

/// The documented memory of a page, and of the names that are kept for the collision check.
const PAGE: usize = 47 * MIB;
const COLLISIONS: usize = 27 * MIB;

/// Returns a page with these entries.
fn page(entries: &str, next: Option<usize>) -> String {
    let next = next.map_or(String::new(), |next| next.to_string());
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults><Blobs>{entries}</Blobs><NextMarker>{next}</NextMarker></EnumerationResults>"
    )
}

/// Returns an entry.
fn blob(name: &str, beside: &str) -> String {
    format!(
        "<Blob><Name>{name}</Name><Properties><Content-Length>5</Content-Length><Content-Type>image/jpeg</Content-Type></Properties>{beside}</Blob>"
    )
}

/// Returns pages whose markers lead from each one to the next.
fn pages(entries: impl IntoIterator<Item = String>) -> Vec<String> {
    let entries: Vec<_> = entries.into_iter().collect();
    let last = entries.len() - 1;
    let numbered = entries.iter().enumerate();
    numbered.map(|(n, entries)| page(entries, (n < last).then_some(n + 1))).collect()
}

/// Returns names of this length, in ascending order or shuffled.
fn names(count: usize, length: usize, shuffled: bool) -> Vec<String> {
    let mut numbers: Vec<_> = (0..count).collect();
    if shuffled {
        fastrand::Rng::with_seed(7).shuffle(&mut numbers);
    }
    let fill = "n".repeat(length.saturating_sub(9));
    numbers.into_iter().map(|n| format!("{n:05}{fill}.jpg")).collect()
}

/// Returns entries with these names.
fn blobs(names: &[String]) -> String {
    names.iter().map(|name| blob(name, "")).collect()
}

/// The pages of an attack, and what the client requests with them.
struct Attack {
    pages: Vec<String>,
    include: &'static [Include],
}

/// Returns an attack on a plain listing.
fn attack(pages: Vec<String>) -> Attack {
    Attack { pages, include: &[] }
}

/// The name of an attack, and the function that creates its pages.
type NamedAttack = (&'static str, fn() -> Attack);

/// Returns all attacks. Their pages are created one at a time, because they are large.
fn attacks() -> Vec<NamedAttack> {
    fn metadata(pairs: usize, length: usize) -> String {
        let pair = |n| format!("<k{n:03}>{}</k{n:03}>", "v".repeat(length));
        format!("<Metadata>{}</Metadata>", (0..pairs).map(pair).collect::<String>())
    }
    vec![
        ("page: a name of 50 MiB", || {
            let good = blob("good.jpg", "");
            attack(pages([format!("{good}{}{good}", blob(&"n".repeat(50 * MIB), ""))]))
        }),
        ("page: 5,000 names of 1,024 characters", || {
            attack(pages([blobs(&names(5000, 1024, false))]))
        }),
        ("page: 5,000 names of 1,024 characters of 4 bytes", || {
            let long = |n: usize| format!("{n:05}{}.jpg", "\u{1f600}".repeat(1015));
            attack(pages([(0..5000).map(|n| blob(&long(n), "")).collect()]))
        }),
        ("page: 5,000 encoded names of 1,024 characters", || {
            let long = |n: usize| format!("{n:05}{}.jpg", "%F0%9F%98%80".repeat(1015));
            let blob = |n| blob(&long(n), "").replace("<Name>", "<Name Encoded=\"true\">");
            attack(pages([(0..5000).map(blob).collect()]))
        }),
        ("page: 20,000 names in order", || attack(pages([blobs(&names(20_000, 40, false))]))),
        ("page: 20,000 names unsorted", || attack(pages([blobs(&names(20_000, 40, true))]))),
        ("page: 20,000 names reversed", || {
            let mut names = names(20_000, 40, false);
            names.reverse();
            attack(pages([blobs(&names)]))
        }),
        ("page: 20,000 times one name", || {
            attack(pages([blobs(&vec!["a.jpg".to_owned(); 20_000])]))
        }),
        ("page: 16,000 names of 1,024 characters unsorted", || {
            attack(pages([blobs(&names(16_000, 1024, true))]))
        }),
        ("page: 3 of 20,000 names unsorted", || {
            let names = names(60_000, 40, true);
            attack(pages(names.chunks(20_000).map(blobs)))
        }),
        ("page: 3 of 20,000 names reversed", || {
            let mut names = names(60_000, 40, false);
            names.reverse();
            attack(pages(names.chunks(20_000).map(blobs)))
        }),
        ("page: names that collide", || {
            let names = |n: u32| {
                let cased = |i: u32| if n >> i & 1 == 1 { 'A' } else { 'a' };
                format!("{}.jpg", (0..13).map(cased).collect::<String>())
            };
            let mut names: Vec<_> = (0..8192).map(names).collect();
            names.sort();
            attack(pages([blobs(&names)]))
        }),
        ("page: 5,000 times 8 KiB of metadata, not requested", || {
            let beside = metadata(8, 1000);
            let blob = |n| blob(&format!("{n:05}.jpg"), &beside);
            attack(pages([(0..5000).map(blob).collect()]))
        }),
        ("page: 5,000 times 8 KiB of metadata, requested", || {
            let beside = metadata(8, 1000);
            let blob = |n| blob(&format!("{n:05}.jpg"), &beside);
            let pages = pages([(0..5000).map(blob).collect()]);
            Attack { include: &[Include::Metadata], ..attack(pages) }
        }),
        ("page: 5,000 times 500 pairs of metadata, requested", || {
            let beside = metadata(500, 1);
            let blob = |n| blob(&format!("{n:05}.jpg"), &beside);
            let pages = pages([(0..5000).map(blob).collect()]);
            Attack { include: &[Include::Metadata], ..attack(pages) }
        }),
        ("page: one blob with 3,000,000 pairs of metadata", || {
            let pairs: String = (0..3_000_000).map(|n| format!("<k{n}>v</k{n}>")).collect();
            let beside = format!("<Metadata>{pairs}</Metadata>");
            let pages = pages([blob("a.jpg", &beside)]);
            Attack { include: &[Include::Metadata], ..attack(pages) }
        }),
        ("page: 100 entries of 512 KiB", || {
            let beside = format!("<X>{}</X>", "x".repeat(512 * KIB));
            attack(pages([(0..100).map(|n| blob(&format!("{n:05}.jpg"), &beside)).collect()]))
        }),
        ("page: 240 entries of 255 KiB", || {
            let beside = format!("<X>{}</X>", "x".repeat(255 * KIB));
            attack(pages([(0..240).map(|n| blob(&format!("{n:05}.jpg"), &beside)).collect()]))
        }),
        ("page: 60 MiB of the smallest entry", || attack(pages(["<Blob/>".repeat(60 * MIB / 7)]))),
        ("page: in a different form, 15 MiB of entries", || {
            let entry = "<Unread a='1'/>";
            attack(pages([format!("<!-- -->{}", entry.repeat(15 * MIB / entry.len()))]))
        }),
        ("page: in a different form, 5,000 names of 1,024 characters", || {
            attack(pages([format!("<!-- -->{}", blobs(&names(5000, 1024, false)))]))
        }),
        ("page: in a different form, 20,000 names", || {
            attack(pages([format!("<!-- -->{}", blobs(&names(20_000, 40, false)))]))
        }),
        ("page: in a different form, 64 entries of 255 KiB", || {
            let beside = format!("<X>{}</X>", "x".repeat(254 * KIB));
            let blobs: String = (0..62).map(|n| blob(&format!("{n:05}.jpg"), &beside)).collect();
            attack(pages([format!("<!-- -->{blobs}")]))
        }),
        ("page: in a different form, deeply nested", || {
            let nested = format!("{}{}", "<x>".repeat(MIB), "</x>".repeat(MIB));
            attack(pages([format!("<!-- -->{nested}")]))
        }),
        ("page: 60 MiB of spaces", || attack(pages([" ".repeat(60 * MIB)]))),
        ("page: 60 MiB of entities", || attack(pages([blob(&"&amp;".repeat(12 * MIB), "")]))),
        ("page: a marker of 65 KiB", || {
            let page = page("", None);
            let marker = format!("<NextMarker>{}", "m".repeat(65 * KIB));
            attack(vec![page.replace("<NextMarker>", &marker)])
        }),
        ("page: a marker of 50 MiB", || {
            let page = page("", None);
            let marker = format!("<NextMarker>{}", "m".repeat(50 * MIB));
            attack(vec![page.replace("<NextMarker>", &marker)])
        }),
        ("page: 2,000 empty pages", || attack(pages(vec![String::new(); 2000]))),
    ]
}

/// Measures each attack on a scan, an ordered scan, a preview and a job.
pub fn measure(table: &mut Table) {
    for (name, make) in attacks() {
        let uses = ["a scan", "a scan in order, 4 in flight", "a preview", "a job"];
        let titles = uses.map(|used_by| format!("{name}; {used_by}"));
        if !titles.iter().any(|title| table.wants(title)) {
            continue;
        }
        let Attack { pages, include } = make();
        let pages: Vec<_> = pages.into_iter().map(Bytes::from).collect();
        let limit = PAGE + COLLISIONS;
        let server = ServerThread::start(move |request: &Request<Bytes>| {
            let query = request.uri().query().unwrap_or_default();
            let marker = query.split('&').find_map(|pair| pair.strip_prefix("marker="));
            let number = marker.map_or(0, |marker| marker.parse().unwrap_or_default());
            let page = pages.get(number).cloned().unwrap_or_default();
            let response = Response::builder().header("content-type", "application/xml");
            response.body(Full::new(page)).unwrap()
        });
        let scan = || {
            let store: AzureStore = server.store(Credential::Anonymous);
            Scan::new(store, &Prefix::default()).include(include.iter().copied())
        };
        let total = |report: azure_asset_sync::Report| format!("{} entries", report.total());
        table.future(&titles[0], limit, || {
            let scan = scan();
            async move { outcome(scan.run(()).await, total) }
        });
        table.future(&titles[1], 4 * PAGE + limit, || {
            let scan = scan().order(Order::Ascending).in_flight(4);
            async move { outcome(scan.run(()).await, total) }
        });
        table.future(&titles[2], limit, || {
            let preview = Preview::new(scan());
            async move { outcome(preview.run().await, |_| "a report".to_owned()) }
        });
        // The state of a job takes 4 MiB for names in memory, and 128 KiB for each of 16 sorted
        // runs. The test disk is memory too.
        let disks = Arc::new(Mutex::new(Vec::new()));
        table.future(&titles[3], limit + 32 * MIB, || {
            let (disk, scan) = (TestDisk::new(2500), scan());
            let job = disk.job(scan);
            disks.lock().unwrap().push(disk);
            async move { outcome(job.run(()).await, |s| format!("{} added", s.counts.added)) }
        });
    }
}
