//! The kit reports the known differences of Azurite from the service.

use std::collections::BTreeSet;

use azure_asset_sync::{Cloud, Connection, Credential, Endpoint};

use super::{
    ORIGIN,
    kit::{self, Outcome, table},
    lines, open,
    redaction::replay,
};
use crate::azurite::harness::{ACCOUNT, Azurite, SECRET, Seed, TENANT, Token};

#[tokio::test]
async fn the_known_differences_of_azurite_are_reported() {
    let Some(azurite) = Azurite::start().await else { return };
    azurite.create_container("assets").await;
    let names = ["B.jpg", "a.jpg", "c/1.jpg", "c/2.jpg", "d.jpg", "\u{e000}.jpg", "\u{1f600}.jpg"];
    let blobs = names.map(|name| Seed::new(name, "content"));
    azurite.seed("assets", blobs.into_iter().chain([Seed::new("e-empty.jpg", "")])).await;
    let endpoint = Endpoint::new(&azurite.endpoint(ACCOUNT)).unwrap();
    let connection = Connection::builder("azurite")
        .account(ACCOUNT)
        .container("assets")
        .cloud(Cloud::Custom(endpoint.with_authority(&azurite.sign_in()).unwrap()))
        .tenant(TENANT)
        .build()
        .unwrap();
    let credential =
        Credential::ClientSecret { client_id: Token::Valid.client_id(), secret: SECRET.into() };
    let store = open(&connection, azurite.certificate_authority(), credential);
    let report = kit::run(&store, &connection, Some(ORIGIN)).await.unwrap();

    let expected = [
        "challenge",
        "challenge_token",
        "empty_blob",
        "marker_form",
        "range_after_end",
        "request_id",
        "server",
        "version",
    ];
    let found = lines(&report, Outcome::Different);
    assert_eq!(found, BTreeSet::from(expected), "{}", table(&report.lines));
    assert!(report.lines.iter().any(|line| line.outcome == Outcome::AsAssumed));
    replay(&report.recording).await;
}
