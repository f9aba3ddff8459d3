//! The operators of the language, as a table.
//!
//! An operator is a [`Base`], with a [`Quantifier`] in front of it for lists.

use std::fmt;

/// An operator of a comparison: a base, and for lists a quantifier.
///
/// ```
/// use azure_asset_sync::condition::{Base, Operator, Quantifier};
///
/// let operator = Operator::cross(Quantifier::AnyAny, Base::StringEquals);
/// let text = operator.map(|operator| operator.to_string());
/// assert_eq!(text.as_deref(), Some("ForAnyOfAnyValues:StringEquals"));
/// assert_eq!(Operator::cross(Quantifier::AnyAny, Base::BoolEquals), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operator {
    quantifier: Option<Quantifier>,
    base: Base,
}

impl Operator {
    /// Makes an operator for two single values.
    pub fn single(base: Base) -> Self {
        Self { quantifier: None, base }
    }

    /// Makes an operator for lists, or returns `None` if the language has no such operator.
    ///
    /// There are 64 of them: each quantifier with 16 of the bases.
    pub fn cross(quantifier: Quantifier, base: Base) -> Option<Self> {
        // Only these bases have forms for lists, so an operator that does not exist cannot be made.
        base.has_cross_product().then_some(Self { quantifier: Some(quantifier), base })
    }

    /// Returns the quantifier, or `None` for an operator of single values.
    pub fn quantifier(self) -> Option<Quantifier> {
        self.quantifier
    }

    /// Returns how two values are compared.
    pub fn base(self) -> Base {
        self.base
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.quantifier {
            Some(quantifier) => write!(f, "{}:{}", quantifier.as_str(), self.base.as_str()),
            None => f.write_str(self.base.as_str()),
        }
    }
}

/// A quantifier, `ForXOfYValues`: X of the left values agree with Y of the right values.
///
/// The enum is exhaustive: the language has these four quantifiers.
///
/// ```
/// use azure_asset_sync::condition::{Condition, Request, Values};
///
/// let keys: Values = ["a", "b"].into_iter().collect();
/// let request = Request::new("x/read").resource("keys", keys);
/// let all: Condition = "@Resource[keys] ForAllOfAnyValues:StringEquals {'a', 'c'}".parse()?;
/// let any: Condition = "@Resource[keys] ForAnyOfAnyValues:StringEquals {'a', 'c'}".parse()?;
/// assert!(any.allows(&request) && !all.allows(&request));
/// # Ok::<(), azure_asset_sync::condition::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// Some left value agrees with some right value.
    AnyAny,
    /// Each left value agrees with some right value.
    AllAny,
    /// Some left value agrees with each right value.
    AnyAll,
    /// Each left value agrees with each right value.
    AllAll,
}

impl Quantifier {
    /// All quantifiers.
    pub const ALL: [Self; 4] = [Self::AnyAny, Self::AllAny, Self::AnyAll, Self::AllAll];

    /// Returns the quantifier as written before the colon.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AnyAny => "ForAnyOfAnyValues",
            Self::AllAny => "ForAllOfAnyValues",
            Self::AnyAll => "ForAnyOfAllValues",
            Self::AllAll => "ForAllOfAllValues",
        }
    }
}

/// The type of the values that an operator compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ValueType {
    /// Text.
    String,
    /// Whole numbers.
    Integer,
    /// Points in time.
    DateTime,
    /// True and false.
    Bool,
    /// GUIDs, which ignore letter case.
    Guid,
}

/// The relation that a base tests, without its negation and letter case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// The value is equal to the other one.
    Equals,
    /// The text begins with the other one.
    StartsWith,
    /// The text matches the pattern.
    Like,
    /// The value is greater.
    Greater,
    /// The value is greater or equal.
    GreaterOrEqual,
    /// The value is less.
    Less,
    /// The value is less or equal.
    LessOrEqual,
}

macro_rules! bases {
    ($($(#[$doc:meta])+ $name:ident: $value:ident $relation:ident $sense:ident $case:ident $cross:ident;)+) => {
        /// The comparison of two values, as the language names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Base {
            $($(#[$doc])+ $name,)+
        }

        impl Base {
            /// All 28 bases.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the operator as written.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// Returns the type of the values that the operator compares.
            pub fn value_type(self) -> ValueType {
                match self {
                    $(Self::$name => ValueType::$value,)+
                }
            }

            /// Returns whether the operator exists with the four quantifiers.
            pub fn has_cross_product(self) -> bool {
                match self {
                    $(Self::$name => bases!(@cross $cross),)+
                }
            }

            /// Returns whether this is the negation of another operator.
            pub fn is_negative(self) -> bool {
                match self {
                    $(Self::$name => bases!(@negative $sense),)+
                }
            }

            /// Returns whether letter case makes no difference.
            pub(super) fn ignores_case(self) -> bool {
                match self {
                    $(Self::$name => bases!(@ignores $case),)+
                }
            }

            /// Returns the relation that the operator tests.
            pub(super) fn relation(self) -> Relation {
                match self {
                    $(Self::$name => Relation::$relation,)+
                }
            }
        }
    };
    (@cross lists) => { true };
    (@cross single) => { false };
    (@negative not) => { true };
    (@negative is) => { false };
    (@ignores anycase) => { true };
    (@ignores exact) => { false };
}

// Source: Microsoft Learn, "Azure role assignment condition format and syntax".
// The columns: type, relation, whether it is negated, whether letter case matters, and whether the
// operator exists for lists.
bases! {
    /// The texts are equal.
    StringEquals: String Equals is exact lists;
    /// The texts are equal, apart from letter case.
    StringEqualsIgnoreCase: String Equals is anycase lists;
    /// The texts differ.
    StringNotEquals: String Equals not exact lists;
    /// The texts differ by more than letter case.
    StringNotEqualsIgnoreCase: String Equals not anycase lists;
    /// The left text begins with the right one.
    StringStartsWith: String StartsWith is exact single;
    /// The left text begins with the right one, apart from letter case.
    StringStartsWithIgnoreCase: String StartsWith is anycase single;
    /// The left text does not begin with the right one.
    StringNotStartsWith: String StartsWith not exact single;
    /// The left text does not begin with the right one in any letter case.
    StringNotStartsWithIgnoreCase: String StartsWith not anycase single;
    /// The left text matches the right pattern; `*` is any text and `?` one character.
    StringLike: String Like is exact lists;
    /// The left text matches the right pattern, apart from letter case.
    StringLikeIgnoreCase: String Like is anycase lists;
    /// The left text does not match the right pattern.
    StringNotLike: String Like not exact lists;
    /// The left text does not match the right pattern in any letter case.
    StringNotLikeIgnoreCase: String Like not anycase lists;
    /// The numbers are equal.
    NumericEquals: Integer Equals is exact lists;
    /// The numbers differ.
    NumericNotEquals: Integer Equals not exact lists;
    /// The left number is greater than the right one.
    NumericGreaterThan: Integer Greater is exact lists;
    /// The left number is greater than the right one or equal to it.
    NumericGreaterThanEquals: Integer GreaterOrEqual is exact lists;
    /// The left number is less than the right one.
    NumericLessThan: Integer Less is exact lists;
    /// The left number is less than the right one or equal to it.
    NumericLessThanEquals: Integer LessOrEqual is exact lists;
    /// The times are equal.
    DateTimeEquals: DateTime Equals is exact single;
    /// The times differ.
    DateTimeNotEquals: DateTime Equals not exact single;
    /// The left time is after the right one.
    DateTimeGreaterThan: DateTime Greater is exact single;
    /// The left time is after the right one or equal to it.
    DateTimeGreaterThanEquals: DateTime GreaterOrEqual is exact single;
    /// The left time is before the right one.
    DateTimeLessThan: DateTime Less is exact single;
    /// The left time is before the right one or equal to it.
    DateTimeLessThanEquals: DateTime LessOrEqual is exact single;
    /// The truth values are equal.
    BoolEquals: Bool Equals is exact single;
    /// The truth values differ.
    BoolNotEquals: Bool Equals not exact single;
    /// The GUIDs are equal, with or without hyphens.
    GuidEquals: Guid Equals is anycase lists;
    /// The GUIDs differ.
    GuidNotEquals: Guid Equals not anycase lists;
}
