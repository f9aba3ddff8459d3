//! A secret that was typed into the wrong field is not repeated by any error, debug output or log.
//!
//! Each case builds a hundred stores. For a longer campaign:
//! `CASES=64 cargo test --test logs secrets_misplaced::`.

use std::{collections::BTreeSet, fmt::Debug};

use azure_asset_sync::{AzureStore, Connection, Credential, Endpoint, HostPolicy};
use proptest::prelude::*;

use crate::capture;

const ID: &str = "77777777-7777-4777-8777-777777777777";

/// Returns secrets in the forms that people paste. Each contains the canary.
fn secrets(canary: &str) -> Vec<String> {
    vec![
        // A client secret, an account key and a signature, plain and encoded.
        format!("abc8Q~{canary}"),
        format!("{canary}+/{canary}=="),
        format!("sv=2026-04-06&sp=rl&sig={canary}%3D"),
        format!("?sig%3D{canary}"),
        format!("https://contoso.blob.core.windows.net/training?sv=2026-04-06&sig={canary}"),
        format!("https://user:{canary}@contoso.blob.core.windows.net/training"),
        format!(
            "BlobEndpoint=https://contoso.blob.core.windows.net;SharedAccessSignature=sig={canary}"
        ),
        format!("DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey={canary}=="),
        format!("Account Key = {canary}"),
        format!("-----BEGIN PRIVATE KEY-----\n{canary}\n-----END PRIVATE KEY-----"),
        format!("eyJ0eXAiOiJKV1QifQ.{canary}.{canary}"),
        format!("{{\"client_secret\":\"{canary}\"}}"),
    ]
}

#[derive(Default)]
struct Shown(String);

impl Shown {
    fn debug(&mut self, value: &impl Debug) {
        self.0.push_str(&format!("{value:?} {value:#?}\n"));
    }

    fn result<T: Debug, E: std::error::Error + 'static>(&mut self, result: Result<T, E>) {
        let error = match result {
            Ok(value) => return self.debug(&value),
            Err(error) => error,
        };
        self.debug(&error);
        let mut next: Option<&dyn std::error::Error> = Some(&error);
        while let Some(cause) = next {
            self.0.push_str(&format!("{cause}\n"));
            next = cause.source();
        }
    }
}

/// Passes a text to each input of a credential and a store that accepts text.
fn give(text: &str) -> String {
    let mut shown = Shown::default();
    let connection = Connection::builder("x").account("contoso").container("training");
    let connection = connection.tenant("contoso.onmicrosoft.com").build().unwrap();
    let (id, text) = (ID.to_owned(), text.to_owned());
    for credential in [
        Credential::ClientSecret { client_id: text.clone(), secret: "x".into() },
        Credential::ClientSecret { client_id: id.clone(), secret: text.as_str().into() },
        Credential::ClientCertificate { client_id: text.clone(), pem: "x".into() },
        Credential::ClientCertificate { client_id: id, pem: text.as_str().into() },
        Credential::ManagedIdentity { client_id: Some(text.clone()) },
        Credential::Sas(text.as_str().into()),
    ] {
        shown.debug(&credential);
        shown.result(AzureStore::new(&connection, credential));
    }
    shown.result(Credential::certificate_file(ID, &text));
    shown.result(Credential::certificate_file(&text, "/no/such/file"));
    let builder = AzureStore::builder(&connection).certificate_authority(text.as_str());
    shown.debug(&builder);
    shown.result(builder.build(Credential::Anonymous));
    shown.result(Endpoint::new(&text).and_then(|_| Endpoint::new("https://x.test")));
    let own = Endpoint::new("https://x.test").unwrap();
    shown.result(own.with_authority(&text).map(|_| ()));
    shown.result(HostPolicy::azure().allow_endpoint(&text).map(|_| ()));
    shown.result(HostPolicy::azure().allow_authority(&text).map(|_| ()));
    shown.result(HostPolicy::azure().allow_private_addresses(&text).map(|_| ()));
    shown.result(text.parse::<azure_asset_sync::TenantId>().map(|_| ()));
    shown.result(text.parse::<azure_asset_sync::OwnerMarker>().map(|_| ()));
    shown.0
}

fn cases() -> u32 {
    std::env::var("CASES").map_or(3, |cases| cases.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn a_secret_in_the_wrong_field_is_repeated_nowhere(
        // Contains every class of characters, like keys and client secrets.
        canary in "[A-Z][a-z][0-9][A-Za-z0-9]{30,60}",
    ) {
        let _log = capture::start();
        for text in secrets(&canary) {
            let shown = give(&text) + &capture::take();
            let parts: BTreeSet<_> = [&canary[..16], &canary[canary.len() - 16..]].into();
            for part in parts {
                prop_assert!(!shown.contains(part), "{text}: {shown}");
            }
        }
    }
}
