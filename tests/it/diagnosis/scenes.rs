//! Situations that need more than one refused request.

use std::{io::Write as _, net::TcpListener};

use azure_asset_sync::{
    AzureStore, Cloud, Connection, Credential, Diagnosis, Endpoint, Error, Probe,
    condition::{Condition, Limit, Role},
    probe::{Cause, Check, Health},
    store::{Inspect as _, Question},
    testing::{Assignment, Seed, SmallCloud, StorageState, trust},
};

use super::{Row, cloud, only, probe};
use crate::refused_port::RefusedPort;

fn container_limit() -> Condition {
    Limit::container(&"assets".parse().unwrap()).condition().unwrap()
}

/// Returns a condition on the path only, which allows no listing.
fn path_only() -> Condition {
    "!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'}) OR \
     @Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path] StringLike '*'"
        .parse()
        .unwrap()
}

async fn with(assignments: Vec<Assignment>) -> SmallCloud {
    let mut builder = SmallCloud::builder().blob(Seed::new("a.jpg", "abc")).without_assignments();
    for assignment in assignments {
        builder = builder.assignment(assignment);
    }
    builder.start().await.unwrap()
}

/// Runs a probe with all its checks.
async fn probe_all(cloud: &SmallCloud) -> Health {
    let connection = cloud.connection().build().unwrap();
    let store = cloud.store(&connection).unwrap();
    Probe::new(&connection, store).view_links().least_privilege().run().await
}

fn warned(health: &Health, cause: Cause) -> Diagnosis {
    let found = health.warnings().find(|diagnosis| diagnosis.cause == cause);
    found.unwrap_or_else(|| panic!("{health}")).clone()
}

fn at(cloud: &SmallCloud, address: &str) -> Connection {
    let base = format!("https://{}", cloud.address());
    let endpoint = Endpoint::new(address).unwrap().with_authority(&base).unwrap();
    cloud.connection().cloud(Cloud::Custom(endpoint)).build().unwrap()
}

async fn probe_at(cloud: &SmallCloud, address: &str) -> Health {
    let connection = at(cloud, address);
    Probe::new(&connection, cloud.store(&connection).unwrap()).run().await
}

/// Starts a server that answers each TLS handshake with the alert that no version is supported.
fn old_tls() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        // Alert, fatal, 70: protocol_version (RFC 8446, section 6).
        let _ = stream.write_all(&[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46]);
        // Waits until the client has read the alert and closed the connection.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    address
}

pub async fn scene(row: &Row) -> Diagnosis {
    let reader = || Assignment::new(Role::BlobDataReader);
    match row.id.as_str() {
        "d001" | "d002" | "d003" => {
            let builder = Connection::builder("x").account("account").container("container");
            let builder = match row.id.as_str() {
                "d001" => builder.account("Not_An_Account"),
                "d002" => builder.container("no--container"),
                _ => builder.tenant("not a tenant"),
            };
            Diagnosis::from(&builder.build().unwrap_err().problems()[0])
        }
        "d004" => {
            let cloud = with(vec![]).await;
            let connection = cloud.connection().build().unwrap();
            let grant = azure_asset_sync::grant::Grant::builder(&connection)
                .subscription("11111111-2222-3333-4444-555555555555")
                .resource_group("vision")
                .application(cloud.client_id())
                .principal(cloud.client_id())
                .build()
                .unwrap();
            let store = cloud.store(&connection).unwrap();
            let form = azure_asset_sync::grant::Form::AzBash;
            only(Probe::new(&connection, store).grant(&grant, form).run().await)
        }
        "d005" => {
            let cloud = cloud().await;
            let (connection, address) = (at(&cloud, "https://nowhere.test/x"), cloud.address());
            // The answer of the system's resolver, so that no name server is queried.
            let text = "failed to lookup address information: Name or service not known";
            let store = AzureStore::builder(&connection)
                .policy(trust(&connection))
                .certificate_authority(cloud.certificate_authority())
                .resolve_by(move |host| match host {
                    "nowhere.test" => Err(std::io::Error::other(text)),
                    _ => Ok(vec![address]),
                })
                .build(cloud.credential())
                .unwrap();
            only(Probe::new(&connection, store).run().await)
        }
        "d008" => {
            let port = RefusedPort::bind();
            only(probe_at(&cloud().await, &format!("https://{}/x", port.address())).await)
        }
        "d009" => {
            let cloud = cloud().await;
            let connection = cloud.connection().build().unwrap();
            let builder = AzureStore::builder(&connection).policy(trust(&connection));
            let store = builder.build(cloud.credential()).unwrap();
            only(Probe::new(&connection, store).run().await)
        }
        "d010" => only(probe_at(&cloud().await, &format!("https://{}/x", old_tls())).await),
        "d063" => {
            let cloud = cloud().await;
            let connection = cloud.connection().build().unwrap();
            let store = AzureStore::builder(&connection)
                .policy(trust(&connection))
                .certificate_authority(cloud.certificate_authority())
                .build(Credential::Anonymous)
                .unwrap();
            only(Probe::new(&connection, store).run().await)
        }
        "d071" => only(probe(&with(vec![]).await).await),
        "d072" => only(probe(&with(vec![reader().condition(path_only())]).await).await),
        "d073" => {
            let cloud = with(vec![reader().on_container("assets")]).await;
            let connection = cloud.connection().build().unwrap();
            let store = cloud.store(&connection).unwrap();
            let error = store.inspect(Question::ListContainers).await.unwrap_err();
            Diagnosis::at(Check::ListContainers, &error)
        }
        "d074" => only(probe_all(&with(vec![reader().on_container("assets")]).await).await),
        "d075" => only(probe_all(&with(vec![Assignment::management_reader()]).await).await),
        "d076" | "d084" | "d089" | "d090" => {
            let cloud = cloud().await;
            cloud.set_storage_state(match row.id.as_str() {
                "d076" => StorageState::Firewall,
                "d084" => StorageState::AccountDisabled,
                "d089" => StorageState::ContainerMissing,
                _ => StorageState::ContainerBeingDeleted,
            });
            only(probe(&cloud).await)
        }
        "d083" => {
            let cloud = cloud().await;
            only(probe_at(&cloud, &format!("https://{}/stranger", cloud.address())).await)
        }
        "d112" => {
            let cloud = cloud().await;
            let connection = cloud.connection().build().unwrap();
            let store = cloud.store(&connection).unwrap();
            only(Probe::new(&connection, store).origin("https://app.example").unwrap().run().await)
        }
        "d113" => {
            let cloud = cloud().await;
            let _ = rustls::crypto::ring::default_provider().install_default();
            let authority = cloud.certificate_authority().as_bytes();
            let authority = reqwest::Certificate::from_pem(authority).unwrap();
            let client = reqwest::Client::builder().tls_certs_only([authority]).build().unwrap();
            let url = format!("https://{}/smallcloud/assets/a.jpg", cloud.address());
            let response = client.request(reqwest::Method::OPTIONS, url).send().await.unwrap();
            let code = response.headers()["x-ms-error-code"].to_str().unwrap();
            let error = Error::from_response(response.status().as_u16(), Some(code));
            Diagnosis::at(Check::Preflight, &error)
        }
        "d114" => {
            let cloud = cloud().await;
            let connection = cloud.connection().prefix("nothing/").build().unwrap();
            let store = cloud.store(&connection).unwrap();
            let health = Probe::new(&connection, store).run().await;
            assert!(health.is_ready(), "{health}");
            warned(&health, Cause::EmptyListing)
        }
        "d116" => warned(&probe_all(&with(vec![reader()]).await).await, Cause::BroadAccess),
        "d117" => {
            let assignment = reader().condition(container_limit());
            warned(&probe_all(&with(vec![assignment]).await).await, Cause::ContainersListable)
        }
        id => panic!("{id} has no scene"),
    }
}
