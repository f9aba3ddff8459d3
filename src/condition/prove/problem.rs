//! Reduces a condition to the comparisons that depend on the open attributes of a family.
//!
//! Everything that depends on fixed attributes only is evaluated once, here. The remaining tree refers to
//! its comparisons ("atoms") by number, so that a search can keep their requirements in a vector.
//!
//! For example, for a family of reads in container `a`, `!(ActionMatches{'…/read'}) OR (container
//! StringEquals 'a' AND path StringLike 'x*')` is reduced to the single atom `path StringLike 'x*'`.

use super::{
    family::{Domain, Family, USUAL_TIME},
    predicate::Predicate,
};
use crate::condition::{
    Attribute, Expr, ExprKind, Operand, OperandKind, Operator, Quantifier, Value,
    catalog::{Holds, Known},
    eval::{self, Truth},
};

/// A node of the reduced tree.
#[derive(Debug)]
pub(super) enum Node {
    /// A part that does not depend on an open attribute.
    Constant(Truth),
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    /// A comparison, by its number in [`Problem::atoms`].
    Atom(usize),
}

/// A comparison or test with at least one open attribute. Attributes are numbers in
/// [`Problem::variables`].
#[derive(Debug)]
pub(super) enum Atom<'a> {
    /// Tests whether the attribute is present.
    Exists { variable: usize },
    /// Compares the attribute with fixed values.
    Fixed { variable: usize, operator: Operator, predicate: Predicate<'a> },
    /// Compares two open attributes with each other.
    Pair { left: usize, right: usize, operator: Operator },
}

/// An open attribute of the condition.
#[derive(Debug)]
pub(super) struct Variable<'a> {
    pub(super) attribute: &'a Attribute,
    pub(super) domain: &'a Domain,
    /// A typical value, for readable examples.
    pub(super) usual: Value,
    /// The numbers of the atoms in which the attribute occurs.
    pub(super) atoms: Vec<usize>,
}

/// The atoms and the open attributes of all conditions of a search.
#[derive(Debug, Default)]
pub(super) struct Problem<'a> {
    pub(super) atoms: Vec<Atom<'a>>,
    pub(super) variables: Vec<Variable<'a>>,
    /// The work that reducing the conditions took, in steps of a budget.
    pub(super) cost: usize,
}

/// One side of a comparison, within the family.
enum Side<'a> {
    Values(&'a [Value]),
    /// An attribute that is always absent.
    Absent,
    /// An open attribute, by its number.
    Open(usize),
}

impl<'a> Problem<'a> {
    /// Reduces an expression and adds its atoms and attributes.
    ///
    /// Constants are folded, so the result contains a constant only if it is undecided or the whole result.
    pub(super) fn add(&mut self, expr: &'a Expr, family: &'a Family) -> Node {
        self.cost += 2;
        match &expr.kind {
            ExprKind::And(parts) => self.all(parts, family),
            ExprKind::Or(parts) => self.any(parts, family),
            ExprKind::Not(part) => match self.add(part, family) {
                Node::Constant(truth) => Node::Constant(truth.map(|truth| !truth)),
                // A double negation is the inner part itself.
                Node::Not(inner) => *inner,
                other => Node::Not(Box::new(other)),
            },
            ExprKind::Exists(attribute) => match self.side(attribute, family) {
                Side::Values(_) => Node::Constant(Some(true)),
                Side::Absent => Node::Constant(Some(false)),
                Side::Open(variable) => self.atom(Atom::Exists { variable }, &[variable]),
            },
            ExprKind::Compare { left, operator, right } => {
                let sides = [left, right].map(|operand| self.operand(operand, family));
                self.comparison(sides, *operator)
            }
            // Tests of the action are fixed, because a family has one action.
            ExprKind::ActionMatches(texts) | ExprKind::SubOperationMatches(texts) => {
                self.cost += texts.len();
                Node::Constant(eval::leaf(expr, family.fixed()))
            }
        }
    }

    /// Reduces an `AND`. A part that is false decides the whole.
    fn all(&mut self, parts: &'a [Expr], family: &'a Family) -> Node {
        let mut kept = Vec::new();
        for part in parts {
            match self.add(part, family) {
                Node::Constant(Some(true)) => {}
                Node::Constant(Some(false)) => return Node::Constant(Some(false)),
                // Several levels of `AND` become one, so that the search has fewer goals.
                Node::All(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        joined(kept, true, Node::All)
    }

    /// Reduces an `OR`. A part that is true decides the whole.
    fn any(&mut self, parts: &'a [Expr], family: &'a Family) -> Node {
        let mut kept = Vec::new();
        for part in parts {
            match self.add(part, family) {
                Node::Constant(Some(false)) => {}
                Node::Constant(Some(true)) => return Node::Constant(Some(true)),
                Node::Any(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        joined(kept, false, Node::Any)
    }

    /// Reduces a comparison of two sides.
    ///
    /// A comparison with an absent attribute is undecided, and one of fixed values is evaluated.
    fn comparison(&mut self, sides: [Side<'a>; 2], operator: Operator) -> Node {
        let every = |is_left: bool| match operator.quantifier() {
            // The attribute has one value here, so only the quantifier of the other side matters.
            Some(Quantifier::AllAll) => true,
            Some(Quantifier::AnyAll) => is_left,
            Some(Quantifier::AllAny) => !is_left,
            Some(Quantifier::AnyAny) | None => false,
        };
        let (variable, values, is_left) = match sides {
            [Side::Absent, _] | [_, Side::Absent] => return Node::Constant(None),
            [Side::Values(left), Side::Values(right)] => {
                self.cost += left.len() * right.len();
                return Node::Constant(eval::comparison(operator, left, right));
            }
            [Side::Open(left), Side::Open(right)] => {
                return self.atom(Atom::Pair { left, right, operator }, &[left, right]);
            }
            [Side::Open(variable), Side::Values(values)] => (variable, values, true),
            [Side::Values(values), Side::Open(variable)] => (variable, values, false),
        };
        // A comparison without a quantifier is undecided for lists.
        if operator.quantifier().is_none() && values.len() != 1 {
            return Node::Constant(None);
        }
        let every = every(is_left);
        let predicate = Predicate { base: operator.base(), values, is_left, every };
        self.atom(Atom::Fixed { variable, operator, predicate }, &[variable])
    }

    /// Adds an atom and registers it with its attributes.
    fn atom(&mut self, atom: Atom<'a>, variables: &[usize]) -> Node {
        let id = self.atoms.len();
        self.atoms.push(atom);
        for variable in variables {
            if let Some(variable) = self.variables.get_mut(*variable)
                // An attribute on both sides of a comparison is registered once.
                && variable.atoms.last() != Some(&id)
            {
                variable.atoms.push(id);
            }
        }
        Node::Atom(id)
    }

    /// Classifies one side of a comparison.
    fn operand(&mut self, operand: &'a Operand, family: &'a Family) -> Side<'a> {
        match &operand.kind {
            OperandKind::Attribute(attribute) => self.side(attribute, family),
            OperandKind::Value(value) => Side::Values(std::slice::from_ref(value)),
            OperandKind::List(values) => Side::Values(values),
        }
    }

    /// Classifies an attribute: fixed, absent or open. Registers an open one on its first occurrence.
    ///
    /// Two attributes are the same if source and key are, whatever the letter case of the path.
    fn side(&mut self, attribute: &'a Attribute, family: &'a Family) -> Side<'a> {
        // The suboperation in the spelling of the preview is fixed by the family.
        if eval::is_suboperation(attribute) {
            return Side::Values(family.suboperations());
        }
        if let Some(values) = family.fixed().values(attribute) {
            return Side::Values(values);
        }
        let same = |variable: &Variable<'_>| {
            variable.attribute.source() == attribute.source()
                && variable.attribute.key() == attribute.key()
        };
        if let Some(known) = self.variables.iter().position(same) {
            return Side::Open(known);
        }
        match family.domain(attribute) {
            Domain::Absent => Side::Absent,
            domain => {
                let usual = usual(attribute);
                self.variables.push(Variable { attribute, domain, usual, atoms: Vec::new() });
                Side::Open(self.variables.len() - 1)
            }
        }
    }
}

/// Returns a typical value of an attribute.
fn usual(attribute: &Attribute) -> Value {
    match Known::of(attribute.path()).map(Known::holds) {
        Some(Holds::Bool) => true.into(),
        Some(Holds::Time) => USUAL_TIME.into(),
        _ => "x".into(),
    }
}

/// Joins parts to one node; `empty` is the result of no parts.
fn joined(mut parts: Vec<Node>, empty: bool, join: fn(Vec<Node>) -> Node) -> Node {
    // Only undecided constants are left. One of them has the effect of all.
    let mut undecided = false;
    // Two undecided parts have the effect of one, so later ones are dropped.
    parts.retain(|part| {
        let constant = matches!(part, Node::Constant(_));
        let kept = !(constant && undecided);
        undecided |= constant;
        kept
    });
    match parts.len() {
        0 => Node::Constant(Some(empty)),
        1 => parts.swap_remove(0),
        _ => join(parts),
    }
}
