//! One client for all tenants connects to no refused host, whatever the tenants type and whatever the
//! names resolve to.
//!
//! `CASES` is the number of tenants, and `SEED` the seed.

use azure_asset_sync::{
    AzureStore, Credential, Endpoint, ErrorKind, HttpClient, Store,
    store::{Inspect, ListRequest, Question},
};
use fastrand::Rng;

use super::{
    ACCOUNT_HOST,
    addresses::{Net, Resolver, address},
    custom, host, secret,
};

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

#[tokio::test]
async fn ten_thousand_tenants_of_one_client_reach_no_refused_host() {
    let net = Net::cast();
    let mut rng = Rng::with_seed(number("SEED", 14));
    let resolver = Resolver::default();
    let http = HttpClient::builder().without_proxy();
    let http = http.resolve_by(resolver.lookup()).build().unwrap();
    let (mut malformed, mut by_name, mut by_address) = (0, 0, 0);
    for _ in 0..number("CASES", 10_000) {
        // Half of the names are of Azure, so that their addresses decide.
        let typed = match rng.bool() {
            true => format!("https://{ACCOUNT_HOST}"),
            false => {
                let scheme = rng.choice(["https://", "https://", "http://"]).unwrap();
                format!("{scheme}{}", host(&mut rng, net.port()))
            }
        };
        let mut endpoint = Endpoint::new(&typed);
        if rng.u8(0..4) == 0 {
            let authority = format!("https://{}", host(&mut rng, net.port()));
            endpoint = endpoint.and_then(|endpoint| endpoint.with_authority(&authority));
        }
        let Ok(endpoint) = endpoint else {
            malformed += 1;
            continue;
        };
        let connection = custom(endpoint);
        let builder = AzureStore::builder(&connection).http_client(http.clone());
        let credential = if rng.bool() { secret() } else { Credential::Anonymous };
        let store = match builder.build(credential) {
            Ok(store) => store,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::HostRefused, "{typed:?}: {error}");
                by_name += 1;
                continue;
            }
        };
        // Each name resolves to a refused address; a port of 0 would lead to port 443.
        let ip = match rng.u8(0..3) {
            0 => address(&mut rng, true),
            _ => std::net::Ipv4Addr::from(0x7f00_0000 | rng.u32(1..0xff_ffff)).into(),
        };
        resolver.set([ip], net.port());
        let error = match rng.bool() {
            true => store.list(ListRequest::new("")).await.map(|_| ()),
            false => store.inspect(Question::Challenge).await.map(|_| ()),
        };
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostRefused, "{typed:?} at {ip}: {error}");
        by_address += 1;
    }
    println!("{by_name} refused by name, {by_address} by address, {malformed} malformed");
    assert!(by_name > malformed / 4 && by_address > malformed / 4);
    assert_eq!(net.accepted(), 0);
}
