//! The scripted store: which call gets which fault, what each fault does, and the record of calls.

use std::{num::NonZeroU16, panic::AssertUnwindSafe, time::Duration};

use azure_asset_sync::{
    Blob, Clock, Error, ErrorKind, LinkRequest, LinkSigner, MemoryStore, Prefix, Probe, Scan,
    Store,
    store::{ListRequest, NameOrder, Page, Question, ReadRequest},
    testing::{
        CallOutcome, FakeLinks, ManualClock, On, ScriptedStore, Seed, SmallCloud, StoreFault,
        StoreRequest,
        conformance::{Names, check, seed},
    },
};
use futures::FutureExt as _;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn names(page: &Page) -> Vec<&str> {
    page.blobs.iter().map(|blob| blob.name.as_str()).collect()
}

fn store(names: &[&str]) -> ScriptedStore<MemoryStore> {
    ScriptedStore::new(names.iter().map(|name| Blob::new(*name, 1)).collect())
}

fn scan(store: &ScriptedStore<MemoryStore>, page_size: u16) -> Scan {
    Scan::new(store.clone(), &Prefix::default())
        .page_size(NonZeroU16::new(page_size).unwrap())
        .clock(ManualClock::auto_advancing())
}

#[tokio::test]
async fn without_faults_it_is_the_wrapped_store() {
    let memory = MemoryStore::new();
    for (name, content) in seed(Names::Any) {
        memory.put(name, content);
    }
    let store = ScriptedStore::new(memory);
    for case in check(&store, Names::Any).await {
        assert_eq!(case.outcome, Ok(()), "{}", case.name);
    }
    assert!(!store.calls().is_empty());
}

#[tokio::test]
async fn pages_that_are_empty_or_short_conform() {
    let memory = MemoryStore::new();
    for (name, content) in seed(Names::Any) {
        memory.put(name, content);
    }
    let store = ScriptedStore::new(memory);
    store.inject(On::list().calls(2..), StoreFault::ShortPage(2));
    store.inject(On::page(1), StoreFault::ShortPage(0));
    for case in check(&store, Names::Any).await {
        assert_eq!(case.outcome, Ok(()), "{}", case.name);
    }
}

#[tokio::test]
async fn calls_are_selected_by_sort_number_page_and_blob() {
    let failing = async |on: On| {
        let memory = MemoryStore::new();
        for name in ["a", "b", "c"] {
            memory.put(name, "0123456789");
        }
        let store = ScriptedStore::new(memory);
        store.inject(on, StoreFault::error(ErrorKind::Unavailable));
        let mut request = ListRequest::new("");
        request.max_results = NonZeroU16::new(1);
        // Calls 1 to 6: each page and its retry; then two reads of two blobs.
        for _ in 0..3 {
            let first = store.list(request.clone()).await;
            let page = store.list(request.clone()).await.or(first);
            // The marker of a memory store is the name of the next page.
            let next = ["a", "b", "c"].map(String::from);
            let at = request.marker.as_ref().map_or("a".to_owned(), |m| m.as_str().to_owned());
            let at = next.iter().position(|name| *name == at).unwrap();
            request.marker = page.map(|page| page.next).unwrap_or_default();
            if request.marker.is_none() {
                request.marker = next.get(at + 1).cloned().map(Into::into);
            }
        }
        for name in ["a", "b", "a", "b"] {
            let _ = store.read(ReadRequest::new(name, 0..1)).await;
        }
        let failed = |outcome| outcome == CallOutcome::Failed(ErrorKind::Unavailable);
        let calls = store.calls();
        assert_eq!(calls.len(), 10);
        (1..)
            .zip(calls)
            .filter(|(_, call)| failed(call.outcome))
            .map(|(n, _)| n)
            .collect::<Vec<_>>()
    };
    for (on, expected) in [
        (On::any(), (1..=10).collect()),
        (On::any().call(7), vec![7]),
        (On::list(), vec![1, 2, 3, 4, 5, 6]),
        (On::list().call(3), vec![3]),
        (On::list().calls(5..), vec![5, 6]),
        (On::list().calls(..3), vec![1, 2]),
        (On::page(2).call(1), vec![3]),
        (On::page(2).calls(2..=9), vec![4]),
        (On::page(4), vec![]),
        (On::page_with("c"), vec![5, 6]),
        (On::page_with("c").call(2), vec![6]),
        (On::page_with("x"), vec![]),
        (On::read(), vec![7, 8, 9, 10]),
        (On::read().call(2), vec![8]),
        (On::read_of("b"), vec![8, 10]),
        (On::read_of("b").call(2), vec![10]),
        (On::inspect(), vec![]),
    ] {
        assert_eq!(failing(on.clone()).await, expected, "{on:?}");
    }
}

#[tokio::test]
async fn each_fault_of_a_page_changes_what_it_says() {
    let listed = async |fault: StoreFault| {
        let store = store(&["a", "b", "c"]);
        store.inject(On::list(), fault);
        store.list(ListRequest::new("")).await.unwrap()
    };
    assert_eq!(names(&listed(StoreFault::Reverse).await), ["c", "b", "a"]);
    let shuffled = listed(StoreFault::Shuffle(3)).await;
    let mut sorted = names(&shuffled);
    sorted.sort_unstable();
    assert_eq!(sorted, ["a", "b", "c"]);
    assert_eq!(listed(StoreFault::Shuffle(3)).await, shuffled, "the seed decides the order");
    let stated = listed(StoreFault::StateOrder(NameOrder::Unsorted)).await;
    assert_eq!((names(&stated), stated.order), (vec!["a", "b", "c"], NameOrder::Unsorted));
    let short = listed(StoreFault::ShortPage(2)).await;
    assert_eq!((names(&short), short.next.is_some()), (vec!["a", "b"], true));
    let empty = listed(StoreFault::ShortPage(0)).await;
    assert_eq!((names(&empty), empty.next.is_some()), (vec![], true));
    let changed = listed(StoreFault::change_page_with(|page| {
        page.blobs.remove(1);
    }))
    .await;
    assert_eq!(names(&changed), ["a", "c"]);
    // Faults of reads change no page.
    assert_eq!(names(&listed(StoreFault::Truncate(0)).await), ["a", "b", "c"]);
}

#[tokio::test]
async fn reads_can_be_truncated() {
    let memory = MemoryStore::new();
    memory.put("a", "0123456789");
    let store = ScriptedStore::new(memory);
    store.inject(On::read_of("a").call(1), StoreFault::Truncate(3));
    store.inject(On::read_of("a").call(2), StoreFault::Truncate(30));
    for expected in ["012", "0123456789", "0123456789"] {
        let bytes = store.read(ReadRequest::new("a", 0..10)).await.unwrap();
        assert_eq!(bytes, expected.as_bytes());
    }
}

#[tokio::test]
async fn faults_of_one_call_apply_in_their_order() {
    let clock = ManualClock::auto_advancing();
    let store = store(&["a"]).clock(clock.clone());
    store.inject(On::list(), StoreFault::Delay(secs(5)));
    store.inject(On::list(), StoreFault::Delay(secs(2)));
    store.inject(On::list(), StoreFault::error(ErrorKind::Timeout));
    store.inject(On::list(), StoreFault::Hang);
    let error = store.list(ListRequest::new("")).await.unwrap_err();
    assert_eq!((error.kind(), clock.advanced()), (ErrorKind::Timeout, secs(7)));
    store.clear_faults();
    assert_eq!(names(&store.list(ListRequest::new("")).await.unwrap()), ["a"]);
    let calls = store.calls();
    assert_eq!((calls[0].at, calls[1].at), (Duration::ZERO, secs(7)));
    assert_eq!(calls[0].outcome, CallOutcome::Failed(ErrorKind::Timeout));
    assert_eq!(calls[1].outcome, CallOutcome::Answered);
    assert_eq!(calls[0].request, StoreRequest::List(ListRequest::new("")));
}

#[tokio::test]
async fn a_call_that_hangs_is_pending_until_it_is_dropped() {
    let clock = ManualClock::new();
    let store = store(&["a"]).clock(clock.clone());
    store.inject(On::list(), StoreFault::Hang);
    let mut call = Box::pin(store.list(ListRequest::new("")));
    assert!(futures::poll!(call.as_mut()).is_pending());
    clock.wait_for_sleepers(1).await;
    clock.advance(Duration::MAX);
    assert!(futures::poll!(call.as_mut()).is_pending());
    assert_eq!(store.calls()[0].outcome, CallOutcome::Pending);
    drop(call);
    assert_eq!(store.calls()[0].outcome, CallOutcome::Dropped);
}

#[tokio::test]
async fn a_panic_reaches_the_caller_of_a_scan() {
    let store = store(&["a.jpg"]);
    store.inject(On::list(), StoreFault::Panic("a bug of the store"));
    let run = AssertUnwindSafe(scan(&store, 10).run(())).catch_unwind().await;
    assert_eq!(run.unwrap_err().downcast_ref::<String>().unwrap(), "a bug of the store");
    assert_eq!(store.calls()[0].outcome, CallOutcome::Dropped);
}

#[tokio::test]
async fn a_scan_takes_each_odd_page_as_it_promises() {
    let all: Vec<_> = (0..40).map(|n| format!("{n:02}.jpg")).collect();
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    for in_flight in [1, 8] {
        // Empty and short pages lose nothing.
        let short = store(&all);
        short.inject(On::list().calls(3..=6), StoreFault::ShortPage(0));
        short.inject(On::page_with("20.jpg"), StoreFault::ShortPage(1));
        let report = scan(&short, 5).in_flight(in_flight).run(()).await.unwrap();
        assert_eq!(report.accepted(), 40, "{in_flight}");

        // Names out of order lose nothing either.
        let shuffled = store(&all);
        shuffled.inject(On::page_with("20.jpg"), StoreFault::Shuffle(1));
        let report = scan(&shuffled, 5).in_flight(in_flight).run(()).await.unwrap();
        assert_eq!(report.accepted(), 40, "{in_flight}");
    }
    // A marker that comes again would list forever.
    let endless = store(&all);
    endless.inject(On::page(3), StoreFault::RepeatMarker);
    let error = scan(&endless, 5).run(()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RepeatedMarker);
}

#[tokio::test]
async fn the_same_script_gives_the_same_calls() {
    let run = async || {
        let clock = ManualClock::auto_advancing();
        let store = store(&["a.jpg", "b.jpg", "c.jpg"]).clock(clock.clone());
        store.inject(On::page(2).call(1), StoreFault::Delay(secs(3)));
        store.inject(
            On::page(2).call(1),
            StoreFault::error_with(|| {
                Error::from_response(503, Some("ServerBusy")).with_retry_after(secs(31))
            }),
        );
        scan(&store, 1).clock(clock).run(()).await.unwrap();
        store.calls()
    };
    let calls = run().await;
    assert_eq!(calls.len(), 4);
    assert_eq!(run().await, calls);
}

#[tokio::test]
async fn questions_of_a_probe_can_fail() {
    let cloud = SmallCloud::builder().blob(Seed::new("a.jpg", "x")).start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    let store = ScriptedStore::new(cloud.store(&connection).unwrap());
    assert!(Probe::new(&connection, store.clone()).run().await.is_ready());
    let asked = |store: &ScriptedStore<_>| {
        let calls = store.calls().into_iter();
        calls.filter(|call| matches!(call.request, StoreRequest::Inspect(_))).collect::<Vec<_>>()
    };
    assert!(asked(&store).iter().all(|call| call.outcome == CallOutcome::Answered));
    assert!(asked(&store).len() > 1);
    let before = asked(&store).len();
    store.inject(On::question(Question::Addresses), StoreFault::error(ErrorKind::AccountNotFound));
    let health = Probe::new(&connection, store.clone()).run().await;
    // The name is only a note, because a proxy may resolve it.
    assert!(health.to_string().contains("host name does not exist"), "{health}");
    let call = &asked(&store)[before];
    assert_eq!(call.request, StoreRequest::Inspect(Question::Addresses));
    assert_eq!(call.outcome, CallOutcome::Failed(ErrorKind::AccountNotFound));
}

/// What a service does with links, whoever signs them.
async fn show(links: &dyn LinkSigner, name: &str) -> Result<String, Error> {
    Ok(links.link(LinkRequest::new(name).shown_as("image/jpeg".into())).await?.url().to_owned())
}

#[tokio::test]
async fn a_service_can_take_any_signer_of_links() {
    let clock = ManualClock::new();
    let fake = FakeLinks::new().clock(clock.clone()).lifetime(secs(60));
    let dynamic: Box<dyn LinkSigner> = Box::new(fake.clone());
    assert!(show(&dynamic, "a b/c?.jpg").await.unwrap().contains("/a%20b/c%3F.jpg?"));
    let link = dynamic.link(LinkRequest::new("a.jpg")).await.unwrap();
    assert_eq!(link.expires_at(), clock.time() + secs(60));
    assert!(!format!("{link:?}").contains("sig="));
    fake.fail(Some(ErrorKind::PermissionDenied));
    assert_eq!(show(&dynamic, "a.jpg").await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    fake.fail(None);
    dynamic.forget_key();
    assert_eq!((fake.requests().len(), fake.forgotten_keys()), (3, 1));

    // The links of Azure behind the same trait.
    let cloud = SmallCloud::builder()
        .blob(Seed::new("a b/c.jpg", "x"))
        .clock(clock.clone())
        .start()
        .await
        .unwrap();
    let store = cloud.store(&cloud.connection().build().unwrap()).unwrap();
    let signer: std::sync::Arc<dyn LinkSigner> = std::sync::Arc::new(store.view_links().unwrap());
    let url = show(&signer, "a b/c.jpg").await.unwrap();
    assert!(url.contains("/a%20b/c.jpg?") && url.contains("sig="), "{url}");
    let link = signer.link(LinkRequest::new("a b/c.jpg")).await.unwrap();
    assert_eq!(link.expires_at(), clock.time() + secs(3600));
    let keys = || {
        let log = cloud.log();
        log.iter().filter(|request| request.query.contains("userdelegationkey")).count()
    };
    assert_eq!(keys(), 1);
    signer.forget_key();
    show(&signer, "a b/c.jpg").await.unwrap();
    assert_eq!(keys(), 2);
}
