//! Random values survive a trip through JSON.

use std::time::{Duration, SystemTime};

use azure_asset_sync::{
    Blob, Format, Kind, Reason, Rules,
    grant::Pack,
    lifecycle::State,
    sink::Change,
    store::{AccessTier, BlobType, ContentMd5, ETag, Text},
    validate::{Action, Filter, Verdict},
};
use proptest::{option, prelude::*};

fn time() -> impl Strategy<Value = SystemTime> {
    // RFC 3339 has the years 0 to 9999; listings have whole seconds, and other stores may have more.
    (0..253_402_300_800_u64, 0..1_000_000_000_u32)
        .prop_map(|(seconds, nanos)| SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos))
}

prop_compose! {
    fn blob()(
        name in "\\PC{1,40}",
        size in any::<u64>(),
        texts in proptest::collection::vec(option::of("\\PC{0,40}"), 7),
        times in [option::of(time()), option::of(time())],
        md5 in option::of(any::<[u8; 16]>()),
        flags in any::<[bool; 2]>(),
        is_current in any::<Option<bool>>(),
        metadata in proptest::collection::btree_map("[a-z]{1,8}", "\\PC{0,20}", 0..4),
    ) -> Blob {
        let mut blob = Blob::new(name, size);
        let mut texts = texts.into_iter();
        let mut text = || texts.next().flatten();
        blob.etag = text().map(|text| ETag::from(&*text));
        blob.content_type = text().map(|text| (&*text).into());
        blob.content_encoding = text().map(|text| Text::from(&*text));
        blob.blob_type = text().map(|text| BlobType::from(&*text));
        blob.access_tier = text().map(|text| AccessTier::from(&*text));
        blob.version_id = text().map(|text| Text::from(&*text));
        blob.snapshot = text().map(|text| Text::from(&*text));
        [blob.last_modified, blob.created] = times;
        blob.content_md5 = md5.map(ContentMd5::from);
        blob.is_directory = flags[0];
        blob.is_current_version = is_current;
        blob.metadata = metadata.into_iter().collect();
        blob
    }
}

prop_compose! {
    fn rules()(
        formats in proptest::collection::vec(("[a-z0-9]{1,9}", any::<bool>()), 0..4),
        refused in proptest::collection::vec("(jpg|png|mp4|[a-z]{2,4})", 0..4),
        sizes in [0..1_u64 << 53, 0..1_u64 << 53],
        on in proptest::collection::vec((0..Reason::ALL.len(), 0..Action::ALL.len()), 0..5),
        least in option::of(0..1_000_u64),
    ) -> Rules {
        let mut rules = Rules::default().max_size(Kind::Image, sizes[0]).max_size(Kind::Video, sizes[1]);
        for extension in refused {
            rules = rules.refuse(&extension);
        }
        for (extension, is_image) in formats {
            let kind = if is_image { Kind::Image } else { Kind::Video };
            rules = rules.accept(Format::new(&extension, kind, "image/x-test").alias("image/a"));
        }
        for (reason, action) in on {
            rules = rules.on(Reason::ALL[reason], Action::ALL[action]);
        }
        match least {
            Some(least) => rules.filter(Filter::builder().min_size(least).build().unwrap()),
            None => rules,
        }
    }
}

fn again<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn blobs_verdicts_and_changes_survive_json(blob in blob(), rules in rules()) {
        prop_assert_eq!(&again(&blob), &blob);
        let verdict: Verdict = rules.check(blob);
        prop_assert_eq!(&again(&verdict), &verdict);
        let change = Change::from(verdict);
        prop_assert_eq!(&again(&change), &change);
    }

    #[test]
    fn rules_survive_json_with_their_fingerprint(rules in rules()) {
        let read = again(&rules);
        prop_assert_eq!(read.fingerprint(), rules.fingerprint());
        prop_assert_eq!(read, rules);
    }

    /// Whatever the JSON is, reading it neither panics nor takes long.
    #[test]
    fn nonsense_is_an_error(text in "[\\[\\]{}\",:a-z0-9]{0,60}") {
        let _ = serde_json::from_str::<Rules>(&text);
        let _ = serde_json::from_str::<Change>(&text);
        let _ = serde_json::from_str::<Pack>(&text);
        let _ = serde_json::from_str::<State>(&text);
    }
}
