//! Malicious pages cause no panic, take little time, and need at most a fixed multiple of their size in
//! memory.

use std::time::Duration;

use azure_asset_sync::{
    Credential, ErrorKind, Prefix, Reason, Report, Scan,
    store::{Include, Page},
};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;

use crate::{
    counting_allocator::peak, cpu_time, fairness, mutate, scripted_server::ThreadedServer,
};

/// The maximum memory per byte of a body. A malformed entry needs the most for its length: `<Blob/>`
/// with its reason.
const FACTOR: usize = 48;
/// The memory that a body can take in addition, in bytes.
const FIXED: usize = 64 << 10;

#[test]
fn malicious_bodies_take_little_time_and_memory() {
    let cases: u64 = std::env::var("CASES").map_or(20_000, |cases| cases.parse().unwrap());
    let (mut bytes, mut whole, mut slowest, mut steepest) = (0, 0_u64, Duration::ZERO, 0.0_f64);
    for seed in 0..cases {
        let body = mutate::body(seed);
        let start = cpu_time::cpu_time();
        let (page, most) = peak(|| Page::from_xml(&body));
        let took = cpu_time::cpu_time() - start;
        let text = || format!("seed {seed}, {} bytes", body.len());
        assert!(took < Duration::from_secs(1), "{}: {took:?}", text());
        assert!(most <= FACTOR * body.len() + FIXED, "{}: {most} bytes of memory", text());
        (bytes, whole) = (bytes + body.len(), whole + u64::from(page.is_ok()));
        slowest = slowest.max(took);
        if body.len() > 4096 {
            steepest = steepest.max(most as f64 / body.len() as f64);
        }
    }
    println!(
        "{cases} bodies of {bytes} bytes, {whole} of them pages; the slowest took {slowest:?}, the largest {steepest:.1} times its size"
    );
}

/// Returns a last page with these entries.
fn page(entries: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults><Blobs>{entries}</Blobs><NextMarker /></EnumerationResults>"
    )
}

fn blob(name: &str, beside: &str) -> String {
    format!(
        "<Blob><Name>{name}</Name><Properties><Content-Length>5</Content-Length></Properties>{beside}</Blob>"
    )
}

/// Scans a server with one page. Returns the result, the peak of memory in bytes, and how often another
/// task could run.
fn scanned(
    body: String,
    include: &[Include],
) -> (Result<Report, azure_asset_sync::Error>, usize, u64) {
    let (length, body) = (body.len(), Bytes::from(body));
    let server = ThreadedServer::start(move |_| {
        let answer = Response::builder().header("content-type", "application/xml");
        answer.body(Full::new(body.clone())).unwrap()
    });
    let store = server.builder().build(Credential::Anonymous).unwrap();
    let scan = Scan::new(store, &Prefix::default()).include(include.iter().copied());
    let ((result, counts), most) = peak(|| fairness::during(scan.run(())));
    println!(
        "{length} bytes: {} KiB at most, {} turns, the longest wait {:?}, {:?}",
        most >> 10,
        counts.turns,
        counts.longest,
        result.as_ref().map(Report::total),
    );
    (result, most, counts.turns)
}

#[test]
fn large_pages_take_little_memory_and_let_other_tasks_run() {
    const MIB: usize = 1 << 20;
    let good = blob("good.jpg", "");
    let pairs = |count| (0..count).map(|n| format!("<k{n}>v</k{n}>")).collect::<String>();
    let with_pairs = |count| blob("a.jpg", &format!("<Metadata>{}</Metadata>", pairs(count)));
    let many = |entry: &str, bytes: usize| entry.repeat(bytes / entry.len());
    let metadata = [Include::Metadata];
    // The body, the included parts, the number of malformed entries or the error, and the limit in MiB.
    type Row<'a> = (String, &'a [Include], Result<u64, ErrorKind>, usize);
    let rows: Vec<Row<'_>> = vec![
        (page(&format!("{good}{}{good}", blob(&"n".repeat(50 * MIB), ""))), &[], Ok(1), 8),
        (page(&format!("{good}{}{good}", with_pairs(3_000_000))), &[], Ok(1), 8),
        (page(&format!("{good}{}{good}", with_pairs(3_000_000))), &metadata, Ok(1), 8),
        (page(&(with_pairs(500) + &good).repeat(5000)), &[], Ok(0), 16),
        (page(&(with_pairs(500) + &good).repeat(5000)), &metadata, Err(ErrorKind::TooLarge), 64),
        (page(&many("<Blob/>", 60 * MIB)), &[], Err(ErrorKind::TooLarge), 48),
        (page(&format!("<!-- -->{}", many(&good, 60 * MIB))), &[], Err(ErrorKind::TooLarge), 48),
        (page(&format!("<!-- -->{}", many("<Unread a='1'/>", 15 * MIB))), &[], Ok(0), 48),
        (page(&many(" ", 60 * MIB)), &[], Err(ErrorKind::TooLarge), 8),
        (
            page("").replace("<Blobs>", &format!("<X>{}</X><Blobs>", many("x", 50 * MIB))),
            &[],
            Err(ErrorKind::TooLarge),
            8,
        ),
        (page(&blob(&"n".repeat(1025), "").repeat(5000)), &[], Ok(5000), 16),
    ];
    for (n, (body, include, want, mib)) in rows.into_iter().enumerate() {
        let length = body.len();
        let (result, most, turns) = scanned(body, include);
        match (&result, want) {
            (Ok(report), Ok(malformed)) => {
                let found = report.rejections.get(&Reason::Malformed).copied();
                assert_eq!(found.unwrap_or_default(), malformed, "row {n}");
            }
            (Err(error), Err(kind)) => {
                assert_eq!((error.kind(), error.is_transient()), (kind, false), "row {n}");
            }
            _ => panic!("row {n}: {result:?}"),
        }
        assert!(most <= mib * MIB, "row {n}: {} KiB", most >> 10);
        // A body that is refused early is not read to its end.
        let is_whole = result.is_ok();
        assert!(!is_whole || turns as usize > length / (512 << 10), "row {n}: {turns} turns");
    }
}

#[test]
fn a_marker_that_is_too_long_for_a_request_is_a_permanent_error() {
    let body = |length: usize| {
        let marker = format!("<NextMarker>{}</NextMarker>", "m".repeat(length));
        page("").replace("<NextMarker />", &marker)
    };
    assert!(Page::from_xml(body(16 << 10).as_bytes()).is_ok());
    for length in [(16 << 10) + 1, 65 << 10, 1 << 20] {
        let error = scanned(body(length), &[]).0.unwrap_err();
        assert_eq!((error.kind(), error.is_transient()), (ErrorKind::TooLarge, false), "{error}");
        let odd = body(length).replace("<Blobs>", "<!-- --><Blobs>");
        assert_eq!(Page::from_xml(odd.as_bytes()).unwrap_err().kind(), error.kind());
    }
}

#[test]
fn an_entry_that_no_service_sends_is_malformed_for_both_readers() {
    let long = |count: usize| "\u{1f600}".repeat(count);
    let encoded = |count: usize| "%F0%9F%98%80".repeat(count);
    let metadata = |count: usize| format!("<Metadata><k>{}</k></Metadata>", "v".repeat(count));
    let property = |element: &str, length: usize| {
        let value = "x".repeat(length);
        let text = blob("a.jpg", "");
        text.replace("</Prop", &format!("<{element}>{value}</{element}></Prop"))
    };
    let named = |text: &str| blob("NAME", "").replace("<Name>NAME", text);
    let mut rows = vec![
        (blob(&long(1024), ""), None),
        (blob(&long(1025), ""), Some("1,024 characters")),
        (named(&format!("<Name Encoded=\"true\">{}", encoded(1024))), None),
        (named(&format!("<Name Encoded=\"true\">{}", encoded(1025))), Some("1,024 characters")),
        (format!("<BlobPrefix><Name>{}/</Name></BlobPrefix>", long(1024)), Some("common prefix")),
        (blob("a.jpg", &metadata(8191)), None),
        (blob("a.jpg", &metadata(8192)), Some("8 KiB")),
        (blob("a.jpg", &format!("<X>{}</X>", "x".repeat(300 << 10))), Some("256 KiB")),
    ];
    for element in ["Etag", "Content-Type", "Content-Encoding", "BlobType", "AccessTier"] {
        rows.push((property(element, 1024), None));
        rows.push((property(element, 1025), Some("longer than 1 KiB")));
    }
    for (entry, why) in rows {
        // Azure does not write comments, so the general reader handles the second form.
        for odd in ["", "<!-- -->"] {
            let good = blob("good.jpg", "");
            let read =
                Page::from_xml(page(&format!("{odd}{good}{entry}{good}")).as_bytes()).unwrap();
            let details: Vec<_> = read.malformed.iter().map(|entry| &entry.detail).collect();
            assert_eq!(details.len(), usize::from(why.is_some()), "{odd}{:.80}", entry);
            assert!(details.iter().all(|detail| detail.contains(why.unwrap())), "{details:?}");
            assert!(details.iter().all(|detail| detail.len() < 200), "{details:?}");
        }
    }
}
