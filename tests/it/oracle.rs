//! An evaluator of conditions that shares no code with the crate's own, as the reference of
//! differential tests. Conditions are trees that print themselves, and truth values are numbers.

use azure_asset_sync::condition::{Base, Operator, Quantifier, Request, Source, Value, Values};

/// A truth value: 0 is false, 1 is undecided, 2 is true. `NOT` is `2 - x`, `AND` the minimum, `OR` the
/// maximum.
pub type Truth = u8;

/// The source and the path of an attribute.
pub type Path = (&'static str, &'static str);

#[derive(Clone, Debug)]
pub enum Tree {
    Not(Box<Tree>),
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Action(Vec<String>),
    SubOperation(Vec<String>),
    Exists(Path),
    /// The left side, the number of the quantifier, the base operator and the right side.
    Compare(Side, Option<usize>, Base, Side),
}

#[derive(Clone, Debug)]
pub enum Side {
    Attribute(Path),
    /// Values in the syntax of a condition.
    Values(Vec<String>),
}

fn list(texts: &[String]) -> String {
    let texts: Vec<_> = texts.iter().map(|text| format!("'{text}'")).collect();
    texts.join(", ")
}

impl Side {
    fn print(&self, as_list: bool) -> String {
        match self {
            Self::Attribute((source, path)) => format!("@{source}[{path}]"),
            Self::Values(values) if as_list => format!("{{{}}}", values.join(",")),
            Self::Values(values) => values[0].clone(),
        }
    }
}

impl Tree {
    pub fn print(&self) -> String {
        let joined = |parts: &[Self], with: &str| {
            parts.iter().map(|part| format!("({})", part.print())).collect::<Vec<_>>().join(with)
        };
        match self {
            Self::Not(part) => format!("!({})", part.print()),
            Self::And(parts) => joined(parts, " AND "),
            Self::Or(parts) => joined(parts, " OR "),
            Self::Action(patterns) => format!("ActionMatches{{{}}}", list(patterns)),
            Self::SubOperation(names) => format!("SubOperationMatches{{{}}}", list(names)),
            Self::Exists(path) => format!("Exists {}", Side::Attribute(*path).print(false)),
            Self::Compare(left, quantifier, base, right) => {
                let operator = quantifier
                    .and_then(|q| Operator::cross(Quantifier::ALL[q], *base))
                    .unwrap_or(Operator::single(*base));
                let as_list = quantifier.is_some();
                format!("{} {operator} {}", left.print(as_list), right.print(as_list))
            }
        }
    }
}

/// A request.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub action: String,
    pub suboperations: Vec<String>,
    /// The attributes of the request, with values in the syntax of a condition.
    pub attributes: Vec<(Path, Vec<String>)>,
}

impl World {
    pub fn get(&self, path: Path) -> Option<&[String]> {
        let same = |(known, _): &&(Path, Vec<String>)| *known == path;
        self.attributes.iter().find(same).map(|(_, values)| values.as_slice())
    }

    pub fn request(&self) -> Request {
        let mut request = Request::new(self.action.as_str());
        for name in &self.suboperations {
            request = request.suboperation(name.as_str());
        }
        for ((source, path), values) in &self.attributes {
            let source = match *source {
                "Resource" => Source::Resource,
                "Request" => Source::Request,
                "Principal" => Source::Principal,
                _ => Source::Environment,
            };
            let typed = values.iter().map(|value| match Written::of(value) {
                Written::Number(number) => Value::from(number),
                Written::Truth(truth) => Value::from(truth),
                Written::Text(text) => Value::from(text),
            });
            request = request.attribute(source, path, typed.collect::<Values>());
        }
        request
    }

    fn side(&self, side: &Side) -> Option<Vec<String>> {
        match side {
            Side::Attribute(path) => self.get(*path).map(<[String]>::to_vec),
            Side::Values(values) => Some(values.clone()),
        }
    }

    pub fn truth(&self, tree: &Tree) -> Truth {
        match tree {
            Tree::Not(part) => 2 - self.truth(part),
            Tree::And(parts) => parts.iter().map(|part| self.truth(part)).min().unwrap(),
            Tree::Or(parts) => parts.iter().map(|part| self.truth(part)).max().unwrap(),
            Tree::Action(patterns) => {
                let chars = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
                let fits = |pattern: &String| glob(&chars(pattern), &chars(&self.action), false);
                2 * u8::from(patterns.iter().any(fits))
            }
            Tree::SubOperation(names) => {
                2 * u8::from(names.iter().any(|name| self.suboperations.contains(name)))
            }
            Tree::Exists(path) => 2 * u8::from(self.get(*path).is_some()),
            Tree::Compare(left, quantifier, base, right) => {
                let (Some(left), Some(right)) = (self.side(left), self.side(right)) else {
                    return 1;
                };
                let one = |left: &String, right: &String| holds(*base, left, right);
                let with =
                    |left: &String| right.iter().map(|right| one(left, right)).collect::<Vec<_>>();
                let any = |truths: Vec<Truth>| truths.into_iter().max().unwrap_or(0);
                let all = |truths: Vec<Truth>| truths.into_iter().min().unwrap_or(2);
                match quantifier {
                    None if left.len() != 1 || right.len() != 1 => 1,
                    None => one(&left[0], &right[0]),
                    Some(0) => any(left.iter().map(|l| any(with(l))).collect()),
                    Some(1) => all(left.iter().map(|l| any(with(l))).collect()),
                    Some(2) => any(left.iter().map(|l| all(with(l))).collect()),
                    Some(_) => all(left.iter().map(|l| all(with(l))).collect()),
                }
            }
        }
    }
}

/// A value with the type that its syntax implies.
enum Written<'a> {
    Text(&'a str),
    Number(i64),
    Truth(bool),
}

impl<'a> Written<'a> {
    fn of(value: &'a str) -> Self {
        if let Some(text) = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            return Self::Text(text);
        }
        match value {
            "true" => Self::Truth(true),
            "false" => Self::Truth(false),
            // A GUID without quotes is a text.
            _ => value.parse().map_or(Self::Text(value), Self::Number),
        }
    }
}

/// Returns whether a pattern matches. Tries every length for each `*`.
pub fn glob(pattern: &[char], text: &[char], with_one: bool) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['\\', c @ ('*' | '?'), rest @ ..] if with_one => {
            text.first() == Some(c) && glob(rest, &text[1..], with_one)
        }
        ['*', rest @ ..] => (0..=text.len()).any(|n| glob(rest, &text[n..], with_one)),
        ['?', rest @ ..] if with_one => !text.is_empty() && glob(rest, &text[1..], with_one),
        [c, rest @ ..] => text.first() == Some(c) && glob(rest, &text[1..], with_one),
    }
}

/// Evaluates an operator as the documentation defines it. The result is undecided if a value has another
/// type.
fn holds(base: Base, left: &str, right: &str) -> Truth {
    let name = base.as_str();
    if let Some(positive) =
        ["NotEquals", "NotStartsWith", "NotLike"].iter().find(|n| name.contains(**n))
    {
        let twin = name.replace(positive, &positive[3..]);
        let twin = Base::ALL.iter().find(|base| base.as_str() == twin).unwrap();
        return 2 - holds(*twin, left, right);
    }
    let both = [left, right].map(Written::of);
    let decided = if let Some(order) = name.strip_prefix("Numeric") {
        let number = |value: &Written<'_>| match value {
            Written::Number(number) => Some(*number),
            Written::Text(text) => text.parse().ok(),
            Written::Truth(_) => None,
        };
        let [left, right] = both.each_ref().map(number);
        left.zip(right).map(|(left, right)| ordered(order, left, right))
    } else if let Some(order) = name.strip_prefix("DateTime") {
        let [left, right] = both.each_ref().map(moment);
        left.zip(right).map(|(left, right)| ordered(order, left, right))
    } else if name.starts_with("Bool") {
        let truth = |value: &Written<'_>| match value {
            Written::Truth(truth) => Some(*truth),
            Written::Text(text) => text.to_lowercase().parse().ok(),
            Written::Number(_) => None,
        };
        let [left, right] = both.each_ref().map(truth);
        left.zip(right).map(|(left, right)| left == right)
    } else {
        let is_guid = name.starts_with("Guid");
        let text = |value: &Written<'_>| match value {
            Written::Text(text) if is_guid => {
                uuid::Uuid::parse_str(text).ok().map(|guid| guid.to_string())
            }
            Written::Text(text) if name.ends_with("IgnoreCase") => Some(text.to_lowercase()),
            Written::Text(text) => Some((*text).to_owned()),
            _ => None,
        };
        let [left, right] = both.each_ref().map(text);
        left.zip(right).map(|(left, right)| {
            if name.contains("StartsWith") {
                left.starts_with(&right)
            } else if name.contains("Like") {
                let [pattern, text] = [right, left].map(|text| text.chars().collect::<Vec<_>>());
                glob(&pattern, &text, true)
            } else {
                left == right
            }
        })
    };
    decided.map_or(1, |truth| 2 * u8::from(truth))
}

fn ordered<T: PartialOrd>(order: &str, left: T, right: T) -> bool {
    match order {
        "Equals" => left == right,
        "GreaterThan" => left > right,
        "GreaterThanEquals" => left >= right,
        "LessThan" => left < right,
        _ => left <= right,
    }
}

/// Returns a time as a number of digits with a fraction of 7 digits, so that numbers sort like times.
fn moment(value: &Written<'_>) -> Option<u128> {
    let Written::Text(text) = value else { return None };
    humantime::parse_rfc3339(text).ok()?;
    let text = text.strip_suffix('Z')?;
    let (time, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = time.chars().filter(char::is_ascii_digit).collect();
    format!("{digits}{fraction:0<7}").parse().ok()
}
