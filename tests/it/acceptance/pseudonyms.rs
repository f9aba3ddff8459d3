//! Pseudonyms sort like the names that they replace, in each order, and reveal nothing of them.

use std::collections::BTreeSet;

use azure_asset_sync::store::NameOrder;
use fastrand::Rng;

use super::kit::names::Pseudonyms;

const ORDERS: [NameOrder; 4] =
    [NameOrder::Bytes, NameOrder::Utf16, NameOrder::Segments, NameOrder::SegmentsUtf16];

fn letter(rng: &mut Rng) -> char {
    match rng.u8(..12) {
        0..3 => rng.char('a'..='z'),
        3 => rng.char('A'..='Z'),
        4 => rng.char('0'..='9'),
        5 => rng.char(' '..='~'),
        6 => rng.char('\u{80}'..='\u{7ff}'),
        7 => rng.char('\u{800}'..='\u{d7ff}'),
        8 => rng.char('\u{e000}'..='\u{ffff}'),
        9 => rng.char('\u{10000}'..='\u{10ffff}'),
        10 => *rng.choice(&['/', '-', '.', '\u{301}', '\u{1f3fb}', '\u{fffe}', '\u{1}']).unwrap(),
        _ => '/',
    }
}

#[test]
fn pseudonyms_sort_like_their_names() {
    let mut rng = Rng::with_seed(11);
    for round in 0..300 {
        let mut names = BTreeSet::new();
        for _ in 0..rng.usize(1..40) {
            // Many names start with a part of another name.
            let some: Vec<&String> = names.iter().collect();
            let mut name: String = match rng.choice(&some) {
                Some(other) => other.chars().take(rng.usize(..8)).collect(),
                None => String::new(),
            };
            name.extend((0..rng.usize(1..6)).map(|_| letter(&mut rng)));
            names.insert(name);
        }
        let pseudonyms = Pseudonyms::of(names.clone());
        let pairs: Vec<_> = names.iter().map(|n| (n, pseudonyms.get(n).unwrap())).collect();
        for (at, (name, new)) in pairs.iter().enumerate() {
            assert_eq!(name.chars().count(), new.chars().count(), "round {round}: {name:?}");
            let slashes = |text: &str| text.match_indices('/').count();
            assert_eq!(slashes(name), slashes(new), "round {round}: {name:?}");
            for (other, other_new) in &pairs[at + 1..] {
                for order in ORDERS {
                    assert_eq!(
                        order.compare(name, other),
                        order.compare(new, other_new),
                        "round {round}, {order:?}: {name:?} {other:?} became {new:?} {other_new:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_single_name_keeps_no_letter() {
    let name = "hall-3/M\u{fc}ller 0042/\u{9580}\u{1f600}.jpg";
    let pseudonyms = Pseudonyms::of(BTreeSet::from([name.to_owned()]));
    let new = pseudonyms.get(name).unwrap();
    for (old, new) in name.chars().zip(new.chars()) {
        assert_eq!(old == new, "-/ .".contains(old), "{old} became {new}");
    }
}
