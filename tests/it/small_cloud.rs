//! The small cloud answers a plain HTTP client as Azure does.

use azure_asset_sync::{
    store::Page,
    testing::{Seed, SmallCloud},
};
use reqwest::{Certificate, Response};

struct Client {
    cloud: SmallCloud,
    http: reqwest::Client,
}

impl Client {
    async fn new(names: &[&str]) -> Self {
        // The first test installs the provider for all others of the process.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let seeds = names.iter().map(|name| Seed::new(*name, "0123456789"));
        let cloud = SmallCloud::builder().blobs(seeds).start().await.unwrap();
        let authority = Certificate::from_pem(cloud.certificate_authority().as_bytes()).unwrap();
        let http = reqwest::Client::builder().tls_certs_only([authority]).build().unwrap();
        Self { cloud, http }
    }

    async fn get(&self, path_and_query: &str, headers: &[(&str, &str)]) -> Response {
        let join = if path_and_query.contains('?') { '&' } else { '?' };
        let mut request = self.http.get(format!(
            "https://{}/smallcloud/{path_and_query}{join}sig={}",
            self.cloud.address(),
            self.cloud.signature()
        ));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    async fn list(&self, query: &str) -> String {
        let response = self.get(&format!("assets?restype=container&comp=list&{query}"), &[]).await;
        assert_eq!(response.status(), 200, "{query}");
        response.text().await.unwrap()
    }

    async fn names(&self, query: &str) -> Vec<String> {
        let page = Page::from_xml(self.list(query).await.as_bytes()).unwrap();
        page.blobs.into_iter().map(|blob| blob.name).collect()
    }
}

const NAMES: &[&str] = &["a.jpg", "b/1.jpg", "b/2.jpg", "b/c/3.jpg", "b0.jpg", "c.jpg"];

#[tokio::test]
async fn a_listing_starts_at_start_from() {
    let client = Client::new(NAMES).await;
    assert_eq!(client.names("").await, NAMES);
    assert_eq!(client.names("startFrom=b%2F2.jpg").await, NAMES[2..], "inclusive");
    assert_eq!(client.names("startFrom=b%2F2&prefix=b%2F").await, ["b/2.jpg", "b/c/3.jpg"]);
    assert_eq!(client.names("startFrom=a&prefix=c").await, ["c.jpg"]);
    assert_eq!(client.names("startFrom=zzz").await, [""; 0]);
}

#[tokio::test]
async fn a_delimiter_groups_names_into_prefixes_also_across_pages() {
    let client = Client::new(NAMES).await;
    let entries = |xml: &str| {
        let names = xml.split("<Name>").skip(1).map(|rest| rest.split('<').next().unwrap());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let whole = client.list("delimiter=%2F").await;
    assert_eq!(entries(&whole), ["a.jpg", "b/", "b0.jpg", "c.jpg"]);
    assert_eq!(whole.matches("<BlobPrefix>").count(), 1);
    let below = client.list("delimiter=%2F&prefix=b%2F").await;
    assert_eq!(entries(&below), ["b/1.jpg", "b/2.jpg", "b/c/"]);

    let (mut paged, mut marker) = (Vec::new(), String::new());
    loop {
        let page = client.list(&format!("delimiter=%2F&maxresults=1&marker={marker}")).await;
        paged.extend(entries(&page));
        match Page::from_xml(page.as_bytes()).unwrap().next {
            Some(next) => next.as_str().clone_into(&mut marker),
            None => break,
        }
    }
    assert_eq!(paged, ["a.jpg", "b/", "b0.jpg", "c.jpg"]);
}

#[tokio::test]
async fn markers_are_opaque_and_invalid_parameters_are_refused() {
    let client = Client::new(NAMES).await;
    let page = client.list("maxresults=2").await;
    let marker = Page::from_xml(page.as_bytes()).unwrap().next.unwrap();
    assert!(!marker.as_str().contains("b/2"), "{}", marker.as_str());
    for bad in ["maxresults=0", "maxresults=-1", "maxresults=x", "marker=!"] {
        let path = format!("assets?restype=container&comp=list&{bad}");
        let response = client.get(&path, &[]).await;
        assert_eq!(response.status(), 400, "{bad}");
        assert!(response.headers().contains_key("x-ms-error-code"));
    }
}

#[tokio::test]
async fn ranges_and_conditions_work_as_in_http() {
    let client = Client::new(NAMES).await;
    let rows = [
        (None, 200, "0123456789", None),
        (Some("bytes=2-4"), 206, "234", Some("bytes 2-4/10")),
        (Some("bytes=8-"), 206, "89", Some("bytes 8-9/10")),
        (Some("bytes=8-99"), 206, "89", Some("bytes 8-9/10")),
    ];
    for (range, status, body, content_range) in rows {
        let headers: Vec<_> = range.map(|range| ("range", range)).into_iter().collect();
        let response = client.get("assets/b/c/3.jpg", &headers).await;
        assert_eq!(response.status(), status, "{range:?}");
        let reported =
            response.headers().get("content-range").map(|v| v.to_str().unwrap().to_owned());
        assert_eq!(reported.as_deref(), content_range);
        assert_eq!(response.text().await.unwrap(), body);
    }
    let after = client.get("assets/a.jpg", &[("range", "bytes=10-11")]).await;
    assert_eq!(after.status(), 416);

    let etag = client.get("assets/a.jpg", &[]).await.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(client.get("assets/a.jpg", &[("if-match", &etag)]).await.status(), 200);
    assert_eq!(client.get("assets/a.jpg", &[("if-match", "\"0x1\"")]).await.status(), 412);
    client.cloud.put(Seed::new("a.jpg", "new"));
    assert_eq!(client.get("assets/a.jpg", &[("if-match", &etag)]).await.status(), 412);
}

#[tokio::test]
async fn a_request_without_a_credential_is_challenged_to_sign_in() {
    let client = Client::new(NAMES).await;
    let url =
        format!("https://{}/smallcloud/assets?restype=container&comp=list", client.cloud.address());
    let version = ("x-ms-version", "2026-04-06");
    let response = client.http.get(&url).header(version.0, version.1).send().await.unwrap();
    assert_eq!(response.status(), 401);
    let challenge = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert!(challenge.starts_with("Bearer authorization_uri=https://login"), "{challenge}");
    for (value, status) in [("Bearer made-up", 401), ("SharedKey x:y", 403), ("made-up", 400)] {
        let request = client.http.get(&url).header("authorization", value);
        assert_eq!(request.send().await.unwrap().status(), status, "{value}");
    }
}

#[tokio::test]
async fn the_cloud_stops_when_it_is_dropped() {
    let client = Client::new(NAMES).await;
    let address = client.cloud.address();
    drop(client);
    tokio::task::yield_now().await;
    assert!(std::net::TcpStream::connect(address).is_err());
}
