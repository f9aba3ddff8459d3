//! Links share a delegation key: when it is requested, how long it is used, and how its failures are reported.

use std::sync::Arc;

use azure_asset_sync::{
    ErrorKind, LinkRequest, ViewLink,
    testing::{Fault, Refusal},
};
use futures::future::join_all;

use super::{DAY, FAILED, HOUR, Scene, query, secs, vision};

#[tokio::test]
async fn many_concurrent_links_need_one_key() {
    let scene = Scene::of(vision()).await;
    let wanted = join_all((0..200).map(|_| scene.link("a.jpg"))).await;
    assert_eq!(scene.requests(), 1);
    assert!(wanted.iter().all(|link| link.url() == wanted[0].url()));
    // Also from several tasks, and from other `ViewLinks` of the same store.
    scene.clock.advance(secs(2 * DAY));
    let links = Arc::new(scene.links());
    let tasks = (0..50).map(|_| {
        let links = Arc::clone(&links);
        tokio::spawn(async move { links.link(LinkRequest::new("a.jpg")).await.unwrap() })
    });
    for link in join_all(tasks).await {
        assert_eq!(scene.get(&link.unwrap()).await.status, 200);
    }
    assert_eq!(scene.requests(), 2);
}

#[tokio::test]
async fn a_key_is_used_for_a_day_and_no_link_outlives_it() {
    let scene = Scene::of(vision()).await;
    let lifetime = |seconds| scene.links().lifetime(secs(seconds)).unwrap();
    let outlives = |link: &ViewLink| query(link.url())["se"] > query(link.url())["ske"];
    // The seconds that pass, the lifetime of the link, and the keys requested so far.
    for (passed, seconds, keys) in [
        (0, HOUR, 1),
        (22 * HOUR, HOUR, 1),
        (HOUR, HOUR, 1),
        (1, HOUR, 2),
        (0, 24 * HOUR, 2),
        (1, 24 * HOUR, 3),
        (0, 6 * DAY, 4),
        (23 * HOUR, 6 * DAY, 4),
        (0, HOUR, 4),
        (1, 6 * DAY, 5),
    ] {
        scene.clock.advance(secs(passed));
        let link = lifetime(seconds).link(LinkRequest::new("a.jpg")).await.unwrap();
        assert_eq!(scene.requests(), keys, "{passed} {seconds}");
        assert!(!outlives(&link), "{passed} {seconds}");
        assert_eq!(scene.get(&link).await.status, 200, "{passed} {seconds}");
    }
}

#[tokio::test]
async fn a_failed_request_for_a_key_fails_all_waiting_calls_and_no_later_ones() {
    let scene = Scene::of(vision()).await;
    let busy = Refusal::new(503, "ServerBusy").retry_after(secs(7));
    scene.client.cloud.inject(Fault::Refuse(busy));
    let links = scene.links();
    let outcomes = join_all((0..20).map(|_| links.link(LinkRequest::new("a.jpg")))).await;
    assert_eq!(scene.requests(), 1);
    for outcome in outcomes {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Throttled);
        assert_eq!((error.status(), error.code()), (Some(503), Some("ServerBusy")));
        assert_eq!(error.retry_after(), Some(secs(7)));
        assert!(
            error.is_transient() && error.request_id().is_some() && error.served_at().is_some()
        );
    }
    assert_eq!(scene.get(&scene.link("a.jpg").await).await.status, 200);
    assert_eq!(scene.requests(), 2);
}

#[tokio::test]
async fn a_dropped_call_cancels_the_request_only_if_no_other_call_waits() {
    let scene = Scene::of(vision()).await;
    let links = scene.links();
    scene.client.cloud.inject(Fault::Stall);
    // The only waiting call is dropped before the response: the next call sends a new request.
    tokio::select! {
        biased;
        _ = links.link(LinkRequest::new("a.jpg")) => panic!("the cloud does not answer"),
        () = async { while scene.requests() < 1 { tokio::task::yield_now().await } } => {}
    }
    // Two calls wait. The first is dropped, and the second still returns its link.
    let second = async {
        while scene.requests() < 2 {
            tokio::task::yield_now().await;
        }
        links.link(LinkRequest::new("b.jpg")).await.unwrap()
    };
    let slow = Fault::Slow { chunk: 100, pause: secs(1) };
    scene.client.cloud.inject(slow);
    let mut first = Box::pin(links.link(LinkRequest::new("a.jpg")));
    let mut second = Box::pin(second);
    let early = tokio::select! {
        biased;
        link = &mut second => Some(link),
        link = &mut first => { let _ = link; None }
    };
    drop(first);
    let link = match early {
        Some(link) => link,
        None => second.await,
    };
    assert_eq!(scene.get(&link).await.body, "b.jpg");
    assert_eq!(scene.requests(), 2);
}

#[tokio::test]
async fn links_of_a_revoked_key_are_refused_until_the_key_is_forgotten() {
    let scene = Scene::of(vision()).await;
    let links = scene.links();
    assert_eq!(scene.get(&scene.link("a.jpg").await).await.status, 200);
    scene.client.cloud.revoke_delegation_keys();
    assert_eq!(scene.get(&scene.link("a.jpg").await).await.status_and_code(), FAILED);
    links.forget_key();
    assert_eq!(scene.get(&scene.link("a.jpg").await).await.status, 200);
    assert_eq!(scene.requests(), 2);

    // A key that is requested when `forget_key` is called is not kept.
    links.forget_key();
    let mut early = Box::pin(links.link(LinkRequest::new("a.jpg")));
    tokio::select! {
        biased;
        _ = &mut early => {}
        () = async { while scene.requests() < 3 { tokio::task::yield_now().await } } => {
            links.forget_key();
            early.await.unwrap();
            scene.link("a.jpg").await;
            assert_eq!(scene.requests(), 4);
        }
    }
}
