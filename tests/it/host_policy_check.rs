//! The policy of a service allows and refuses endpoints, authorities and addresses without any request.

use std::net::{IpAddr, SocketAddr};

use azure_asset_sync::{AzureStore, Cloud, Connection, Credential, Endpoint, HostPolicy};

const ACCOUNT_HOST: &str = "contoso.blob.core.windows.net";

#[test]
fn a_policy_for_the_public_cloud_refuses_other_hosts() {
    let policy = HostPolicy::public_cloud;
    let account = "contoso".parse().unwrap();
    let endpoint = |text: &str| Endpoint::new(text).unwrap();
    let own = endpoint(&format!("https://{ACCOUNT_HOST}"));
    for cloud in [Cloud::Public, Cloud::DnsZone(7.try_into().unwrap()), own.clone().into()] {
        policy().check(&cloud, &account).unwrap();
    }
    for (cloud, endpoint, authority) in [
        (Cloud::UsGovernment, true, true),
        (Cloud::China, true, true),
        (endpoint("https://contoso.blob.core.chinacloudapi.cn").into(), true, false),
        (own.with_authority("https://login.microsoftonline.us").unwrap().into(), false, true),
    ] {
        let error = policy().check(&cloud, &account).unwrap_err();
        assert_eq!(
            (error.endpoint().is_some(), error.authority().is_some()),
            (endpoint, authority)
        );
    }
    let china = policy().allow_endpoint("https://contoso.blob.core.chinacloudapi.cn").unwrap();
    let china = china.allow_authority("https://login.partner.microsoftonline.cn").unwrap();
    china.check(&Cloud::China, &account).unwrap();
}

#[test]
fn a_token_of_one_cloud_is_not_sent_to_another() {
    let account = "contoso".parse().unwrap();
    let clouds = [
        ("blob.core.windows.net", "login.microsoftonline.com", 0),
        ("z07.blob.storage.azure.net", "login.microsoftonline.com", 0),
        ("blob.core.usgovcloudapi.net", "login.microsoftonline.us", 1),
        ("blob.core.chinacloudapi.cn", "login.partner.microsoftonline.cn", 2),
        ("blob.core.chinacloudapi.cn", "login.chinacloudapi.cn", 2),
    ];
    for (domain, _, of) in clouds {
        let (origin, endpoint) =
            (format!("https://contoso.{domain}"), format!("https://contoso.{domain}/"));
        for (_, authority, by) in clouds {
            let authority = format!("https://{authority}");
            let custom = Endpoint::new(&endpoint).unwrap().with_authority(&authority).unwrap();
            let result = HostPolicy::azure().check(&custom.clone().into(), &account);
            assert_eq!(result.is_ok(), of == by, "{endpoint} {authority}");
            // The service can allow it explicitly.
            let policy = HostPolicy::azure().allow_endpoint(&origin).unwrap();
            policy.check(&custom.clone().into(), &account).unwrap();
            let policy = HostPolicy::azure().allow_authority(&authority).unwrap();
            policy.check(&custom.into(), &account).unwrap();
        }
        // The default authority is that of the public cloud.
        let custom = Endpoint::new(&endpoint).unwrap();
        let result = HostPolicy::azure().check(&custom.into(), &account);
        assert_eq!(result.is_ok(), of == 0, "{endpoint}");
    }
}

#[test]
fn a_host_of_azure_with_a_path_is_another_account() {
    let account = "contoso".parse().unwrap();
    for path in ["/other", "/other/", "//", "/%2e%2e/other", "/contoso"] {
        let endpoint = Endpoint::new(&format!("https://{ACCOUNT_HOST}{path}")).unwrap();
        let refused = HostPolicy::azure().check(&endpoint.into(), &account).unwrap_err();
        assert!(refused.to_string().contains("ConnectionBuilder::from_url"), "{refused}");
    }
}

#[test]
fn metadata_services_of_any_provider_are_never_allowed() {
    let policy = HostPolicy::azure().allow_private_addresses(ACCOUNT_HOST).unwrap();
    for ip in [
        "169.254.169.254",
        "168.63.129.16",
        "100.100.100.200",
        "::ffff:100.100.100.200",
        "fd00:ec2::254",
        "fd00:c1::a9fe:a9fe",
        "fd20:ce::254",
        "fe80::a9fe:a9fe",
    ] {
        let ip: IpAddr = ip.parse().unwrap();
        assert!(!policy.allows_address(ACCOUNT_HOST, ip), "{ip}");
        let origin = format!("https://{}", SocketAddr::new(ip, 443));
        HostPolicy::azure().allow_endpoint(&origin).unwrap_err();
    }
    for ip in ["100.100.100.201", "fd00:c2::1", "fd20:cf::1"] {
        assert!(policy.allows_address(ACCOUNT_HOST, ip.parse().unwrap()), "{ip}");
    }
}

#[test]
fn every_cloud_of_azure_is_allowed() {
    let zone = |n: u8| Cloud::DnsZone(n.try_into().unwrap());
    for cloud in [Cloud::Public, Cloud::UsGovernment, Cloud::China, zone(0), zone(50)] {
        let builder = Connection::builder("x").account("contoso").container("training");
        let connection = builder.cloud(cloud).build().unwrap();
        AzureStore::new(&connection, Credential::Anonymous).unwrap();
    }
}
