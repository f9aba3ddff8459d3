//! A connection accepts the names and URLs that people type, and its errors explain what is wrong.

use std::error::Error;

use azure_asset_sync::{
    AccountName, Cloud, Connection, ConnectionBuilder, ConnectionName, ContainerName, Endpoint,
    Prefix, TenantId, cloud::DnsZone, connection::Warning, name::Field,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn names(kind: &str, list: &str) -> Vec<String> {
    let table: Value = serde_json::from_str(include_str!("../data/names.json")).unwrap();
    let names = table[kind][list].as_array().unwrap();
    names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn names_are_accepted_and_refused_as_the_tables_say() {
    for name in names("storage_account", "valid") {
        assert_eq!(name.parse::<AccountName>().unwrap().as_str(), name);
    }
    for name in names("storage_account", "invalid") {
        assert_eq!(name.parse::<AccountName>().unwrap_err().field(), Field::Account, "{name}");
    }
    for name in names("container", "valid") {
        assert_eq!(name.parse::<ContainerName>().unwrap().as_str(), name);
    }
    for name in names("container", "invalid") {
        assert_eq!(name.parse::<ContainerName>().unwrap_err().field(), Field::Container, "{name}");
    }
    for prefix in names("prefix", "valid") {
        assert_eq!(prefix.parse::<Prefix>().unwrap().as_str(), prefix);
    }
    for prefix in names("prefix", "invalid") {
        // One prefix is valid, and only suspicious together with its container: see the warnings.
        if !prefix.starts_with("mycontainer/") {
            assert_eq!(prefix.parse::<Prefix>().unwrap_err().field(), Field::Prefix, "{prefix}");
        }
    }
    for tenant in names("tenant_id", "invalid") {
        assert_eq!(tenant.parse::<TenantId>().unwrap_err().field(), Field::Tenant, "{tenant}");
    }
    for tenant in ["72f988bf-86f1-41af-91ab-2d7cd011db47", "contoso.onmicrosoft.com"] {
        assert_eq!(tenant.parse::<TenantId>().unwrap().as_str(), tenant);
    }
}

#[test]
fn an_error_suggests_what_was_probably_meant() {
    fn message_for<T: std::str::FromStr<Err = azure_asset_sync::InvalidName>>(
        text: &str,
    ) -> String {
        text.parse::<T>().err().unwrap().to_string()
    }
    let rows = [
        (message_for::<AccountName>("ContosoData"), "did you mean `contosodata`?"),
        (
            message_for::<AccountName>("https://contoso.blob.core.windows.net/c"),
            "probably `contoso`",
        ),
        (message_for::<AccountName>("contoso.blob.core.windows.net"), "probably `contoso`"),
        (message_for::<AccountName>("contoso "), "remove the blanks"),
        (message_for::<AccountName>(" Contoso\n"), "did you mean `contoso`?"),
        (message_for::<AccountName>("\"contoso\""), "did you mean `contoso`?"),
        (message_for::<AccountName>("\u{ff43}ontoso"), "did you mean `contoso`?"),
        (message_for::<AccountName>("contoso%20"), "did you mean `contoso`?"),
        (message_for::<AccountName>("Contoso.blob.core.windows.net"), "probably `contoso`"),
        (
            message_for::<AccountName>("ContosoVision2.blob.core.windows.net"),
            "probably `contosovision2`",
        ),
        (message_for::<TenantId>("Contoso365.onmicrosoft.com "), "remove the blanks"),
        (message_for::<AccountName>("IMG_Hall3_Camera1_20261130"), "`IMG_Hall3_Camera1_20261130`"),
        (
            message_for::<AccountName>("abfss://training@contoso.dfs.core.windows.net/"),
            "probably `contoso`",
        ),
        (
            message_for::<AccountName>("AccountName=contoso;EndpointSuffix=core.windows.net"),
            "probably `contoso`",
        ),
        (
            message_for::<AccountName>(
                "/subscriptions/x/providers/Microsoft.Storage/storageAccounts/contoso",
            ),
            "probably `contoso`",
        ),
        (message_for::<ContainerName>("my_container"), "did you mean `my-container`?"),
        (message_for::<ContainerName>("Hall 3"), "did you mean `hall-3`?"),
        (message_for::<ContainerName>("training%2F"), "did you mean `training`?"),
        (message_for::<TenantId>("contoso"), "did you mean `contoso.onmicrosoft.com`?"),
        (
            message_for::<TenantId>("{72f988bf-86f1-41af-91ab-2d7cd011db47}"),
            "did you mean `72f988bf-",
        ),
        (
            message_for::<TenantId>("https://login.microsoftonline.com/contoso.com/"),
            "probably `contoso.com`",
        ),
        (message_for::<ContainerName>("Training"), "did you mean `training`?"),
        (
            message_for::<ContainerName>("training/hall-3/"),
            "is probably `training` and the prefix `hall-3/`",
        ),
        (message_for::<ContainerName>("/training/"), "remove the slash: `training`"),
        (message_for::<ContainerName>("<YOUR_CONTAINER_NAME>"), "placeholder"),
        (
            message_for::<ContainerName>("https://a.blob.core.windows.net/c"),
            "ConnectionBuilder::from_url",
        ),
        (message_for::<Prefix>("images%2F2024%2f"), "did you mean `images/2024%2f`?"),
        (message_for::<Prefix>("*/x"), "must not contain wildcards"),
        (message_for::<TenantId>("common"), "Directory (tenant) ID"),
        (message_for::<ConnectionName>("  "), "blank"),
    ];
    for (message, hint) in rows {
        assert!(message.contains(hint), "{message}");
        assert!(!message.contains('\n') && !message.ends_with('.'), "{message}");
    }
}

#[test]
fn a_message_contains_no_signature_and_no_control_character() {
    let pasted = "https://u:pass@a.blob.core.windows.net/c?sv=1&sig=SECRET\u{1b}[31m\u{202e}";
    let problems = [
        pasted.parse::<AccountName>().unwrap_err(),
        pasted.parse::<ContainerName>().unwrap_err(),
        pasted.parse::<Prefix>().unwrap_err(),
        pasted.parse::<TenantId>().unwrap_err(),
        pasted.parse::<ConnectionName>().unwrap_err(),
        ConnectionBuilder::from_url(pasted).unwrap_err(),
        Endpoint::new(pasted).unwrap_err(),
        "\u{1b}[31m\u{202e}".parse::<AccountName>().unwrap_err(),
        // A signature without its `?`, and a connection string.
        "sv=2026-04-06&sp=rl&sig=SECRET".parse::<ContainerName>().unwrap_err(),
        ConnectionBuilder::from_url("sv=1&Sig=SECRET").unwrap_err(),
        "AccountName=contoso;AccountKey=SECRET;".parse::<AccountName>().unwrap_err(),
        "Account Key = SECRET".parse::<ContainerName>().unwrap_err(),
        "sv%3D2026-04-06%26sig%3DSECRET".parse::<AccountName>().unwrap_err(),
        "client_secret=SECRET".parse::<TenantId>().unwrap_err(),
        "https://user:SECRET@pass@host".parse::<AccountName>().unwrap_err(),
        "me@contoso https://u:SECRET@proxy".parse::<AccountName>().unwrap_err(),
        "user:SECRET@proxy:8080".parse::<AccountName>().unwrap_err(),
        "{\"password\": \"SECRET\"}".parse::<AccountName>().unwrap_err(),
        "client_secret: SECRET".parse::<ContainerName>().unwrap_err(),
        "AZURE_CLIENT_PASSWORD SECRET".parse::<ContainerName>().unwrap_err(),
        "--password SECRET".parse::<ContainerName>().unwrap_err(),
        "password%3DSECRET".parse::<AccountName>().unwrap_err(),
        "Bearer SECRET".parse::<AccountName>().unwrap_err(),
        "abcdefghij2klmnopqrst4uvwxyz6abcdefghij8klmnopqrSECRET"
            .parse::<AccountName>()
            .unwrap_err(),
        "hall-3?sv=1&sig=SECRET".parse::<Prefix>().unwrap_err(),
        ConnectionBuilder::from_url(
            "https://contoso.blob.core.windows.net/training/p%3Fsv=1&sig=SECRET",
        )
        .unwrap()
        .name("x")
        .build()
        .unwrap_err()
        .problems()[0]
            .clone(),
        // Plain secrets.
        "abC8Q~SECRETo4zxcvbnmasdfghjkl.qwerty12".parse::<TenantId>().unwrap_err(),
        "abC8Q~SECRETo4zxcvbnmasdfghjkl.qwerty12".parse::<ContainerName>().unwrap_err(),
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/SECRET=="
            .parse::<AccountName>()
            .unwrap_err(),
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.SECRET".parse::<AccountName>().unwrap_err(),
        "-----BEGIN PRIVATE KEY-----\nSECRET".parse::<TenantId>().unwrap_err(),
    ];
    for problem in problems {
        let text = format!("{problem} {problem:?}");
        for hidden in ["SECRET", "secreto4", "pass@", "\u{1b}", "\u{202e}"] {
            assert!(!text.contains(hidden), "{text}");
        }
    }
}

#[test]
fn build_reports_all_problems_at_once() {
    let error =
        Connection::builder("").account("A B").container("x").prefix("*").build().unwrap_err();
    let fields: Vec<_> = error.problems().iter().map(|problem| problem.field()).collect();
    assert_eq!(fields, [Field::ConnectionName, Field::Account, Field::Container, Field::Prefix]);
    assert_eq!(error.to_string().matches("is not valid").count(), 4);
}

fn connection(cloud: Cloud) -> Connection {
    Connection::builder("x").account("contoso").container("training").cloud(cloud).build().unwrap()
}

#[test]
fn each_cloud_has_its_endpoint_and_authority() -> Result<(), Box<dyn Error>> {
    let clouds: Value = serde_json::from_str(include_str!("../data/clouds.json"))?;
    for (id, cloud) in
        [("public", Cloud::Public), ("usgov", Cloud::UsGovernment), ("china", Cloud::China)]
    {
        let row = clouds["clouds"].as_array().unwrap().iter().find(|row| row["id"] == id).unwrap();
        let url = connection(cloud.clone()).container_url();
        let suffix = row["blob_suffix"].as_str().unwrap();
        assert_eq!(url.as_str(), format!("https://contoso.{suffix}/training"));
        assert_eq!(cloud.authority().trim_end_matches('/'), row["authority"].as_str().unwrap());
    }
    let zone = Cloud::DnsZone(DnsZone::try_from(7)?);
    assert_eq!(
        connection(zone).container_url().as_str(),
        "https://contoso.z07.blob.storage.azure.net/training"
    );
    assert!(DnsZone::try_from(51).is_err());
    for endpoint in ["https://127.0.0.1:1/contoso", "https://127.0.0.1:1/contoso/"] {
        let url = connection(Endpoint::new(endpoint)?.into()).container_url();
        assert_eq!(url.as_str(), "https://127.0.0.1:1/contoso/training");
    }
    Ok(())
}

#[test]
fn a_text_of_any_length_is_refused_with_a_short_message() {
    let long = "x".repeat(8 << 20);
    let with = |field: &str, value: &str| {
        let mut form = serde_json::json!({
            "name": "hall 3", "account": "contoso", "container": "training",
            "cloud": { "custom": { "endpoint": "https://x.test" } },
        });
        match field {
            "endpoint" | "authority" => form["cloud"]["custom"][field] = value.into(),
            _ => form[field] = value.into(),
        }
        serde_json::from_value::<Connection>(form)
    };
    for (field, value) in [
        ("name", long.clone()),
        ("account", long.clone()),
        ("account", format!("{long}.blob.core.windows.net")),
        ("container", long.clone()),
        ("container", format!("training/{long}")),
        ("prefix", long.clone()),
        ("tenant", long.clone()),
        ("tenant", format!("contoso.{long}")),
        ("endpoint", format!("https://{long}")),
        ("endpoint", format!("https://x.test/{long}")),
        ("authority", format!("https://{long}")),
    ] {
        let message = with(field, &value).unwrap_err().to_string();
        assert!(message.len() < 600, "{field}: {} bytes", message.len());
    }
    let message = ConnectionBuilder::from_url(&format!("https://{long}")).unwrap_err().to_string();
    assert!(message.contains("at most 32 KiB") && message.len() < 600, "{message}");
}

#[test]
fn the_longest_values_are_taken_and_one_more_byte_is_refused() {
    let host = format!("{0}.{0}.{0}.{1}", "x".repeat(63), "x".repeat(61));
    assert_eq!(host.len(), 253);
    let url = |length: usize| {
        let start = format!("https://{host}/");
        format!("{start}{}", "x".repeat(length - start.len()))
    };
    assert!(Endpoint::new(&url(2048)).is_ok());
    let error = Endpoint::new(&url(2049)).unwrap_err();
    assert_eq!((error.field(), error.rule()), (Field::Cloud, "it must have at most 2048 bytes"));
    // Too long for a DNS name, and for a label of one.
    for host in [format!("x{host}"), "x".repeat(64)] {
        let error = Endpoint::new(&format!("https://{host}")).unwrap_err();
        assert!(error.rule().contains("DNS name"), "{error}");
    }
    let endpoint = Endpoint::new("https://x.test").unwrap();
    let long = format!("https://x.test/?{}", "x".repeat(2048));
    assert!(endpoint.with_authority(&long).unwrap_err().rule().contains("2048 bytes"));
    // Characters of four bytes count as one.
    for (name, is_taken) in [("\u{1f3ed}".repeat(128), true), ("\u{1f3ed}".repeat(129), false)] {
        assert_eq!(ConnectionName::try_from(name).is_ok(), is_taken);
    }
    for (prefix, is_taken) in [("\u{1f3ed}".repeat(1024), true), ("\u{1f3ed}".repeat(1025), false)]
    {
        assert_eq!(Prefix::try_from(prefix).is_ok(), is_taken);
    }
    // The longest prefix, percent-encoded, is shorter than a pasted URL may be.
    let prefix = format!("{}/", "\u{1f3ed}".repeat(1023));
    let encoded = "%F0%9F%8F%AD".repeat(1023);
    let url = format!("https://contoso.blob.core.windows.net/training/{encoded}/");
    let connection = ConnectionBuilder::from_url(&url).unwrap().name("x").build().unwrap();
    assert_eq!(connection.prefix().as_str(), prefix);
}

#[test]
fn an_endpoint_with_a_credential_or_without_tls_for_secrets_is_refused() {
    for bad in ["ftp://x/", "https://u:p@x/", "https://x/?sig=1", "https://x/#f", "x"] {
        assert!(Endpoint::new(bad).is_err(), "{bad}");
    }
    assert!(Endpoint::new("http://127.0.0.1:10000/devstoreaccount1").is_ok());
    assert!(Endpoint::new("https://x/").unwrap().with_authority("http://login/").is_err());
    // The SDK would drop the path with the tenant in it.
    let with_path =
        Endpoint::new("https://x/").unwrap().with_authority("https://login.test/contoso");
    assert!(with_path.unwrap_err().to_string().contains("must not have a path"));
}

#[test]
fn a_container_url_becomes_a_connection() {
    let rows = [
        ("https://contoso.blob.core.windows.net/training", Cloud::Public, ""),
        ("https://contoso.blob.core.windows.net/training/", Cloud::Public, ""),
        ("https://contoso-secondary.blob.core.windows.net/training", Cloud::Public, ""),
        ("https://contoso.dfs.core.windows.net/training/a/", Cloud::Public, "a/"),
        (" <https://contoso.blob.core.windows.net/training/a/> \n", Cloud::Public, "a/"),
        ("\u{201c}https://Contoso.Blob.Core.Windows.Net/training\u{201d}", Cloud::Public, ""),
        ("https://contoso.privatelink.blob.core.windows.net/training", Cloud::Public, ""),
        ("abfss://training@contoso.dfs.core.windows.net/a/", Cloud::Public, "a/"),
        ("wasbs://training@contoso.blob.core.usgovcloudapi.net", Cloud::UsGovernment, ""),
        (
            "https://contoso.blob.core.windows.net/training?restype=container&amp;comp=list&amp;prefix=a%2Fb",
            Cloud::Public,
            "a/b",
        ),
        (
            "https://portal.azure.com/#view/Microsoft_Azure_Storage/ContainerMenuBlade/~/overview/storageAccountId/%2Fsubscriptions%2F1%2FresourceGroups%2Fg%2Fproviders%2FMicrosoft.Storage%2FstorageAccounts%2Fcontoso/path/training/etag/%220x8D%22/defaultId//publicAccessVal/None",
            Cloud::Public,
            "",
        ),
        ("https://contoso.blob.core.usgovcloudapi.net/training", Cloud::UsGovernment, ""),
        ("https://contoso.blob.core.chinacloudapi.cn/training", Cloud::China, ""),
        (
            "https://contoso.z07.blob.storage.azure.net/training/donn%C3%A9es%202024/",
            Cloud::DnsZone(7.try_into().unwrap()),
            "donn\u{e9}es 2024/",
        ),
    ];
    for (url, cloud, prefix) in rows {
        let connection = ConnectionBuilder::from_url(url).unwrap().name("x").build().unwrap();
        assert_eq!(connection.account().as_str(), "contoso");
        assert_eq!(connection.container().as_str(), "training");
        assert_eq!((connection.cloud(), connection.prefix().as_str()), (&cloud, prefix), "{url}");
    }
    let reasons = [
        ("https://contoso.blob.core.windows.net/", "of an account, not of a container"),
        ("https://contoso.blob.core.windows.net/?comp=list", "of an account, not of a container"),
        ("https://contoso.file.core.windows.net/share", "Azure Files"),
        ("https://contoso.z6.web.core.windows.net/", "`$web` of the account `contoso`"),
        ("az://training/a/", "does not name the account"),
        (
            "https://contoso.blob.core.windows.net/training?sv=1&amp;sig=x",
            "shared access signature",
        ),
        ("https://contoso.blob.core.windows.net/training?versionid=1", "not that of a listing"),
        (
            "https://portal.azure.com/#@contoso.com/resource/subscriptions/1/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/contoso/containersList",
            "page of an account",
        ),
        ("https://portal.azure.com/#home", "names no container"),
    ];
    for (bad, reason) in reasons {
        let message = ConnectionBuilder::from_url(bad).unwrap_err().to_string();
        assert!(message.contains(reason), "{message}");
    }
    for bad in [
        "training",
        "https://example.com/training",
        "http://contoso.blob.core.windows.net/training",
        "https://contoso.blob.core.windows.net:8443/training",
        "https://contoso.blob.core.windows.net.evil.example/training",
        "https://contoso.blob.core.windows.net/training?sig=x",
        "https://contoso.blob.core.windows.net/%FF",
    ] {
        assert_eq!(ConnectionBuilder::from_url(bad).unwrap_err().field(), Field::Url, "{bad}");
    }
}

#[test]
fn json_round_trips_a_connection_and_unknown_fields_are_refused() {
    let full = json!({
        "name": "hall 3", "account": "contoso", "container": "training", "prefix": "a/",
        "cloud": {"custom": {"endpoint": "https://127.0.0.1:1/contoso", "authority": "https://localhost:2/"}},
        "tenant": "contoso.onmicrosoft.com",
    });
    let connection: Connection = serde_json::from_value(full.clone()).unwrap();
    assert_eq!(serde_json::to_value(&connection).unwrap(), full);

    let least = json!({"name": "x", "account": "contoso", "container": "training"});
    let connection: Connection = serde_json::from_value(least).unwrap();
    assert_eq!(connection.cloud(), &Cloud::Public);
    let zone =
        json!({"name": "x", "account": "contoso", "container": "abc", "cloud": {"dns_zone": 5}});
    assert!(serde_json::from_value::<Connection>(zone).is_ok());

    for bad in [
        json!({"name": "x", "account": "contoso", "container": "training", "secret": "y"}),
        json!({"name": "x", "account": "contoso"}),
        json!({"name": "x", "account": "CONTOSO", "container": "training"}),
        json!({"name": "x", "account": "contoso", "container": "abc", "cloud": "germany"}),
        json!({"name": "x", "account": "contoso", "container": "abc", "cloud": {"dns_zone": 51}}),
        json!({"name": "x", "account": "contoso", "container": "abc", "cloud": {"custom": {"endpoint": "https://x/", "key": "y"}}}),
    ] {
        assert!(serde_json::from_value::<Connection>(bad.clone()).is_err(), "{bad}");
    }
}

#[test]
fn valid_values_that_are_rarely_intended_cause_warnings() {
    let of = |prefix: &str| {
        let builder = Connection::builder("x").account("contoso").container("training");
        builder.prefix(prefix).build().unwrap().warnings()
    };
    assert_eq!(of(""), []);
    assert_eq!(of("images/"), []);
    let [warning] = &of("images")[..] else { panic!() };
    assert!(matches!(warning, Warning::PrefixWithoutSlash { .. }));
    assert!(warning.to_string().contains("`images-old/a.jpg`"), "{warning}");
    assert!(matches!(of("/images/")[..], [Warning::PrefixWithLeadingSlash { .. }]));
    assert!(matches!(of("training/images/")[..], [Warning::PrefixRepeatsContainer { .. }]));
}

proptest! {
    #[test]
    fn the_url_of_a_blob_contains_its_name(name in "\\PC{1,40}|[./%?# a\\\\\t\n]{1,12}") {
        let connection = connection(Cloud::Public);
        let url = connection.blob_url(&name);
        if name.split('/').any(|segment| segment == "." || segment == "..") {
            prop_assert_eq!(url, None);
        } else {
            let url = url.unwrap();
            let path = url.path().strip_prefix("/training/").unwrap();
            let decoded = percent_encoding::percent_decode_str(path).decode_utf8().unwrap();
            prop_assert_eq!(decoded, name);
            prop_assert_eq!(url.query(), None);
        }
    }

    #[test]
    fn no_text_makes_a_name_panic(text in "\\PC{0,200}") {
        let _ = text.parse::<AccountName>();
        let _ = text.parse::<ContainerName>();
        let _ = text.parse::<Prefix>();
        let _ = text.parse::<TenantId>();
        let _ = ConnectionBuilder::from_url(&text);
        let _ = Endpoint::new(&text);
    }
}
