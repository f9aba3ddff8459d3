//! No error, report or log contains a secret, whatever an authority, a blob service and the network do
//! with it.
//!
//! For a longer campaign: `CASES=10000 cargo test --test logs probe_secrets::`.

mod cases;

use std::collections::{BTreeMap, BTreeSet};

use azure_asset_sync::{
    Error, ErrorKind, observe,
    probe::{Check, Checked, Diagnosis, Health, Outcome, WaitEvent},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use self::cases::Stage;
use crate::{capture, openssl, silence};

/// Counts the outcomes of the cases.
#[derive(Default)]
pub struct Tally {
    kinds: BTreeMap<&'static str, u64>,
    causes: BTreeMap<String, u64>,
    /// The number of errors, and of checks that did not pass.
    provoked: u64,
    /// The number of successful calls, and of checks that passed.
    good: u64,
    /// All printable forms of the outcomes since the last search.
    shown: String,
    /// The signatures of the created links.
    signatures: BTreeSet<String>,
}

impl Tally {
    fn show(&mut self, text: impl std::fmt::Display) {
        self.shown.push_str(&text.to_string());
        self.shown.push('\n');
    }

    pub fn debug(&mut self, value: &dyn std::fmt::Debug) {
        self.show(format_args!("{value:?} {value:#?}"));
    }

    pub fn result<T: std::fmt::Debug>(&mut self, check: Check, result: Result<T, Error>) {
        let error = match result {
            Ok(value) => {
                self.good += 1;
                return self.debug(&value);
            }
            Err(error) => error,
        };
        self.provoked += 1;
        *self.kinds.entry(error.kind().as_str()).or_default() += 1;
        self.debug(&error);
        let mut next: Option<&dyn std::error::Error> = Some(&error);
        while let Some(cause) = next {
            self.show(format_args!("{cause} {cause:?}"));
            next = cause.source();
        }
        self.diagnosis(&Diagnosis::at(check, &error));
        self.diagnosis(&Diagnosis::of(&error));
    }

    fn diagnosis(&mut self, diagnosis: &Diagnosis) {
        *self.causes.entry(diagnosis.cause.to_string()).or_default() += 1;
        self.show(diagnosis);
        self.debug(diagnosis);
        self.show(serde_json::to_string(diagnosis).unwrap());
    }

    fn checked(&mut self, checked: &Checked) {
        match checked.outcome {
            Outcome::Passed => self.good += 1,
            _ => {
                self.provoked += u64::from(checked.diagnosis.is_some());
                checked.diagnosis.iter().for_each(|diagnosis| self.diagnosis(diagnosis));
            }
        }
        self.show(checked);
        self.debug(checked);
        self.show(serde_json::to_string(checked).unwrap());
    }

    pub fn health(&mut self, health: &Health) {
        health.checks.iter().for_each(|checked| self.checked(checked));
        health.diagnosis.iter().for_each(|diagnosis| self.diagnosis(diagnosis));
        self.show(health);
        self.debug(health);
        self.show(serde_json::to_string(health).unwrap());
    }

    pub fn event(&mut self, event: &WaitEvent) {
        self.debug(event);
        self.show(serde_json::to_string(event).unwrap());
        match event {
            WaitEvent::Checked(checked) => self.checked(checked),
            WaitEvent::Retrying(again) => self.show(again),
            WaitEvent::Ended(ended) => self.health(&ended.health),
            _ => panic!("the test does not know the event {event:?}"),
        }
    }
}

/// Returns the texts that would reveal a secret: its start and its end, plain and in the usual encodings.
fn canaries(secret: &str) -> BTreeSet<String> {
    let decoded = percent_decode_str(secret).decode_utf8_lossy().into_owned();
    let mut found = BTreeSet::new();
    for plain in [secret, &decoded] {
        for form in [
            plain.to_owned(),
            utf8_percent_encode(plain, NON_ALPHANUMERIC).to_string(),
            STANDARD.encode(plain).trim_end_matches('=').to_owned(),
            URL_SAFE_NO_PAD.encode(plain),
        ] {
            let most = form.len().min(24);
            // All tokens start with the same header, so the end is searched for, too.
            found.insert(form[..most].to_owned());
            found.insert(form[form.len() - most..].to_owned());
        }
    }
    found
}

/// Panics if the text contains one of the secrets, and shows the text around it.
fn look_through(text: &str, secrets: &BTreeSet<String>, what: &str) {
    for secret in secrets {
        for canary in canaries(secret) {
            if let Some(at) = text.find(&canary) {
                let start = (0..=at.saturating_sub(300)).rev().find(|n| text.is_char_boundary(*n));
                panic!("{what}: `{canary}` in {}", &text[start.unwrap()..at + canary.len()]);
            }
        }
    }
}

#[test]
fn a_leak_would_be_found() {
    let secret = "q8Q~abc/def+ghi=jklmnopqrstuvwxyz";
    let secrets = BTreeSet::from([secret.to_owned()]);
    let caught = |text: String| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let caught = std::panic::catch_unwind(|| look_through(&text, &secrets, "")).is_err();
        std::panic::set_hook(hook);
        caught
    };
    assert!(caught(format!("request {secret} failed")));
    assert!(caught(format!("sig={}", utf8_percent_encode(secret, NON_ALPHANUMERIC))));
    assert!(caught(format!("\u{e9} {}", STANDARD.encode(secret))));
    assert!(!caught("nothing of it".to_owned()));
}

#[test]
fn no_secret_is_in_any_error_report_or_log() {
    let cases = std::env::var("CASES").map_or(250, |cases| cases.parse().unwrap());
    let _log = capture::start();
    let pem = openssl::make(&["-newkey", "rsa:2048"]);
    silence::run(campaign(cases, pem));
}

async fn campaign(cases: u64, pem: (String, String)) {
    let mut tally = Tally::default();
    let (mut logged, mut emitted) = (0, BTreeSet::new());
    let mut stage = Stage::new(0, &pem).await;
    for case in 0..cases {
        // A new stage for every 50 cases, so that its tokens and its log stay small.
        if case % 50 == 0 {
            stage = Stage::new(case, &pem).await;
        }
        let what = stage.play(case, &mut tally).await;
        let mut secrets = stage.secrets();
        secrets.extend(tally.signatures.iter().cloned());
        look_through(&std::mem::take(&mut tally.shown), &secrets, &format!("case {case}, {what}"));
        let log = capture::take();
        logged += log.len();
        // The spans and events of this crate are among what was searched.
        let own = log.lines().filter(|line| line.split(' ').nth(1) == Some(observe::TARGET));
        emitted.extend(own.filter_map(|line| line.split(' ').nth(2)).map(str::to_owned));
        look_through(&log, &secrets, &format!("the log of case {case}, {what}"));
    }
    println!(
        "{cases} cases: {} errors and failed checks, {} good ones, {logged} bytes of log",
        tally.provoked, tally.good,
    );
    println!("{} kinds: {:?}", tally.kinds.len(), tally.kinds);
    println!("{} causes: {:?}", tally.causes.len(), tally.causes);
    assert!(tally.provoked >= cases && tally.good > 0);
    println!("{} links; emitted: {emitted:?}", tally.signatures.len());
    for span in observe::SPANS {
        assert!(emitted.contains(span.name), "no span `{}`", span.name);
    }
    for event in ["check", "retry", "failed", "ended", "token_fetched", "token_failed"] {
        assert!(emitted.contains(event), "no event `{event}`");
    }
    assert!(!tally.signatures.is_empty());
    assert!(logged as u64 > 1000 * cases, "nothing was logged");
    assert!(tally.kinds.len() >= 16, "only the kinds {:?} occurred", tally.kinds);
    assert!(tally.causes.len() >= 30, "only the causes {:?} occurred", tally.causes);
    // These are not errors of a service or of the network.
    for never in [ErrorKind::Sink, ErrorKind::RepeatedMarker] {
        assert!(!tally.kinds.contains_key(never.as_str()));
    }
}
