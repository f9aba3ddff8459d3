//! One page of a listing, as List Blobs returns it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use memchr::memmem;

use crate::container::Container;

/// The parameters of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    pub prefix: String,
    pub delimiter: String,
    pub marker: String,
    pub start_from: String,
    pub most: usize,
}

impl ListQuery {
    /// Parses a query string, or returns `None` if it does not ask for a listing.
    pub fn of(text: &str, largest: usize) -> Option<Self> {
        let mut query = Self { most: largest, ..Self::default() };
        let mut lists = false;
        for (key, value) in form_urlencoded::parse(text.as_bytes()) {
            match &*key {
                "comp" => lists = value == "list",
                "prefix" => query.prefix = value.into_owned(),
                "delimiter" => query.delimiter = value.into_owned(),
                "marker" => query.marker = value.into_owned(),
                "startFrom" => query.start_from = value.into_owned(),
                "maxresults" => query.most = value.parse::<usize>().ok()?.clamp(1, largest),
                _ => {}
            }
        }
        lists.then_some(query)
    }
}

/// Returns a page in parts, or `None` if the marker is not valid. The parts with blobs are not
/// copied.
pub fn page(container: &Container, query: &ListQuery) -> Option<Vec<Bytes>> {
    let prefix = query.prefix.as_bytes();
    let first = match query.marker.as_str() {
        "" => {
            let from = prefix.max(query.start_from.as_bytes());
            container.find(0, |name| name < from)
        }
        marker => index(marker)?.min(container.count()),
    };
    let end = container.find(first, |name| name < prefix || name.starts_with(prefix));
    let mut parts = vec![Bytes::from(head(query))];
    let next = if query.delimiter.is_empty() {
        let next = (first + query.most).min(end);
        parts.push(container.slice(first, next));
        next
    } else {
        level(container, query, first, end, &mut parts)
    };
    let marker = (next < end).then(|| marker(next));
    parts.push(match marker {
        Some(marker) => {
            format!("</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>").into()
        }
        None => Bytes::from_static(b"</Blobs><NextMarker /></EnumerationResults>"),
    });
    Some(parts)
}

/// Adds blobs, and one prefix for all blobs of a folder. Returns the index of the first blob that
/// is not on the page.
fn level(
    container: &Container,
    query: &ListQuery,
    mut at: usize,
    end: usize,
    parts: &mut Vec<Bytes>,
) -> usize {
    let delimiter = memmem::Finder::new(&query.delimiter);
    let mut run = at;
    for _ in 0..query.most {
        if at == end {
            break;
        }
        let name = container.name(at);
        let Some(place) = delimiter.find(&name[query.prefix.len()..]) else {
            at += 1;
            continue;
        };
        parts.push(container.slice(run, at));
        let folder = &name[..query.prefix.len() + place + query.delimiter.len()];
        let text = String::from_utf8_lossy(folder);
        parts.push(format!("<BlobPrefix><Name>{text}</Name></BlobPrefix>").into());
        at = container.find(at, |name| name.starts_with(folder));
        run = at;
    }
    parts.push(container.slice(run, at));
    at
}

/// Returns the start of a page.
fn head(query: &ListQuery) -> String {
    let mut head = String::from(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults \
         ServiceEndpoint=\"http://127.0.0.1/\" ContainerName=\"training\">",
    );
    // No name of the container has a character that XML would escape.
    for (element, value) in
        [("Prefix", &query.prefix), ("Marker", &query.marker), ("Delimiter", &query.delimiter)]
    {
        if !value.is_empty() && !value.contains(['<', '&']) {
            head.push_str(&format!("<{element}>{value}</{element}>"));
        }
    }
    head.push_str("<Blobs>");
    head
}

/// Returns the marker of a page that begins with this blob.
fn marker(index: usize) -> String {
    format!("2!{}", STANDARD.encode(format!("{index:012}!")))
}

/// Returns the first blob of the page of a marker.
fn index(marker: &str) -> Option<usize> {
    let text = STANDARD.decode(marker.strip_prefix("2!")?).ok()?;
    str::from_utf8(&text).ok()?.trim_end_matches('!').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{Names, Shape};

    const COUNT: usize = 3000;

    fn container(shape: Shape) -> Container {
        Container::new(&Names::new(shape, COUNT), COUNT)
    }

    /// Returns all names and prefixes of a listing, and the number of its pages.
    fn list(container: &Container, query: &str) -> (Vec<String>, usize) {
        let mut query = ListQuery::of(&format!("comp=list&{query}"), 5000).unwrap();
        let (mut names, mut pages) = (Vec::new(), 0);
        loop {
            let page = page(container, &query).unwrap().concat();
            let page = String::from_utf8(page).unwrap();
            names.extend(
                page.split("<Name>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()),
            );
            pages += 1;
            query.marker = page.split("<NextMarker>").nth(1).unwrap_or_default().to_owned();
            let Some((marker, _)) = query.marker.split_once('<') else { return (names, pages) };
            query.marker = marker.to_owned();
        }
    }

    #[test]
    fn the_pages_contain_every_name() {
        for shape in [Shape::Hierarchy, Shape::Flat] {
            let container = container(shape);
            let (names, pages) = list(&container, "maxresults=1000");
            assert_eq!((names.len(), pages), (COUNT, 3));
            assert!(names.is_sorted());
        }
    }

    #[test]
    fn a_prefix_bounds_the_listing_on_both_sides() {
        let container = container(Shape::Hierarchy);
        let all = list(&container, "").0;
        for prefix in ["hall-03/", "hall-0", "nothing", "", "calibration/0"] {
            let wanted: Vec<_> =
                all.iter().filter(|name| name.starts_with(prefix)).cloned().collect();
            assert_eq!(list(&container, &format!("prefix={prefix}&maxresults=7")).0, wanted);
        }
    }

    #[test]
    fn a_delimiter_returns_folders_instead_of_their_blobs() {
        let container = container(Shape::Hierarchy);
        for most in [1, 3, 5000] {
            let (names, _) = list(&container, &format!("delimiter=%2F&maxresults={most}"));
            assert!(names.len() > 5 && names.iter().all(|name| name.ends_with('/')), "{names:?}");
            assert!(names.is_sorted_by(|a, b| a < b));
        }
        let (names, _) = list(&container, "delimiter=/&prefix=hall-03/&maxresults=2");
        assert!(names.iter().any(|name| name.ends_with('/')));
        assert!(names.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn the_start_is_included() {
        let container = container(Shape::Flat);
        let all = list(&container, "").0;
        let start = &all[1234];
        assert_eq!(list(&container, &format!("startFrom={start}&maxresults=100")).0, all[1234..]);
    }
}
