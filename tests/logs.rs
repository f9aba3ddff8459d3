//! Nothing that is logged below this crate, at any level, has a secret in it.

use std::{
    fmt::{Debug, Write as _},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use azure_asset_sync::{
    AzureStore, Credential, Scan, Store,
    store::ReadRequest,
    testing::{Fault, Refusal, Seed, SmallCloud},
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

static LOG: Mutex<String> = Mutex::new(String::new());

/// Writes down every span and event of every level
struct Everything(AtomicU64);

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0, "{field}={value:?}").unwrap();
    }
}

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        span.record(&mut Line(&mut LOG.lock().unwrap()));
        span::Id::from_u64(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut Line(&mut LOG.lock().unwrap()));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Line(&mut LOG.lock().unwrap()));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn no_secret_is_logged_at_any_level() {
    tracing::subscriber::set_global_default(Everything(AtomicU64::new(0))).unwrap();
    let cloud = SmallCloud::builder().blob(Seed::new("a.jpg", "x")).start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    let wrong = Credential::ClientSecret {
        client_id: cloud.client_id().to_owned(),
        secret: "canary-of-a-wrong-secret".into(),
    };
    for credential in [cloud.credential(), cloud.sas(), wrong] {
        let store = AzureStore::builder(&connection)
            .certificate_authority(cloud.certificate_authority())
            .build(credential)
            .unwrap();
        let _ = store.read(ReadRequest::new("a.jpg", 0..1)).await;
        cloud.inject(Fault::Cut(10));
        cloud.inject(Fault::Refuse(Refusal::new(403, "AuthorizationFailure")));
        let scan = Scan::new(store, connection.prefix()).page_deadline(Duration::from_secs(2));
        let _ = scan.run(()).await;
    }
    // A connection that fails has the whole address in its error.
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = format!("https://{dead}/smallcloud");
    let dead = cloud.connection().cloud(azure_asset_sync::Endpoint::new(&endpoint).unwrap().into());
    let store = AzureStore::new(&dead.build().unwrap(), cloud.sas()).unwrap();
    store.read(ReadRequest::new("a.jpg", 0..1)).await.unwrap_err();

    let log = LOG.lock().unwrap();
    println!("{} bytes of log", log.len());
    assert!(log.len() > 10_000, "nothing was logged: {log}");
    let tokens = cloud.tokens();
    assert!(!tokens.is_empty());
    let mut secrets = vec![cloud.secret(), cloud.signature(), "canary-of-a-wrong-secret"];
    secrets.extend(tokens.iter().map(String::as_str));
    for secret in secrets {
        let at = log.find(secret);
        assert!(at.is_none(), "{}", &log[at.unwrap().saturating_sub(300)..at.unwrap() + 40]);
    }
}
