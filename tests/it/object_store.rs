//! Stores of the `object_store` crate: they conform except for names that the crate cannot represent,
//! and no such name is lost or changed without a sign.

mod reversed;
mod transport;

use std::{collections::BTreeSet, sync::Arc};

use azure_asset_sync::{
    Change, Error, ErrorKind, Job, Prefix, Reason, Scan, Store, Verdict,
    sink::callback,
    store::{ListRequest, Marker, NameOrder, ObjectStoreAdapter, Page, ReadRequest},
    testing::{
        Behavior, Fault, Refusal, Seed, SmallCloud,
        conformance::{Case, Conformance, Names},
    },
};
use futures::TryStreamExt as _;
use object_store::{
    ObjectStore, PutOptions, azure::MicrosoftAzure, local::LocalFileSystem, memory::InMemory,
    path::Path,
};

use self::{reversed::Reversed, transport::azure};
use crate::azurite::harness::{ACCOUNT, Azurite, Seed as AzuriteSeed, Token};

/// Whether `object_store` has no path for a name.
fn is_no_path(name: &str) -> bool {
    Path::parse(name).map_or(true, |path| path.as_ref() != name)
}

/// The suite for stores whose names are paths.
fn suite(names: Names) -> Conformance {
    Conformance::new(names).without(is_no_path)
}

fn assert_all(cases: Vec<Case>) {
    assert_eq!(cases.len(), 18);
    let broken: Vec<_> = cases.iter().filter(|case| case.outcome.is_err()).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

async fn fill(store: &dyn ObjectStore, suite: &Conformance) {
    for (name, content) in suite.seed() {
        let path = Path::parse(name).unwrap();
        store.put_opts(&path, content.into(), PutOptions::default()).await.unwrap();
    }
}

/// Returns a cloud, and the Azure client of `object_store` for it.
async fn cloud(
    seeds: impl IntoIterator<Item = Seed>,
    behavior: Behavior,
) -> (SmallCloud, ObjectStoreAdapter) {
    let cloud = SmallCloud::builder().blobs(seeds).behavior(behavior).start().await.unwrap();
    let store = ObjectStoreAdapter::paginated(client(&cloud));
    (cloud, store)
}

fn client(cloud: &SmallCloud) -> Arc<MicrosoftAzure> {
    let endpoint = format!("https://{}/smallcloud", cloud.address());
    let pairs = [("sv", "2026-04-06"), ("sp", "rl"), ("sig", cloud.signature())];
    let pairs: Vec<_> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    azure(endpoint, cloud.certificate_authority(), |builder| builder.with_sas_authorization(pairs))
}

/// Returns the names and the malformed entries of a scan.
async fn scan(scan: Scan) -> Result<(BTreeSet<String>, u64), Error> {
    let verdicts: Vec<Verdict> = scan.verdicts().try_collect().await?;
    let names: Vec<_> =
        verdicts.iter().filter_map(|verdict| verdict.name().map(str::to_owned)).collect();
    let set: BTreeSet<_> = names.iter().cloned().collect();
    assert_eq!(set.len(), names.len(), "a name is listed twice: {names:?}");
    Ok((set, (verdicts.len() - names.len()) as u64))
}

#[test]
fn the_names_without_a_path_are_these() {
    let suite = suite(Names::Any);
    let left_out: Vec<_> = suite.left_out().iter().map(String::as_str).collect();
    let expected =
        ["a/", "a//b.jpg", "bell\u{7}.jpg", "line\nfeed\r\n.jpg", "tab\there.jpg", "\u{1}"];
    assert_eq!(left_out, expected);
}

#[tokio::test]
async fn a_store_in_memory_conforms() {
    let (store, suite) = (InMemory::new(), suite(Names::Any));
    fill(&store, &suite).await;
    assert_all(suite.check(&ObjectStoreAdapter::new(Arc::new(store))).await);
}

#[tokio::test]
async fn a_local_folder_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    // A file cannot have the name of a folder.
    let suite = suite(Names::Any).without(|name| ["a", "a/b", "prefix"].contains(&name));
    fill(&store, &suite).await;
    assert_all(suite.check(&ObjectStoreAdapter::new(Arc::new(store))).await);
}

#[tokio::test]
async fn a_store_in_any_order_conforms() {
    let suite = suite(Names::Any);
    let store = Reversed::of([]).await;
    fill(&*store, &suite).await;
    assert_all(suite.check(&ObjectStoreAdapter::new(store)).await);
}

#[tokio::test]
async fn azure_in_pages_conforms_in_every_order() {
    let mut orders = BTreeSet::new();
    for behavior in Behavior::all() {
        if !orders.insert(format!("{:?}", behavior.order)) {
            continue;
        }
        // Azure encodes this name in a listing, and `object_store` does not decode it.
        let suite = suite(Names::Any).without(|name| name.contains('\u{fffe}'));
        let seeds = suite.seed().into_iter().map(|(name, content)| Seed::new(name, content));
        let (_cloud, store) = cloud(seeds, behavior).await;
        let unsorted = (behavior.order == NameOrder::Unsorted)
            .then_some(("names_ascend", "this account lists in no order"));
        let suite = suite.except(unsorted);
        assert_all(suite.check(&store.order(behavior.order)).await);
    }
    assert_eq!(orders.len(), 5);
}

#[tokio::test]
async fn azurite_conforms() {
    let Some(azurite) = Azurite::start().await else { return };
    let suite = suite(Names::Portable);
    azurite.create_container("assets").await;
    let seeds = suite.seed().into_iter().map(|(name, content)| AzuriteSeed::new(name, content));
    azurite.seed("assets", seeds).await;
    let client = azure(azurite.endpoint(ACCOUNT), azurite.certificate_authority(), |builder| {
        builder.with_bearer_token_authorization(Token::Valid.issue())
    });
    assert_all(suite.check(&ObjectStoreAdapter::paginated(client).order(NameOrder::Utf16)).await);
}

/// Beside usual names, a name that `object_store` cannot represent is an error that shows it, or a
/// malformed entry. It never becomes another name.
#[tokio::test]
async fn no_name_is_lost_or_changed() {
    let usual = ["a", "a.jpg", "a/b.jpg", "b.jpg", "photo.jpg-2"];
    // The name, its content, and what must be in the error, if the listing fails.
    let cases = [
        ("a/", "x", None),
        ("photo.jpg/", "", None),
        ("b.jpg/", "x", None),
        ("a/b.jpg/", "", None),
        ("bell\u{7}.jpg", "x", None),
        ("nonchar\u{fffe}.jpg", "x", None),
        ("a//b.jpg", "x", Some("a//b.jpg")),
        ("/a.jpg", "x", Some("/a.jpg")),
        ("//", "x", Some("//")),
        ("./a.jpg", "x", Some("./a.jpg")),
        ("a/..", "x", Some("a/..")),
        ("tab\there.jpg", "x", Some("here.jpg")),
    ];
    for (name, content, failure) in cases {
        let seeds = usual.map(|name| Seed::new(name, "x"));
        let seeds = seeds.into_iter().chain([Seed::new(name, content)]);
        let (cloud, paginated) = cloud(seeds, Behavior::default()).await;
        let stores = [paginated, ObjectStoreAdapter::new(client(&cloud))];
        for (is_walk, store) in [false, true].into_iter().zip(stores) {
            let all = scan(Scan::new(store.clone(), &Prefix::default())).await;
            match (all, failure) {
                (Ok((names, malformed)), None) => {
                    assert_eq!(malformed, 1, "{name:?} {names:?}");
                    let usual: BTreeSet<_> = usual.iter().map(|name| (*name).to_owned()).collect();
                    assert_eq!(names, usual, "{name:?}");
                }
                (Err(error), Some(part)) => {
                    assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer, "{name:?}: {error}");
                    assert!(error.to_string().contains(part), "{name:?}: {error}");
                }
                // Without pages, a slash at the start is found only if the name exists without it.
                (Ok((names, malformed)), Some("/a.jpg")) if is_walk => {
                    assert_eq!((names.len(), malformed), (usual.len(), 1), "{names:?}");
                }
                (outcome, _) => panic!("{name:?}, walk {is_walk}: {outcome:?}"),
            }
            match store.read(ReadRequest::new(name, 0..4)).await {
                Ok(read) => assert!(!is_no_path(name) && read == content, "{name:?}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::BadRequest, "{name:?}"),
            }
        }
    }
}

/// The Azure client of `object_store` leaves out a blob whose name is the prefix.
#[tokio::test]
async fn a_blob_with_the_name_of_the_prefix_is_listed() {
    let names = ["hall", "hall-2.jpg", "hall/", "hall/a.jpg", "hall/b.jpg", "yard/c.jpg"];
    let (_cloud, store) = cloud(names.map(|name| Seed::new(name, "x")), Behavior::default()).await;
    for prefix in ["hall", "hall/", "hall/a.jpg", "yard", "yard/", "yard/c.jpg", "yard/c.jpg/"] {
        for size in [1, 2, 5000] {
            let mut request = ListRequest::new(prefix);
            request.max_results = std::num::NonZeroU16::new(size);
            let (mut listed, mut malformed) = (Vec::new(), 0);
            loop {
                let page = store.list(request.clone()).await.unwrap();
                assert!(page.blobs.len() <= usize::from(size));
                malformed += page.malformed.len();
                listed.extend(page.blobs.into_iter().map(|blob| blob.name));
                request.marker = page.next;
                if request.marker.is_none() {
                    break;
                }
            }
            let mut stored: Vec<_> =
                names.into_iter().filter(|name| name.starts_with(prefix)).collect();
            // `hall/` can be named only if it is the prefix itself.
            let hidden = usize::from(prefix == "hall");
            stored.retain(|name| hidden == 0 || *name != "hall/");
            assert_eq!(
                (listed, malformed),
                (stored.iter().map(|&n| n.to_owned()).collect(), hidden),
                "{prefix} {size}"
            );
        }
    }
}

/// A listing without pages and order reads the store once for each window, also if others are under
/// way, and a position works after its window is gone.
#[tokio::test]
async fn a_long_listing_reads_the_store_once_for_each_window() {
    let names: Vec<_> = (0..45_000).map(|n| format!("hall/{n:05}.jpg")).collect();
    let source = Reversed::of(names.clone()).await;
    let store = ObjectStoreAdapter::new(source.clone());
    let page = async |marker: &Option<Marker>| -> Page {
        let mut request = ListRequest::new("hall/");
        request.marker = marker.clone();
        store.list(request).await.unwrap()
    };
    let mut listings = [(None, Vec::new()), (None, Vec::new())];
    let mut positions = Vec::new();
    loop {
        for (marker, listed) in &mut listings {
            let page = page(marker).await;
            positions.push(marker.clone());
            listed.extend(page.blobs.into_iter().map(|blob| blob.name));
            *marker = page.next;
        }
        if listings[0].0.is_none() {
            break;
        }
    }
    for (_, listed) in &listings {
        assert!(*listed == names);
    }
    assert_eq!(source.listings(), 2 * 3);
    // In any order, and so without windows.
    for marker in positions.iter().rev() {
        let first = page(marker).await.blobs.swap_remove(0).name;
        let expected = marker.as_ref().map_or(0, |marker: &Marker| {
            names.binary_search(&marker.as_str().to_owned()).unwrap() + 1
        });
        assert_eq!(first, names[expected]);
    }
}

#[tokio::test]
async fn ten_thousand_names_are_scanned_in_parallel() {
    let names: BTreeSet<_> =
        (0..10_000).map(|n| format!("hall-{}/{:03}/{n:05}.jpg", n % 3, n % 100)).collect();
    let (_cloud, store) =
        cloud(names.iter().map(|name| Seed::new(name, "x")), Behavior::default()).await;
    for prefix in ["", "hall-1/", "hall-1/05"] {
        let listing = Scan::new(store.clone(), &Prefix::try_from(prefix).unwrap());
        let listing = listing.page_size(500.try_into().unwrap()).in_flight(8);
        let (listed, malformed) = scan(listing).await.unwrap();
        let stored: BTreeSet<_> =
            names.iter().filter(|name| name.starts_with(prefix)).cloned().collect();
        assert!(listed == stored, "{prefix}: {} of {}", listed.len(), stored.len());
        assert_eq!(malformed, 0);
    }
}

#[tokio::test]
async fn errors_have_kinds_and_no_signature() {
    let (cloud, store) = cloud([Seed::new("a.jpg", "x")], Behavior::default()).await;
    let list = || store.list(ListRequest::new(""));
    for (status, code, kind) in [
        (403, "AuthorizationPermissionMismatch", ErrorKind::PermissionDenied),
        (404, "ContainerNotFound", ErrorKind::ContainerNotFound),
        (401, "InvalidAuthenticationInfo", ErrorKind::Unauthenticated),
        (503, "ServerBusy", ErrorKind::Throttled),
        (500, "InternalError", ErrorKind::Unavailable),
    ] {
        cloud.inject(Fault::Refuse(Refusal::new(status, code)));
        let error = list().await.unwrap_err();
        assert_eq!((error.kind(), error.status(), error.code()), (kind, Some(status), Some(code)));
        assert!(!error.to_string().contains(['<', '\n']), "{error}");
        assert_eq!(error.is_transient(), status >= 500, "{error}");
        assert!(!format!("{error:?} {error}").contains(cloud.signature()), "{error:?}");
    }
    cloud.inject(Fault::Close);
    let error = list().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!format!("{error:?} {error}").contains(cloud.signature()), "{error:?}");
    assert!(!format!("{store:?}").contains(cloud.signature()), "{store:?}");
    list().await.unwrap();
}

/// ETags are kept, so a job finds only the blob that was written again.
#[tokio::test]
async fn a_job_follows_a_store() {
    let source = Arc::new(InMemory::new());
    let put = async |name: &str, content: &'static str| {
        let path = Path::parse(name).unwrap();
        source.put_opts(&path, content.into(), PutOptions::default()).await.unwrap();
    };
    for name in ["hall/a.jpg", "hall/b.jpg", "hall/c.txt"] {
        put(name, "x").await;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = async || {
        let store = ObjectStoreAdapter::new(source.clone());
        let scan = Scan::new(store, &Prefix::try_from("hall/").unwrap());
        let mut changes = Vec::new();
        let sink = callback(|change| {
            changes.push(change.clone());
            Ok(())
        });
        Job::new(scan, folder.path()).run(sink).await.unwrap();
        changes
    };
    let first = run().await;
    let is_rejected = |change: &Change| matches!(change, Change::Rejected(rejection) if rejection.reason == Reason::UnsupportedFormat);
    assert_eq!((first.len(), first.iter().filter(|change| is_rejected(change)).count()), (3, 1));
    put("hall/b.jpg", "y").await;
    let second = run().await;
    let changed: Vec<_> = second.iter().filter(|change| !is_rejected(change)).collect();
    let [Change::Changed(asset)] = changed[..] else { panic!("{second:?}") };
    assert_eq!(asset.blob.name, "hall/b.jpg");
}
