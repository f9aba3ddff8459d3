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
    Equals,
    StartsWith,
    Like,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

macro_rules! bases {
    ($($name:ident: $value:ident $relation:ident $sense:ident $case:ident $cross:ident;)+) => {
        /// The comparison of two values, as the language names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "the names are the language's own and say what they compare")]
        pub enum Base {
            $($name,)+
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
bases! {
    StringEquals: String Equals is exact lists;
    StringEqualsIgnoreCase: String Equals is anycase lists;
    StringNotEquals: String Equals not exact lists;
    StringNotEqualsIgnoreCase: String Equals not anycase lists;
    StringStartsWith: String StartsWith is exact single;
    StringStartsWithIgnoreCase: String StartsWith is anycase single;
    StringNotStartsWith: String StartsWith not exact single;
    StringNotStartsWithIgnoreCase: String StartsWith not anycase single;
    StringLike: String Like is exact lists;
    StringLikeIgnoreCase: String Like is anycase lists;
    StringNotLike: String Like not exact lists;
    StringNotLikeIgnoreCase: String Like not anycase lists;
    NumericEquals: Integer Equals is exact lists;
    NumericNotEquals: Integer Equals not exact lists;
    NumericGreaterThan: Integer Greater is exact lists;
    NumericGreaterThanEquals: Integer GreaterOrEqual is exact lists;
    NumericLessThan: Integer Less is exact lists;
    NumericLessThanEquals: Integer LessOrEqual is exact lists;
    DateTimeEquals: DateTime Equals is exact single;
    DateTimeNotEquals: DateTime Equals not exact single;
    DateTimeGreaterThan: DateTime Greater is exact single;
    DateTimeGreaterThanEquals: DateTime GreaterOrEqual is exact single;
    DateTimeLessThan: DateTime Less is exact single;
    DateTimeLessThanEquals: DateTime LessOrEqual is exact single;
    BoolEquals: Bool Equals is exact single;
    BoolNotEquals: Bool Equals not exact single;
    GuidEquals: Guid Equals is anycase lists;
    GuidNotEquals: Guid Equals not anycase lists;
}
