//! A thousand stores with one client share its connections, threads and certificate authorities.
//!
//! The measurement runs this program again as a child, because threads and memory belong to a process.
#![cfg(target_os = "linux")]

use std::{process::Command, sync::Arc};

use azure_asset_sync::{
    AzureStore, HttpClient, Store,
    store::ListRequest,
    testing::{Seed, SmallCloud, trust},
};

const STORES: usize = 1000;

const VARIABLE: &str = "IDLE_STORES";

/// Returns a number of `/proc/self/status`.
fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn sockets() -> usize {
    let files = std::fs::read_dir("/proc/self/fd").unwrap();
    let links = files.filter_map(|file| std::fs::read_link(file.unwrap().path()).ok());
    links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
}

/// Makes the stores in a child process, lists with each, and prints what they take while they are idle.
#[tokio::test]
async fn child() {
    if std::env::var_os(VARIABLE).is_none() {
        return;
    }
    let cloud = SmallCloud::builder().blobs([Seed::new("a.jpg", "x")]).start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    let builder = HttpClient::builder().policy(trust(&connection));
    let shared = builder.certificate_authority(cloud.certificate_authority()).build().unwrap();
    // The first request loads what every process has once.
    let store = |http: HttpClient| {
        let builder = AzureStore::builder(&connection).http_client(http);
        builder.build(cloud.credential()).unwrap()
    };
    let first = store(shared.clone());
    first.list(ListRequest::new("")).await.unwrap();
    let (rss, threads, open) = (status("VmRSS:"), status("Threads:"), sockets());
    let mut stores = Vec::new();
    for _ in 0..STORES {
        let store = Arc::new(store(shared.clone()));
        assert_eq!(store.list(ListRequest::new("")).await.unwrap().blobs.len(), 1);
        stores.push(store);
    }
    println!(
        "IDLE {} {} {} {}",
        cloud.connections(),
        sockets() - open,
        status("Threads:") - threads,
        status("VmRSS:").saturating_sub(rss),
    );
}

fn measure() -> [u64; 4] {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "idle_stores::child", "--nocapture"])
        .env(VARIABLE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers = text.split("IDLE ").nth(1).unwrap_or_else(|| panic!("{output:?}"));
    let numbers: Vec<u64> =
        numbers.split_whitespace().take(4).map(|number| number.parse().unwrap()).collect();
    let [connections, sockets, threads, kib] = numbers.try_into().unwrap();
    println!(
        "{STORES} stores of one client: {connections} connections, {sockets} more sockets in the process \
         (both ends), {threads} more threads, {kib} KiB more"
    );
    [connections, sockets, threads, kib]
}

#[test]
fn a_thousand_idle_stores_of_one_client_have_one_connection() {
    let [connections, sockets, threads, kib] = measure();
    // Both ends are in the process. A request can start before the last connection is idle again.
    assert!(connections <= 4 && sockets <= 8, "{connections} connections, {sockets} sockets");
    assert_eq!(threads, 0);
    // With its token, pipelines and settings, and the server's log.
    assert!(kib < 32 << 10, "{kib} KiB");
}
