//! Random failures of an authority, a blob service and a network.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use azure_asset_sync::{
    AzureStore, Backoff, Clock as _, Connection, Credential, Endpoint, LinkRequest, Preview, Probe,
    Scan, Store,
    grant::{Form, Grant},
    probe::{Check, WaitOptions},
    store::{Inspect, ListRequest, Question, ReadRequest, azure::AzureStoreBuilder},
    testing::{
        CorsRule, Fault, ManualClock, Refusal, Seed, SignInRefusal, SmallCloud, StorageState,
        TestDisk, trust,
    },
};
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    time::OffsetDateTime,
};
use fastrand::Rng;
use futures::StreamExt as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use self::echo::Echo;
use super::Tally;
use crate::{
    refused_port::RefusedPort,
    scripted_server::{self, ScriptedServer},
    silence,
};

mod echo;

/// A credential of the caller whose error contains its token.
#[derive(Debug)]
struct Mine {
    token: String,
    fails: bool,
}

#[async_trait::async_trait]
impl TokenCredential for Mine {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        if self.fails {
            let what = format!("AADSTS7000215: no luck with {}", self.token);
            let kind = azure_core::error::ErrorKind::Credential;
            return Err(azure_core::Error::with_error(
                kind,
                std::io::Error::other(what.clone()),
                what,
            ));
        }
        let expires_on = OffsetDateTime::now_utc() + azure_core::time::Duration::hours(1);
        Ok(AccessToken::new(self.token.clone(), expires_on))
    }
}

/// The servers of some cases, and the secrets in use.
pub struct Stage {
    echo: Arc<Mutex<Echo>>,
    echo_server: ScriptedServer,
    cloud: SmallCloud,
    refused_port: RefusedPort,
    /// The key and its certificate as PEM.
    pem: String,
    secret: String,
    signature: String,
    token: String,
}

impl Stage {
    pub async fn new(seed: u64, (pem, certificate): &(String, String)) -> Self {
        fastrand::seed(seed);
        let mut rng = Rng::with_seed(seed);
        let echo = Arc::new(Mutex::new(Echo::default()));
        let answers = Arc::clone(&echo);
        let echo_server =
            ScriptedServer::start(move |request| answers.lock().unwrap().answer(&request)).await;
        let cloud = SmallCloud::builder()
            .blob(Seed::new("a/x.jpg", "xyz"))
            .certificate(certificate)
            .cors(CorsRule::new("https://app.example").methods(["GET"]).exposed_headers(["*"]))
            .start()
            .await
            .unwrap();
        let text = |rng: &mut Rng, n| -> String { (0..n).map(|_| rng.alphanumeric()).collect() };
        let signature = format!("{}+/{}=", text(&mut rng, 20), text(&mut rng, 21));
        Self {
            secret: format!(
                "{}8Q~{}.{}",
                text(&mut rng, 3),
                text(&mut rng, 20),
                text(&mut rng, 13)
            ),
            signature: utf8_percent_encode(&signature, NON_ALPHANUMERIC).to_string(),
            token: echo::token(&mut rng, scripted_server::TENANT),
            pem: pem.clone(),
            echo,
            echo_server,
            cloud,
            refused_port: RefusedPort::bind(),
        }
    }

    /// Returns all secrets: those given to stores, and those sent over the network.
    pub fn secrets(&self) -> BTreeSet<String> {
        let mut secrets = self.echo.lock().unwrap().take_secrets();
        secrets.extend(self.cloud.tokens());
        secrets.extend(self.cloud.delegation_keys());
        let own = [&self.secret, &self.signature, &self.token];
        secrets.extend(own.map(Clone::clone));
        secrets.extend([self.cloud.secret().to_owned(), self.cloud.signature().to_owned()]);
        let key = self.pem.lines().filter(|line| !line.starts_with("---")).take(9);
        secrets.extend(key.map(str::to_owned));
        secrets
    }

    /// Runs a case, and returns its description.
    pub async fn play(&self, case: u64, tally: &mut Tally) -> String {
        let mut rng = Rng::with_seed(case.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (place, connection, builder) = self.place(&mut rng);
        let (name, credential) = self.credential(&mut rng, place == "cloud");
        let builder = builder.read_timeout(silence::STEP / 2);
        tally.debug(&(&builder, &credential));
        let store = match builder.build(credential) {
            Ok(store) => Arc::new(store),
            Err(error) => {
                tally.result::<()>(Check::Names, Err(error));
                return format!("{name} at {place}, not built");
            }
        };
        tally.debug(&(&store, &connection));
        let result = ask(&mut rng, &connection, &store, tally).await;
        if place == "cloud" {
            self.all_is_well();
        }
        format!("{result} with {name} at {place}")
    }

    fn place(&self, rng: &mut Rng) -> (&'static str, Connection, AzureStoreBuilder) {
        let own = self.echo_server.connection();
        let at = |storage: &str| {
            scripted_server::connection(storage, &self.echo_server.address().to_string())
        };
        match rng.u8(0..20) {
            0..10 => {
                self.echo.lock().unwrap().rewind(rng.u64(..));
                ("echo", own.clone(), self.echo_server.builder(&own))
            }
            10..17 => {
                self.go_wrong(rng);
                let connection = self.cloud.connection().prefix("a/").build().unwrap();
                let builder = AzureStore::builder(&connection).policy(trust(&connection));
                let authority = self.cloud.certificate_authority();
                ("cloud", connection, builder.certificate_authority(authority))
            }
            17 => {
                let authority = self.cloud.certificate_authority();
                let builder = AzureStore::builder(&own).policy(trust(&own));
                let builder = builder.certificate_authority(authority);
                ("another authority", own, builder)
            }
            18 => {
                // The certificate is only valid for the address, not for this name.
                let port = self.echo_server.address().port();
                let connection = at(&format!("localhost:{port}"));
                let builder = self.echo_server.builder(&connection);
                ("another host", connection, builder)
            }
            _ => {
                let host = match rng.u8(0..4) {
                    0 => "nowhere.test".to_owned(),
                    _ => self.refused_port.address().to_string(),
                };
                let mut connection = at(&host);
                if rng.u8(0..3) == 0 {
                    let plain = Endpoint::new(&format!("http://{host}/x")).unwrap();
                    let builder = Connection::builder("x").account("smallcloud");
                    let builder = builder.container("assets").tenant(scripted_server::TENANT);
                    connection = builder.cloud(plain.into()).build().unwrap();
                }
                // The answer of the system's resolver, so that no name server is queried.
                let text = "failed to lookup address information: Name or service not known";
                let builder = self.echo_server.builder(&connection);
                let builder = builder.resolve_by(move |_| Err(std::io::Error::other(text)));
                ("nowhere", connection, builder)
            }
        }
    }

    fn credential(&self, rng: &mut Rng, in_cloud: bool) -> (&'static str, Credential) {
        let client_id = self.cloud.client_id().to_owned();
        match rng.u8(0..9) {
            0..2 if in_cloud => ("its own secret", self.cloud.credential()),
            0..=2 => {
                let secret = self.secret.as_str().into();
                ("a secret", Credential::ClientSecret { client_id, secret })
            }
            3..5 => {
                let pem = match rng.u8(0..8) {
                    // An incomplete copy of the key.
                    0 => self.pem[..self.pem.len() / 3].into(),
                    _ => self.pem.as_str().into(),
                };
                ("a certificate", Credential::ClientCertificate { client_id, pem })
            }
            5 if in_cloud => ("its own signature", self.cloud.sas()),
            5 | 6 => {
                let sas = match rng.u8(0..6) {
                    // The URL of another container, which is refused.
                    0 => format!("https://x.blob.core.windows.net/y?sv=1&sig={}", self.signature),
                    _ => format!("sv=2026-04-06&sp=rl&sig={}", self.signature),
                };
                ("a signature", Credential::Sas(sas.into()))
            }
            _ => {
                let known = self.cloud.tokens().pop();
                let token = match rng.bool() {
                    true => self.token.clone(),
                    false => known.unwrap_or_else(|| self.token.clone()),
                };
                let mine = Mine { token, fails: rng.u8(0..8) == 0 };
                ("a token", Credential::Token(Arc::new(mine)))
            }
        }
    }

    /// Makes the small cloud fail with a message that contains a secret.
    fn go_wrong(&self, rng: &mut Rng) {
        let cloud = &self.cloud;
        let secret = match rng.u8(0..4) {
            0 => cloud.secret().to_owned(),
            1 => cloud.signature().to_owned(),
            2 => self.signature.clone(),
            _ => cloud.tokens().pop().unwrap_or_else(|| self.token.clone()),
        };
        let (status, code) = echo::CODES[rng.usize(..echo::CODES.len())];
        let refusal = Refusal::new(status, code)
            .message(format!("Signature or token {secret} did not match"))
            .detail(format!("{} validation failed: {secret}", rng.choice(echo::DETAILS).unwrap()))
            .retry_after(Duration::from_secs(rng.u64(0..3)));
        let page = format!("<html><a href='/x?sv=1&sig={secret}'>{secret}</a></html>");
        let faults = [
            Fault::Refuse(refusal.clone()),
            Fault::Refuse(refusal.without_code_header()),
            Fault::Refuse(Refusal::new(status, secret.clone())),
            Fault::Replace(
                *rng.choice(&[200, 302, 403, 407, 502]).unwrap(),
                "text/html",
                page.into(),
            ),
            Fault::CloseAfter(rng.usize(..400)),
            Fault::Close,
            Fault::Reset,
            Fault::Stall,
            Fault::StallAfter(rng.usize(..400)),
        ];
        match rng.u8(0..12) {
            0..3 => cloud.inject_always(rng.choice(faults)),
            3..6 => (0..rng.u8(1..6)).for_each(|_| {
                let skipped = rng.bool();
                // The request for a challenge comes first, and can fail on its own.
                cloud.inject(if skipped { Fault::Slow { chunk: 4096, pause: Duration::ZERO } } else { rng.choice(faults.clone()).unwrap() });
            }),
            6..8 => {
                let (aadsts, error) = rng.choice(echo::AADSTS).unwrap();
                let status = *rng.choice(&[400, 401, 403, 429, 500, 503]).unwrap();
                let error = if rng.bool() { (*error).to_owned() } else { secret.clone() };
                let text = format!("The secret \"{}\" or {secret}", cloud.secret());
                cloud.always_refuse_sign_in(Some(SignInRefusal::new(status, error, *aadsts, text)));
            }
            8 => cloud.expire_tokens(),
            9 => cloud.unassign_all(),
            10 => cloud.set_storage_state(
                rng.choice([
                    StorageState::Firewall,
                    StorageState::AccountDisabled,
                    StorageState::AccountMissing,
                    StorageState::ContainerMissing,
                    StorageState::ContainerBeingDeleted,
                ])
                .unwrap(),
            ),
            _ => cloud.set_challenge(Some(format!("Bearer authorization_uri=https://login.microsoftonline.com/{secret}/ resource_id=https://storage.azure.com"))),
        }
    }

    fn all_is_well(&self) {
        self.cloud.inject_always(None);
        self.cloud.always_refuse_sign_in(None);
        self.cloud.set_storage_state(StorageState::Normal);
        self.cloud.set_challenge(None);
        self.cloud.unassign_all();
        let role = azure_asset_sync::condition::Role::BlobDataReader;
        self.cloud.assign(azure_asset_sync::testing::Assignment::new(role));
    }
}

/// Calls a store as a scan, a probe or a caller does.
async fn ask(
    rng: &mut Rng,
    connection: &Connection,
    store: &Arc<AzureStore>,
    tally: &mut Tally,
) -> String {
    let origin = "https://app.example".to_owned();
    let (container, blob) = (connection.container().clone(), "a/x.jpg".to_owned());
    let prefix = "a/".to_owned();
    let probe = |rng: &mut Rng| {
        let mut probe =
            Probe::new(connection, Arc::clone(store)).request_timeout(Duration::from_secs(2));
        if rng.bool() {
            probe = probe.origin(&origin).unwrap().view_links();
        }
        if rng.bool() {
            probe = probe.least_privilege().grant(&grant(connection), Form::AzBash);
        }
        probe
    };
    match rng.u8(0..15) {
        0 | 1 => {
            tally.result(Check::List, store.list(ListRequest::new(prefix)).await);
            "list".to_owned()
        }
        2 | 3 => {
            tally.result(Check::Read, store.read(ReadRequest::new(blob, 0..2)).await);
            "read".to_owned()
        }
        4..8 => {
            let (check, question) = match rng.u8(0..9) {
                0 => (Check::Challenge, Question::Challenge),
                1 => (Check::Token, Question::Token),
                2 => (Check::List, Question::List { prefix }),
                3 => (Check::Read, Question::BrowserRead { blob, origin }),
                4 => (Check::DelegationKey, Question::DelegationKey),
                5 => (Check::Preflight, Question::Preflight { origin }),
                6 => (Check::OtherList, Question::ListOther { container, prefix }),
                7 => (Check::OtherRead, Question::ReadOther { container, blob }),
                _ => (Check::ListContainers, Question::ListContainers),
            };
            let what = format!("{question:?}");
            tally.result(check, store.inspect(question).await);
            what
        }
        8 | 9 => {
            let probe = probe(rng);
            tally.debug(&probe);
            tally.health(&probe.run().await);
            format!("{probe:?}")
        }
        10 => {
            let clock = ManualClock::auto_advancing();
            let probe = probe(rng).clock(clock.clone()).granted(clock.time());
            let backoff = Backoff::new(Duration::from_secs(8), Duration::from_secs(30));
            let options =
                WaitOptions::new(Duration::from_secs(rng.u64(1..40))).successes(2).backoff(backoff);
            let mut wait = probe.wait(options);
            while let Some(event) = wait.next().await {
                tally.event(&event);
            }
            format!("wait for {probe:?}")
        }
        11 => {
            let link = match store.view_links() {
                Ok(links) => links.link(LinkRequest::new(blob)).await,
                Err(error) => Err(error),
            };
            let url = link.as_ref().map_or("", |link| link.url());
            tally.signatures.extend(url.rsplit_once("sig=").map(|(_, text)| text.to_owned()));
            tally.result(Check::DelegationKey, link);
            "link".to_owned()
        }
        how => {
            let scan = Scan::new(Arc::clone(store), connection.prefix())
                .backoff(Backoff::new(Duration::from_millis(1), Duration::from_millis(4)))
                .page_deadline(2 * silence::STEP);
            tally.debug(&scan);
            let name = match how {
                12 => {
                    tally.result(Check::List, scan.run(()).await);
                    "scan"
                }
                13 => {
                    tally.result(Check::List, Preview::new(scan).run().await);
                    "preview"
                }
                _ => {
                    let job = TestDisk::new(10).job(scan).source(connection.container_url());
                    tally.debug(&job);
                    tally.result(Check::List, job.run(()).await);
                    "job"
                }
            };
            name.to_owned()
        }
    }
}

fn grant(connection: &Connection) -> Grant {
    Grant::builder(connection)
        .subscription("11111111-2222-3333-4444-555555555555")
        .resource_group("vision")
        .application("22222222-2222-4222-8222-222222222222")
        .build()
        .unwrap()
}
