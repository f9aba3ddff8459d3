//! A value of each type that a service stores or sends.

use std::{
    fmt::Debug,
    time::{Duration, SystemTime},
};

use azure_asset_sync::{
    AccountName, Blob, Cloud, Connection, ConnectionBuilder, ContainerName, Endpoint, Error,
    Health, HostPolicy, Job, MemoryStore, OwnerMarker, Prefix, Preview, Probe, Reason, Rules, Scan,
    Store, TenantId,
    condition::{Condition, Limit, Lint, Request, Role, ScopeLevel, Severity},
    grant::{Audit, Form, Grant, Shape},
    lifecycle::{Event, State},
    probe::{Cause, Check, Diagnosis, Drift, DriftWatch, WaitEvent, WaitOutcome},
    scan::Shard,
    sink::{Change, Removal, RunId},
    store::{
        AccessTier, BlobType, ContentMd5, ETag, ListRequest, NameOrder, Page, ReadRequest, Text,
        Unreadable,
    },
    sync::{Outcome, Phase, Summary},
    testing::TestDisk,
    validate::{Action, Filter, Format, Kind},
};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

/// What everything that a service stores or sends can do.
pub(super) trait Sample: Serialize + DeserializeOwned + Debug {}

impl<T: Serialize + DeserializeOwned + Debug> Sample for T {}

/// Takes the samples, one after the other.
pub(super) trait Visit {
    /// Takes a value that services store or send, whose file has this name.
    fn sample<T: Sample>(&mut self, name: &str, value: &T);

    /// Takes a value that people or configurations write.
    fn typed<T: Sample>(&mut self, name: &str, value: &T);
}

/// 2026-11-24T08:49:37.25Z.
fn time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_510_177)
}

/// A blob with every property.
fn full_blob() -> Blob {
    let mut blob = Blob::new("hall-3/IMG 0001 .jpg", 48_000);
    blob.etag = Some(ETag::from("0x8DD0C7A1B2C3D4E"));
    blob.last_modified = Some(time());
    blob.created = Some(time());
    blob.content_type = Some("image/jpeg".into());
    blob.content_encoding = Some(Text::from("gzip"));
    blob.content_md5 = Some(ContentMd5::from([7; 16]));
    blob.blob_type = Some(BlobType::Block);
    blob.access_tier = Some(AccessTier::Cool);
    blob.version_id = Some(Text::from("2026-11-24T08:49:37.1234567Z"));
    blob.is_current_version = Some(true);
    blob.metadata = [("camera", "7"), ("hdi_isfolder", "false")].into_iter().collect();
    blob
}

fn memory(names: &[&str]) -> MemoryStore {
    names.iter().map(|name| Blob::new(*name, 300)).collect()
}

fn scan(names: &[&str]) -> Scan {
    Scan::new(memory(names), &Prefix::default())
}

fn connection() -> Connection {
    connection_of("hall-3/")
}

fn connection_of(prefix: &str) -> Connection {
    let builder = Connection::builder("hall 3").account("contosovision").container("training");
    builder.prefix(prefix).tenant("66666666-6666-4666-8666-666666666666").build().unwrap()
}

/// A store that refuses every request.
struct Denied;

#[async_trait::async_trait]
impl Store for Denied {
    async fn list(&self, _: ListRequest) -> Result<Page, Error> {
        Err(Error::from_response(403, Some("AuthorizationPermissionMismatch"))
            .with_request_id("3f25a1b2-0000-0000-0000-000000000000"))
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        Err(Error::from_response(403, Some("AuthorizationPermissionMismatch")))
    }
}

/// Calls the visitor with a value of each type.
pub(super) async fn visit(visitor: &mut impl Visit) {
    codes(visitor);
    connections(visitor);
    blobs(visitor);
    probes(visitor).await;
    scans(visitor).await;
    syncs(visitor).await;
}

fn codes(visitor: &mut impl Visit) {
    visitor.sample("states", &State::ALL.to_vec());
    visitor.sample("events", &Event::ALL.to_vec());
    visitor.sample("reasons", &Reason::ALL.to_vec());
    visitor.sample("causes", &Cause::ALL.to_vec());
    visitor.sample("checks", &Check::ALL.to_vec());
    visitor.sample("kinds", &vec![Kind::Image, Kind::Video]);
    visitor.sample(
        "unreadable",
        &vec![
            Unreadable::Deleted,
            Unreadable::NoCurrentVersion,
            Unreadable::CustomerKey,
            Unreadable::Rehydrating,
            Unreadable::CopyIncomplete,
            Unreadable::IncrementalCopy,
        ],
    );
    visitor.typed(
        "orders",
        &vec![
            NameOrder::Bytes,
            NameOrder::Utf16,
            NameOrder::Segments,
            NameOrder::SegmentsUtf16,
            NameOrder::Unsorted,
        ],
    );
    visitor.sample(
        "phases",
        &vec![
            Phase::Opening,
            Phase::Listing,
            Phase::Sorting,
            Phase::Paused,
            Phase::Removing,
            Phase::Finishing,
            Phase::Ended,
            Phase::Failed,
        ],
    );
    visitor.sample("severities", &vec![Severity::Note, Severity::Warning, Severity::Error]);
    visitor.typed(
        "roles",
        &vec![
            Role::BlobDataReader,
            Role::BlobDataContributor,
            Role::BlobDataOwner,
            Role::BlobDelegator,
        ],
    );
    visitor.typed(
        "scope_levels",
        &vec![
            ScopeLevel::Container,
            ScopeLevel::Account,
            ScopeLevel::ResourceGroup,
            ScopeLevel::Subscription,
            ScopeLevel::ManagementGroup,
        ],
    );
}

fn connections(visitor: &mut impl Visit) {
    visitor.typed("connection", &connection());
    let typed = ConnectionBuilder::new("hall 3").account("contosovision").container("training");
    visitor.typed("connection_builder", &typed);
    let endpoint = Endpoint::new("https://127.0.0.1:10000/devstoreaccount1").unwrap();
    visitor.typed("endpoint", &endpoint);
    visitor.typed(
        "clouds",
        &vec![
            Cloud::Public,
            Cloud::UsGovernment,
            Cloud::China,
            Cloud::DnsZone(34.try_into().unwrap()),
            endpoint.with_authority("https://login.contoso.com").unwrap().into(),
        ],
    );
    visitor.typed("account_name", &"contosovision".parse::<AccountName>().unwrap());
    visitor.typed("container_name", &"training".parse::<ContainerName>().unwrap());
    visitor.typed("tenant_id", &"contoso.onmicrosoft.com".parse::<TenantId>().unwrap());
    let filter = Filter::builder()
        .include("hall-3/**")
        .exclude_regex("-thumb")
        .ignore_case()
        .min_size(10)
        .modified_since(time())
        .kind(Kind::Image)
        .format("jpg");
    visitor.typed("filter_builder", &filter);
    visitor.typed("filter", &filter.build().unwrap());
    let request = Request::new("a/read").suboperation("Blob.List").request("UtcNow", "2026-11-24");
    visitor.typed("request", &request);
    let text = "SubOperationMatches{'Blob.List'}";
    visitor.typed("condition", &text.parse::<Condition>().unwrap());
    let limit = Limit::container(connection().container())
        .or_place(&"archive".parse().unwrap(), &"hall-4/".parse().unwrap())
        .current_versions_only()
        .until(time());
    visitor.typed("limit", &limit);
    let lint =
        Lint::new().role(Role::BlobDataReader).scope(ScopeLevel::Account).azure_cli("2.60.0");
    visitor.typed("lint", &lint);
    visitor.sample(
        "lint_findings",
        &lint.check("ActionMatches{'*/read'} and Exists @Request[UtcNow]"),
    );
    visitor.sample("warnings", &connection_of("/training").warnings());
    let policy = HostPolicy::public_cloud().allow_endpoint("https://127.0.0.1:10000").unwrap();
    let policy = policy.allow_private_addresses("contoso.blob.core.windows.net").unwrap();
    visitor.typed("host_policy", &policy);
    grants(visitor, limit);
    let marker = "0123456789abcdef0123456789abcdef";
    let marker: Result<OwnerMarker, _> = serde_json::from_value(marker.into());
    visitor.typed("owner_marker", &marker.unwrap_or_else(|_| OwnerMarker::generate().unwrap()));
    let mut shard = Shard::new(&"hall-3/".parse().unwrap());
    shard.after = Some("hall-3/a.jpg".into());
    shard.order = Some(NameOrder::Utf16);
    visitor.typed("shard", &shard);
}

fn grants(visitor: &mut impl Visit, limit: Limit) {
    let builder = |prefix| {
        Grant::builder(&connection_of(prefix))
            .subscription("11111111-2222-3333-4444-555555555555")
            .resource_group("vision")
            .application("99999999-8888-7777-6666-555555555555")
            .shape(Shape::ContainerAndDelegator)
    };
    let grant = builder("hall-3/").build().unwrap();
    visitor.sample("audit", &grant.audit());
    visitor.sample(
        "audit_may",
        &Audit::of_condition(
            &connection(),
            &"@Environment[isPrivateLink] BoolEquals true".parse().unwrap(),
        ),
    );
    visitor.sample("role_assignments", &grant.assignments().to_vec());
    visitor.sample("pack", &grant.pack(Form::Bicep).unwrap());
    visitor.typed("grant", &grant);
    let full = builder("hall-4/")
        .also(&connection())
        .principal("88888888-7777-6666-5555-444444444444")
        .origin("https://app.contoso.com")
        .limit(limit)
        .replaces(&grant);
    visitor.typed("grant_builder", &full);
    visitor.typed("grant_full", &full.build().unwrap());
}

fn blobs(visitor: &mut impl Visit) {
    let run: RunId = "000102030405060708090a0b0c0d0e0f".parse().unwrap();
    visitor.sample("run_id", &run);
    visitor.sample("blob", &full_blob());
    let mut deleted = Blob::new("a/", 0);
    deleted.is_directory = true;
    deleted.unreadable = Some(Unreadable::Deleted);
    deleted.snapshot = Some(Text::from("2026-11-24T08:49:37.1234567Z"));
    deleted.access_tier = Some(AccessTier::from("P10"));
    visitor.sample("blob_deleted", &deleted);
    let rules = Rules::default().accept(Format::new("dcm", Kind::Image, "application/dicom"));
    visitor.typed("rules_default", &Rules::default());
    let rules = rules
        .refuse("gif")
        .max_size(Kind::Image, 1 << 30)
        .on(Reason::TypeMismatch, Action::Note)
        .filter(Filter::builder().exclude("**/thumbs/**").build().unwrap());
    visitor.typed("rules", &rules);
    let accepted = rules.check(full_blob());
    visitor.sample("verdict_accepted", &accepted);
    let asset = accepted.asset().unwrap().clone();
    visitor.sample("asset", &asset);
    visitor.sample("findings", &asset.findings);
    let rejected = rules.check(deleted);
    visitor.sample("verdict_rejected", &rejected);
    visitor.sample("rejection", rejected.rejection().unwrap());
    let mut removal = Removal::of(&full_blob(), Kind::Image);
    removal.moved_to = Some("hall-4/a.jpg".into());
    visitor.sample("removal", &removal);
    visitor.sample(
        "changes",
        &vec![
            Change::Added(asset.clone()),
            Change::Changed(asset.clone()),
            Change::Restored(asset),
            Change::Removed(removal),
            Change::from(rejected),
        ],
    );
}

async fn probes(visitor: &mut impl Visit) {
    let ready = Probe::of_store(&connection(), memory(&["hall-3/a.jpg"])).run().await;
    visitor.sample("health_ready", &ready);
    let denied = Probe::of_store(&connection(), Denied).run().await;
    visitor.sample("health_denied", &denied);
    let mut json = serde_json::to_value(&denied).unwrap();
    json["tenant"] = "66666666-6666-4666-8666-666666666666".into();
    json["public"] = false.into();
    json["privileges"] = serde_json::json!({
        "shape": "account_unlimited", "wider": ["other_list"], "unknown": ["outside_prefix"]
    });
    let full: Health = serde_json::from_value(json).unwrap();
    visitor.sample("health_privileges", &full);
    let error = Error::from_response(403, Some("AuthorizationFailure")).with_request_id("3f25");
    let diagnosis = Diagnosis::of(&error);
    visitor.sample("diagnosis", &diagnosis);
    visitor.sample(
        "drifts",
        &vec![
            Drift::AnotherContainer,
            Drift::RoleGone,
            Drift::Broken(Check::List),
            Drift::Mended(Check::Read),
            Drift::Broadened(Check::OtherList),
            Drift::Narrowed(Check::OutsidePrefix),
            Drift::ConditionLost,
            Drift::CorsLost,
            Drift::ContainerPublic,
            Drift::ContainerPrivate,
            Drift::TenantChanged,
            Drift::PrincipalChanged,
        ],
    );
    let mut watch = DriftWatch::new(ready.clone());
    watch.observe(&denied);
    visitor.sample("drift_watch", &watch);
    waits(visitor, &denied, &diagnosis);
}

fn waits(visitor: &mut impl Visit, health: &Health, diagnosis: &Diagnosis) {
    let outcome: WaitOutcome = serde_json::from_value(serde_json::json!({
        "reason": "unconfirmed", "health": health, "attempts": 7, "elapsed_ms": 61_500
    }))
    .unwrap();
    visitor.sample("wait_outcome", &outcome);
    let retrying: WaitEvent = serde_json::from_value(serde_json::json!({
        "event": "retrying", "attempt": 2, "successes": 0, "needed": 20, "next_in_ms": 4_000,
        "left_ms": 590_000, "tier": "usual", "diagnosis": diagnosis
    }))
    .unwrap();
    let checked = WaitEvent::Checked(health.checks[0].clone());
    visitor.sample("wait_events", &vec![checked, retrying, WaitEvent::Ended(Box::new(outcome))]);
}

async fn scans(visitor: &mut impl Visit) {
    let names = ["hall-1/a.jpg", "hall-1/A.jpg", "hall-2/b.mp4", "notes.txt", "hall-2/ x.png"];
    let report = Preview::new(scan(&names)).price(0.05).quota(|_| 1).run().await.unwrap();
    visitor.sample("report", &report.counts);
    visitor.sample("preview", &report);
    let names: Vec<_> = (0..6_000).map(|n| format!("{n:05}.jpg")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let limit = azure_asset_sync::preview::StopAfter::Blobs(10);
    let stopped = Preview::new(scan(&names)).stop_after(limit).run().await.unwrap();
    visitor.sample("preview_stopped", &stopped);
    let none = Scan::new(memory(&["hall-3/a.jpg"]), &"Hall-3/".parse().unwrap());
    visitor.sample("preview_nearest", &Preview::new(none).run().await.unwrap());
}

async fn syncs(visitor: &mut impl Visit) {
    let disk = TestDisk::new(10);
    let many: Vec<_> = (0..10).map(|n| format!("{n}.jpg")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let complete = disk.job(scan(&many)).run(()).await.unwrap();
    visitor.sample("counts", &complete.counts);
    visitor.sample("summary_complete", &complete);
    let withheld = disk.job(scan(&["a.jpg", "b.txt"])).run(()).await.unwrap();
    visitor.sample("summary_withheld", &withheld);
    let mut json = serde_json::to_value(&withheld).unwrap();
    json["ending"] = "cancelled".into();
    json["listed"] = serde_json::Value::Null;
    let cancelled: Summary = serde_json::from_value(json).unwrap();
    visitor.sample("summary_cancelled", &cancelled);
    let folder = tempfile::tempdir().unwrap();
    let handle = Job::new(scan(&many), folder.path()).start(());
    visitor.sample("status_opening", &handle.status());
    while !handle.has_ended() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    visitor.sample("status_ended", &handle.status());
    visitor.sample(
        "outcomes",
        &vec![
            handle.wait().await,
            Outcome::Cancelled { summary: None },
            Outcome::Failed { error: Error::from_response(503, Some("ServerBusy")) },
            Outcome::Panicked { message: "index out of bounds".to_owned() },
            Outcome::Aborted,
        ],
    );
}
