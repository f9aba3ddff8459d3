//! The integration tests. They are one binary, because each binary links the complete crate again.
//!
//! Each subject has a module; for example `cargo test --test it scan::` runs the tests of `scan`. All
//! modules share a process, so a test must not set environment variables, install a logger, a panic hook
//! or an allocator, or measure the process. A test that has to do so starts this program again as a
//! child for one case (see `memory`), or belongs to a binary of its own: `logs`, `malicious`,
//! `state_tampered` and `sync_kill`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod acceptance;
mod any_order;
mod audit;
mod az_cli;
mod azurite;
mod certificate;
mod condition;
mod condition_cli;
mod condition_limit;
mod condition_lint;
mod condition_oracle;
mod connection;
mod credentials;
mod credentials_here;
mod diagnosis;
mod downstream;
mod drift_watch;
mod environment;
mod examples;
mod failures;
mod filter;
mod filter_typed;
mod grant;
mod grant_terraform;
mod host_policy;
mod host_policy_check;
mod host_policy_wire;
mod http_client;
mod http_limits;
mod idle_stores;
mod layering;
mod lifecycle;
mod listing;
mod manual_clock;
mod many_names;
mod memory;
mod misplaced_names;
mod msrv;
mod observe;
mod page_decoder;
mod parallel;
mod preview;
mod probe;
mod probe_drift;
mod probe_external_store;
mod probe_hosts;
mod probe_wait;
mod proxy;
mod recordings;
mod resume;
mod rules;
mod scan;
mod scan_broken;
mod scan_clock;
mod scan_parts;
mod scan_pressure;
mod scan_token;
mod shards;
mod sink_conformance;
mod sinks;
mod sinks_files;
mod sinks_log;
mod sinks_parquet;
mod sinks_sqlite;
mod sinks_tools;
mod small_cloud;
mod small_cloud_access;
mod small_cloud_behavior;
mod small_cloud_cors;
mod small_cloud_recorded;
mod small_cloud_script;
mod small_cloud_wire;
mod state_conformance;
mod state_folder;
mod state_objects;
mod store_conformance;
mod stored;
mod sync;
mod sync_again;
mod sync_bounds;
mod sync_cancel;
mod sync_delta;
mod sync_ends;
mod sync_jobs;
mod sync_memory;
mod sync_rules;
mod sync_threads;
mod sync_watch;
mod verdicts;
mod view_links;

// Servers, stores, data and measurements that several tests share.
mod campaign;
mod client;
mod crafted_answers;
mod fairness;
mod object_store;
mod odd_store;
mod openssl;
mod oracle;
mod outage;
mod refused_port;
mod sample;
mod scripted_server;
mod scripted_store;
mod silence;
